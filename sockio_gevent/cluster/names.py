"""The name of this worker, and the ids of sessions, which tell their owner.

The owner of a session is the worker that has opened it. Each process has a name of its own,
which nobody chooses: a forked child gets a new one. The name stands at the end of a session id,
because the first characters of an id are what logs show, and these must tell sessions apart.
"""

from __future__ import annotations

import os
import re
import secrets

__all__ = ["NAME", "WIDTH", "is_session_id", "new_session_id", "owner_of", "worker_name"]

#: How many characters the name of a worker has.
WIDTH = 10

#: The form of a name.
NAME = re.compile(f"[0-9a-f]{{{WIDTH}}}")

_SECRET = 15  # bytes of a session id that nobody can guess
_SESSION_ID = re.compile(f"[0-9a-f]{{{2 * _SECRET + WIDTH}}}")


def _new_name() -> str:
    return secrets.token_hex(WIDTH // 2)


_name = _new_name()


def _renew() -> None:
    global _name
    _name = _new_name()


os.register_at_fork(after_in_child=_renew)


def worker_name() -> str:
    """The name of this process."""
    return _name


def new_session_id() -> str:
    """The id for a session of this worker: a secret, and the name of the worker."""
    return secrets.token_hex(_SECRET) + _name


def is_session_id(text: str) -> bool:
    """Whether a text can be the id of a session."""
    return _SESSION_ID.fullmatch(text) is not None


def owner_of(session_id: str) -> str:
    """The name of the worker that owns a session; of any other text just its end."""
    return session_id[-WIDTH:]
