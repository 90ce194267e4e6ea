"""The options of the transports of classic clients: their names, times and checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from . import checks
from .suggestions import did_you_mean

__all__ = ["DEFAULTS", "DEFAULT_TRANSPORTS", "KNOWN_TRANSPORTS", "TransportOptions", "check"]


@dataclass(frozen=True)
class TransportOptions:
    """The times of one transport, in seconds.

    Attributes:
        heartbeat_interval: from an echo to the next heartbeat; ``None`` for no heartbeats.
        timeout: how long the echo of a heartbeat may take.
        close_timeout: how long a session without a connection is kept.
        duration: how long a poll waits; ``None`` where nothing polls.
    """

    heartbeat_interval: float | None = 10.0
    timeout: float = 8.0
    close_timeout: float = 0.0
    duration: float | None = None


_STREAMING = TransportOptions()
_POLLING = TransportOptions(heartbeat_interval=None, close_timeout=8.0, duration=20.0)

#: For each known transport, its times.
DEFAULTS = {
    "websocket": _STREAMING,
    "server-events": _STREAMING,
    "flashsocket": _STREAMING,
    "htmlfile": _STREAMING,
    "xhr-multipart": _STREAMING,
    "xhr-polling": _POLLING,
    "jsonp-polling": _POLLING,
}

KNOWN_TRANSPORTS = tuple(DEFAULTS)

# jsonp-polling answers with scripts, and a browser runs a script in any page that asks for it.
DEFAULT_TRANSPORTS = tuple(name for name in KNOWN_TRANSPORTS if name != "jsonp-polling")

_POLLING_TIMES = ("close_timeout", "duration")
_STREAMING_TIMES = ("heartbeat_interval", "timeout", "close_timeout")


def check(name: str, value: object) -> Mapping[str, TransportOptions]:
    """Times of some transports; the others keep their defaults."""
    if not isinstance(value, Mapping):
        raise checks.wrong(name, value, "a dict of dicts, by the names of transports")
    merged = dict(DEFAULTS)
    for transport, given in value.items():
        if transport not in DEFAULTS:
            hint = did_you_mean(str(transport), KNOWN_TRANSPORTS)
            raise ValueError(f"option {name!r}: no transport {transport!r}: {hint}")
        if not isinstance(given, Mapping):
            raise checks.wrong(f"{name}[{transport!r}]", given, "a dict")
        polling = merged[transport].duration is not None
        known = _POLLING_TIMES if polling else _STREAMING_TIMES
        for key, seconds in given.items():
            place = f"{name}[{transport!r}][{key!r}]"
            if key not in known:
                raise TypeError(f"no option {place!r}: {did_you_mean(str(key), known)}")
            if key != "heartbeat_interval" or seconds is not None:
                checks.seconds(place, seconds, zero=key == "close_timeout")
        merged[transport] = replace(merged[transport], **given)
    return merged
