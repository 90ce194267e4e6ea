"""A Socket.IO server for gevent.

:func:`listen` lets browsers connect to a gevent server or a WSGI application
and returns a :class:`Listener`; its ``connection`` event brings a
:class:`Client` for each of them.
"""

from __future__ import annotations

from .adapters.emitter import Emitter
from .client import Client, Target
from .errors import AckTimeout, Disconnected, Refused
from .listener import Listener, listen
from .namespace import Namespace, ParentNamespace
from .options.listener_options import Options
from .options.transport_options import TransportOptions
from .refusal import Refusal
from .remote_client import RemoteClient
from .version import __version__

__all__ = [
    "AckTimeout",
    "Client",
    "Disconnected",
    "Emitter",
    "Listener",
    "Namespace",
    "Options",
    "ParentNamespace",
    "Refusal",
    "Refused",
    "RemoteClient",
    "Target",
    "TransportOptions",
    "__version__",
    "listen",
]
