"""``python -m sockio_gevent doctor URL``: what gets through to a running server, and what mends it.

It speaks as clients do, through whatever proxies are on the way, and needs nothing of the
application. ``http.py`` and ``websocket.py`` are its clients, ``polling.py``, ``sockets.py``,
``proxies.py`` and ``balancers.py`` what it tries, ``findings.py`` what it says, and
``examine.py`` puts them together.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["is_meant"]


def is_meant(arguments: Sequence[str]) -> bool:
    """Whether a command line is for the doctor. A module of this name is ``doctor:application``."""
    return list(arguments[:1]) == ["doctor"]
