"""A Socket.IO server for gevent.

:func:`listen` lets browsers connect to a gevent server or a WSGI application
and returns a :class:`Listener`; its ``connection`` event brings a
:class:`Client` for each of them.
"""

from __future__ import annotations

from .client import Client
from .listener import Listener, listen
from .options.listener_options import Options, TransportOptions
from .refusal import Refusal
from .version import __version__

__all__ = [
    "Client",
    "Listener",
    "Options",
    "Refusal",
    "TransportOptions",
    "__version__",
    "listen",
]
