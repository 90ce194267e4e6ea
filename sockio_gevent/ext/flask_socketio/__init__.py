"""The API of Flask-SocketIO, upon the public API of this package.

An application that was written for Flask-SocketIO changes one import::

    from sockio_gevent.ext.flask_socketio import SocketIO, emit

This is for applications that come from there. A new one has more of this package with
:func:`sockio_gevent.listen` alone. ``docs/migration-flask-socketio.rst`` says what differs.
"""

from __future__ import annotations

try:
    import flask  # noqa: F401
except ImportError as error:
    raise ImportError(
        "the API of Flask-SocketIO needs Flask: pip install 'sockio_gevent[flask]'", name="flask"
    ) from error

from .errors import ConnectionRefusedError  # noqa: A004 - its name there
from .extension import SocketIO
from .functions import call, close_room, disconnect, emit, join_room, leave_room, rooms, send
from .namespaces import Namespace
from .testing import SocketIOTestClient

__all__ = [
    "ConnectionRefusedError",
    "Namespace",
    "SocketIO",
    "SocketIOTestClient",
    "call",
    "close_room",
    "disconnect",
    "emit",
    "join_room",
    "leave_room",
    "rooms",
    "send",
]
