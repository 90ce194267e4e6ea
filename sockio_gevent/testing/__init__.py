"""A client in the same process, for the tests of an application.

It has a real session on the listener and runs the real handlers; only the
transport is missing. Messages are encoded and decoded as on the wire, so tests
see what a browser would see. HTTP and sockets are not tested by this.
"""

from __future__ import annotations

from .client import Client
from .errors import Disconnected, Refused
from .events import Event

__all__ = ["Client", "Disconnected", "Event", "Refused"]
