"""The options of the server: short timeouts, so that sessions that end by themselves end soon."""

from __future__ import annotations

from typing import Any

from .lives import POLLS, SOCKETS, STREAMS, TRANSPORTS

__all__ = ["CHURN", "LONG_RUN", "WORKERS"]

_BUFFER = 64 * 1024

# For the churn, where no message has a deadline.
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

# A well-behaved client must not be late, even if the machine is slow for a moment.
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

# A session must outlive a worker that stands still for ten seconds.
WORKERS: dict[str, Any] = {
    "transports": TRANSPORTS,
    "flash_policy_port": None,
    "max_buffer": 8 * _BUFFER,
    "ping_interval": 5.0,
    "ping_timeout": 20.0,
    "transport_options": {
        **{
            name: {"heartbeat_interval": 5.0, "timeout": 20.0, "close_timeout": 20.0}
            for name in STREAMS
        },
        **{name: {"heartbeat_interval": 5.0, "timeout": 20.0} for name in SOCKETS},
        **{name: {"duration": 5.0, "close_timeout": 20.0} for name in POLLS},
    },
}
