"""The environ of a request: its copy for a session, its size, and the client's address."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from ...wire.redact import printable

__all__ = ["head_size", "kept", "peer_name"]

# In the copy that a session keeps, these would keep the session's first request alive.
_OF_THE_REQUEST = frozenset(
    (
        "wsgi.input",
        "wsgi.websocket",
        "sockio_gevent.abandon_input",
        "sockio_gevent.answer_given",
        "sockio_gevent.socket",
        "sockio_gevent.upgrade",
        "gunicorn.socket",
        "gunicorn.http2.send_trailers",
        "werkzeug.socket",
        "wsgi.early_hints",
    )
)


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
