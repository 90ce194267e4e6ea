"""The released clients in Node: each version with each transport does all stories."""

from __future__ import annotations

import gevent
import pytest
from support.http import DEADLINE
from support.node import Node
from support.npm import RELEASED


@pytest.mark.parametrize("mode", ["polling", "websocket", "upgrade"])
@pytest.mark.parametrize("client", RELEASED)
def test_a_released_client_in_node_does_all_stories(stories, released_packages, client, mode):
    with gevent.Timeout(2 * DEADLINE):
        orders = {"stop": stories.stop, "start": stories.start}
        folder = str(released_packages)
        done = Node(
            stories.url, lambda what: orders[what](), client=client, folder=folder, mode=mode
        )
    assert {story: problem for story, problem in done.results.items() if problem} == {}
    assert len(done.results) >= 5
