"""The dialects of a listener, by the option ``dialects``."""

from __future__ import annotations

from ..options.listener_options import Options
from ..wire.redact import Shortener
from .base import Dialect
from .classic import Classic
from .engineio import BareEngineIO
from .socketio import SocketIO

__all__ = ["dialects_of", "shorteners_of"]


def dialects_of(options: Options) -> tuple[Dialect, ...]:
    """The dialects that clients may speak, the more usual one of two first."""
    found: list[Dialect] = []
    for name in options.dialects:
        if name == "classic":
            found.append(Classic(options))
        else:
            kind = SocketIO if name == "socket.io" else BareEngineIO
            found += [kind(options, 4), kind(options, 3)]
    return tuple(found)


def shorteners_of(options: Options) -> tuple[Shortener, ...]:
    """What cuts the session ids in the addresses of these dialects, for logs."""
    return tuple(dict.fromkeys(each.shortener for each in dialects_of(options)))
