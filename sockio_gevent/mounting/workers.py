"""Which processes are the workers of one application, and where they meet.

Those of one gunicorn, and those of ``python -m sockio_gevent --workers``, have a parent in
common. Any others have to be told a directory by the option ``cluster``.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import gevent

from ..cluster.bus import Bus
from ..cluster.local import LEAST_LARGEST, LocalBus
from ..cluster.place import of_parent, of_resource
from ..options.cluster import AUTO
from ..options.listener_options import Options
from ..server.http import gunicorn
from ..session.sessions import Sessions

__all__ = ["make_bus", "note_parent"]

# Several messages, of the largest size that an application sends, must fit.
_LARGEST = 4

# The process that has started this one with others, by the command line, and this one.
_parent: int | None = None
_worker: int | None = None

# How many listeners this process has at each place: each has workers of its own.
_listeners: Counter[tuple[str | None, str]] = Counter()


def note_parent(parent: int) -> None:
    """This process is one of several workers that this parent has started."""
    global _parent, _worker
    _parent, _worker = parent, os.getpid()


def make_bus(options: Options, sessions: Sessions) -> Bus | None:
    """The bus for a listener, not started yet; ``None`` if there can be no other workers.

    Args:
        options: the options of the listener.
        sessions: its sessions.
    """
    if options.cluster is None:
        return None
    if options.cluster == AUTO and _parent is None and not gunicorn.is_around():
        return None
    key = (options.cluster, options.resource)
    ordinal = _listeners[key]
    _listeners[key] += 1

    def place() -> Path | None:
        if options.cluster != AUTO:
            return of_resource(Path(str(options.cluster)), options.resource, ordinal)
        # A process that a worker has forked, or a master that has loaded the application for
        # its workers, serves nobody.
        if _parent is not None:
            ours = os.getpid() == _worker
            return of_parent(_parent, options.resource, ordinal) if ours else None
        worker = gunicorn.find_worker()
        ours = worker is not None and os.getpid() == worker.pid
        return of_parent(worker.ppid, options.resource, ordinal) if ours else None

    largest = _LARGEST * max(options.max_buffer, options.max_message_size)
    bus = LocalBus(place, sessions.loops.here, sessions.log, max(LEAST_LARGEST, largest))
    if options.cluster == AUTO and place() is not None:
        # As soon as the application is imported and the loop runs: until then this worker
        # could not answer the others.
        gevent.spawn(bus.start)
    return bus
