"""Which processes are the workers of one application, and where they meet.

Those of one gunicorn, and those of ``python -m sockio_gevent --workers``, have a parent in
common. Any others have to be told a directory by the option ``cluster``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import gevent

from ..cluster.bus import Bus
from ..cluster.local import LEAST_LARGEST, LocalBus
from ..cluster.place import of_parent, of_resource
from ..options.cluster import AUTO, is_redis
from ..options.listener_options import Options
from ..server.http import gunicorn
from ..session.sessions import Sessions

__all__ = ["make_bus", "note_parent"]

# Several messages, of the largest size that an application sends, must fit.
_LARGEST = 4

# Bytes that may wait while Redis is not reachable.
_MOST_FOR_REDIS = 64 * 1024 * 1024

# The process that has started this one with others, by the command line, and this one.
_parent: int | None = None
_worker: int | None = None

# How many listeners this process has at each place: each has workers of its own.
_listeners: Counter[tuple[str | None, str]] = Counter()


def note_parent(parent: int) -> None:
    """This process is one of several workers that this parent has started."""
    global _parent, _worker
    _parent, _worker = parent, os.getpid()


def _redis_bus(
    options: Options,
    sessions: Sessions,
    has_parent: bool,
    local: LocalBus,
    place: Callable[[], Path | None],
    largest: int,
) -> Bus:
    from ..cluster.redis_bus import RedisBus
    from ..cluster.redis_client import check_libraries, check_redis

    def serves() -> bool:
        return not has_parent or place() is not None

    if serves():
        check_redis()
    else:
        check_libraries()  # the workers of this master are patched when they start
    bus = RedisBus(
        str(options.cluster),
        options.resource,
        local if has_parent else None,
        serves,
        sessions.loops.here,
        sessions.log,
        largest,
        _MOST_FOR_REDIS,
    )
    if serves():
        gevent.spawn(bus.start)
    return bus


def make_bus(options: Options, sessions: Sessions) -> Bus | None:
    """The bus for a listener, not started yet; ``None`` if there can be no other workers.

    Args:
        options: the options of the listener.
        sessions: its sessions.
    """
    has_parent = _parent is not None or gunicorn.is_around()
    if options.cluster is None or (options.cluster == AUTO and not has_parent):
        return None
    key = (options.cluster, options.resource)
    ordinal = _listeners[key]
    _listeners[key] += 1

    def place() -> Path | None:
        if options.cluster != AUTO and not is_redis(str(options.cluster)):
            return of_resource(Path(str(options.cluster)), options.resource, ordinal)
        # A process that a worker has forked, or a master that has loaded the application for
        # its workers, serves nobody.
        if _parent is not None:
            ours = os.getpid() == _worker
            return of_parent(_parent, options.resource, ordinal) if ours else None
        worker = gunicorn.find_worker()
        ours = worker is not None and os.getpid() == worker.pid
        return of_parent(worker.ppid, options.resource, ordinal) if ours else None

    largest = max(LEAST_LARGEST, _LARGEST * max(options.max_buffer, options.max_message_size))
    bus = LocalBus(place, sessions.loops.here, sessions.log, largest)
    if options.cluster is not None and is_redis(options.cluster):
        return _redis_bus(options, sessions, has_parent, bus, place, largest)
    if options.cluster == AUTO and place() is not None:
        # As soon as the application is imported and the loop runs: until then this worker
        # could not answer the others.
        gevent.spawn(bus.start)
    return bus
