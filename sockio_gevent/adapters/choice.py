"""Which adapter goes with which bus."""

from __future__ import annotations

from ..cluster.bus import Bus
from ..cluster.redis_bus import RedisBus
from ..monitoring.throttled_log import ThrottledLog
from ..namespaces import Namespaces
from ..options.serializer import Serializer
from .adapter import Adapter

__all__ = ["make_adapter"]


def make_adapter(
    bus: Bus,
    namespaces: Namespaces,
    log: ThrottledLog,
    serializer: Serializer,
) -> Adapter:
    """Make the adapter for a bus; see :class:`Adapter`."""
    if isinstance(bus, RedisBus):
        # Not on top: it needs a library that is optional.
        from .streams_adapter import StreamsAdapter

        return StreamsAdapter(bus, namespaces, log, serializer)
    return Adapter(bus, namespaces, log, serializer)
