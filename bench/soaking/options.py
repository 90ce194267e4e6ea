"""What the server is given, so that what ends by itself does so in a short time."""

from __future__ import annotations

from typing import Any

from .lives import POLLS, SOCKETS, STREAMS

__all__ = ["CHURN", "LONG_RUN"]

_BUFFER = 64 * 1024

# Nothing here has to be there in time: each session lives for itself.
CHURN: dict[str, Any] = {
    "max_buffer": _BUFFER,
    "transport_options": {
        **{name: {"heartbeat_interval": 1.0, "timeout": 1.0} for name in SOCKETS},
        **{
            name: {"heartbeat_interval": 1.0, "timeout": 1.0, "close_timeout": 1.0}
            for name in STREAMS
        },
        **{name: {"duration": 1.0, "close_timeout": 1.0} for name in POLLS},
    },
}

# Who is well-behaved must not be late, even on a machine that is slow for a moment.
LONG_RUN: dict[str, Any] = {
    "ticks": 0.25,
    "max_buffer": 8 * _BUFFER,
    "transport_options": {
        **{
            name: {"heartbeat_interval": 3.0, "timeout": 6.0, "close_timeout": 5.0}
            for name in (*SOCKETS, *STREAMS)
        },
        **{name: {"duration": 5.0, "close_timeout": 5.0} for name in POLLS},
    },
}
