"""The names of workers, and the ids of sessions that end with them."""

from __future__ import annotations

import os

from sockio_gevent.cluster.names import (
    NAME,
    is_session_id,
    new_session_id,
    owner_of,
    worker_name,
)


def test_a_session_id_tells_its_owner() -> None:
    session_id = new_session_id()
    assert is_session_id(session_id)
    assert owner_of(session_id) == worker_name()


def test_the_first_characters_tell_sessions_of_one_worker_apart() -> None:
    shown = {new_session_id()[:8] for _ in range(100)}
    assert len(shown) == 100


def test_a_name_has_the_form_of_a_name() -> None:
    assert NAME.fullmatch(worker_name())


def test_a_forked_child_has_a_name_of_its_own() -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, worker_name().encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as pipe:
        name = pipe.read()
    os.waitpid(child, 0)
    assert NAME.fullmatch(name)
    assert name != worker_name()


def test_the_owner_of_any_other_text_is_nobody() -> None:
    assert NAME.fullmatch(owner_of("")) is None
    assert owner_of("x" * 40) != worker_name()
