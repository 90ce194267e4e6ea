"""The environ of a request: its copy for a session, its size, and the client's address."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final, Protocol
from urllib.parse import quote

from ...wire.redact import printable
from ..handover.departures import Departure
from ..handover.doors import Doors

__all__ = [
    "CONNECTION",
    "ServerConnection",
    "connection_of",
    "head_size",
    "kept",
    "peer_name",
    "target_of",
]

#: The key of the environ under which the server puts the connection of a request.
CONNECTION: Final = "sockio_gevent.connection"

# In the copy that a session keeps, these would keep the session's first request alive.
_OF_THE_REQUEST = frozenset(
    (
        "wsgi.input",
        "wsgi.websocket",
        CONNECTION,
        "gunicorn.socket",
        "gunicorn.http2.send_trailers",
        "werkzeug.socket",
        "wsgi.early_hints",
    )
)


class ServerConnection(Protocol):
    """The connection of a request, as the server gives it.

    Attributes:
        limits_heads: whether the head of the request was checked against the limits.
        socket: the gevent socket.
        upgrade: what switches protocols, or ``None`` if the request does not ask for that.
    """

    limits_heads: bool
    socket: Any
    upgrade: Any

    def abandon_input(self) -> None:
        """Do not read the rest of the body."""

    def answer_given(self) -> None:
        """All of the answer is there: from now on the client has so long to take it."""

    def note_door(self, doors: Doors) -> None:
        """Note its server, if that can take connections of other workers."""

    def departure(self) -> Departure | None:
        """How the connection can leave this worker; ``None`` if it cannot."""


def connection_of(environ: dict[str, Any]) -> ServerConnection | None:
    """The connection of a request, where the server gives it."""
    return environ.get(CONNECTION)


def head_size(environ: dict[str, Any]) -> int:
    """About how many bytes the head of a request had; only long headers and queries count."""
    texts = (value for key, value in environ.items() if key.startswith(("HTTP_", "QUERY_")))
    return sum(len(text) for text in texts)


def peer_name(environ: dict[str, Any]) -> str:
    """The address of the client, for the log."""
    # Middleware may have taken the address from a header that the client has invented.
    return printable(str(environ.get("REMOTE_ADDR") or "an unknown address"))


def kept(environ: dict[str, Any]) -> dict[str, Any]:
    """A copy of an environ without its input and its socket."""
    copy = {key: value for key, value in environ.items() if key not in _OF_THE_REQUEST}
    # Frameworks cannot make a request object from an environ without an input.
    copy["wsgi.input"] = BytesIO()
    return copy


def target_of(environ: dict[str, Any]) -> str:
    """Path and query of a request, exactly or nearly as they were sent."""
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if target is None:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        query = environ.get("QUERY_STRING")
        target = quote(path.encode("latin-1")) + (f"?{query}" if query else "")
    return str(target)
