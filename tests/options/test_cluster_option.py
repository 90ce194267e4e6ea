"""The option ``cluster``: what it may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sockio_gevent as io
from sockio_gevent.options.listener_options import Options


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("auto", "auto"),
        (None, None),
        ("/run/chat", "/run/chat"),
        ("/run/chat/", "/run/chat"),
        (Path("/run/chat"), "/run/chat"),
    ],
)
def test_it_says_how_workers_find_each_other(given: Any, kept: Any) -> None:
    assert Options.read({"cluster": given}).cluster == kept


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (True, TypeError, "must be 'auto', None, or the path of a directory"),
        (4, TypeError, "must be 'auto', None, or the path of a directory"),
        ("run/chat", ValueError, "must be 'auto', None, or the path of a directory"),
        ("off", ValueError, "must be 'auto', None, or the path of a directory"),
        ("", ValueError, "must be 'auto', None, or the path of a directory"),
        ("/run/\0", ValueError, "must be 'auto', None, or the path of a directory"),
        ("redis://localhost", ValueError, "on one machine so far, and not over 'redis'"),
    ],
)
def test_anything_else_is_refused_at_the_start(given: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=f"option 'cluster'.*{text}"):
        io.listen(lambda environ, start_response: [], cluster=given)
