"""The dialects of a listener, by the option ``dialects``."""

from __future__ import annotations

from ..options.listener_options import Options
from ..options.serializer import OWN, Serializer
from ..wire.classic_auth import auth_in_addresses
from ..wire.redact import Shortener
from .base import Dialect
from .classic import Classic
from .engineio import BareEngineIO
from .socketio import SocketIO

__all__ = ["dialects_of", "shorteners_of"]


def dialects_of(options: Options, serializer: Serializer = OWN) -> tuple[Dialect, ...]:
    """The dialects that clients may speak, the more usual one of two first.

    Args:
        options: the options of the listener.
        serializer: encodes and decodes JSON.
    """
    found: list[Dialect] = []
    for name in options.dialects:
        if name == "classic":
            found.append(Classic(options, serializer))
        else:
            kind = SocketIO if name == "socket.io" else BareEngineIO
            found += [kind(options, 4, serializer), kind(options, 3, serializer)]
    return tuple(found)


def shorteners_of(options: Options) -> tuple[Shortener, ...]:
    """What cuts the session ids in the addresses of these dialects, and ``auth``, for logs."""
    found = dict.fromkeys(each.shortener for each in dialects_of(options))
    if "classic" in options.dialects:
        found[auth_in_addresses(options.resource)] = None
    return tuple(found)
