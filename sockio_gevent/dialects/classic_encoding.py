"""From a message of the application to what goes into outboxes."""

from __future__ import annotations

from typing import Any

from ..options.listener_options import Options
from ..wire import classic as wire
from ..wire.packet import OVERHEAD, Packet

__all__ = ["encode"]


def encode(message: Any, options: Options) -> Packet:
    """Encode a message for sending; see :meth:`Client.send`."""
    packet = Packet(wire.encode(message))
    size = packet.cost - OVERHEAD
    if size > options.max_buffer:
        raise ValueError(
            f"a message of {size} bytes is over the option "
            f"'max_buffer' of {options.max_buffer}: no session could keep it"
        )
    return packet
