"""Connections of gunicorn's gevent worker that are handed over, in both directions."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from inspect import GEN_CREATED, getgeneratorstate
from typing import Any

import gevent
from gevent.baseserver import BaseServer

from ..http.gunicorn import find_worker
from .departures import Departure, place_of
from .doors import Door, Doors
from .handed_socket import HandedSocket

__all__ = ["departure", "note_door"]


def note_door(doors: Doors) -> None:
    """Note the server that has accepted the connection of this greenlet's request."""
    server = _server()
    if server is not None:
        doors.note(server, _door)


def _door(server: Any) -> Door | None:
    worker = find_worker()
    return None if worker is None else GunicornDoor(worker, server)


def departure(response: Any, socket: Any) -> Departure | None:
    """How a connection can leave its worker; ``None`` if it cannot.

    Args:
        response: gunicorn's response; ``None`` if middleware hides it.
        socket: the gevent socket.
    """
    request = _request(response)
    if request is None or not GunicornDeparture.is_possible(request):
        return None
    if type(socket) is HandedSocket:
        return GunicornDeparture(request, socket, socket.place)
    server = _server()
    known = server is not None and not server.closed
    return GunicornDeparture(
        request, socket, place_of(server.socket.getsockname()) if known else ""
    )


def _server() -> Any:
    """The gevent server that runs this greenlet for a connection; ``None`` if none does."""
    for part in getattr(gevent.getcurrent(), "args", ()):
        server = getattr(part, "__self__", None)
        if isinstance(server, BaseServer):
            return server
    return None


def _request(response: Any) -> Any:
    """The request of gunicorn that is being answered; ``None`` if it is not found."""
    if response is not None:
        return response.req
    # Middleware hides the response. The request is found among the callers.
    frame = inspect.currentframe()
    while frame is not None:
        request = frame.f_locals.get("req")
        if hasattr(request, "unreader") and hasattr(request, "peer_addr"):
            return request
        frame = frame.f_back
    return None


class GunicornDeparture(Departure):
    """A connection of gunicorn's gevent worker.

    Args:
        request: gunicorn's request.
        socket: the gevent socket.
        place: the address at which it was accepted.
    """

    def __init__(self, request: Any, socket: Any, place: str) -> None:
        self._request = request
        self.socket = socket
        self.place = place
        address = request.peer_addr
        self.address = address.decode("latin-1") if isinstance(address, bytes) else address

    @staticmethod
    def is_possible(request: Any) -> bool:
        """Whether the request can be told to another worker: nobody has read from its body."""
        body, info = request.body, request.proxy_protocol_info
        if info and not (
            info.get("proxy_protocol") in ("TCP4", "TCP6")
            and request.cfg.proxy_protocol in (True, "auto", "v1")
        ):
            return False
        if body.buf.tell():
            return False
        if hasattr(body.reader, "parser"):
            return getgeneratorstate(body.reader.parser) == GEN_CREATED
        sizes = [value for name, value in request.headers if name == "CONTENT-LENGTH"]
        return getattr(body.reader, "length", None) == int(sizes[0] if sizes else 0)

    def begun(self) -> bytes:
        """The request; see :meth:`Departure.begun`."""
        request = self._request
        version = ".".join(map(str, request.version))
        lines = [f"{request.method} {request.uri} HTTP/{version}"]
        for name, value in request.headers:
            # If the client waits for a sign to send the body, gunicorn has given it.
            if name != "EXPECT":
                lines.append(f"{name}: {value}")
        info = request.proxy_protocol_info
        if info:
            # What a proxy has said of the client comes before the first request of a connection.
            fields = ("proxy_protocol", "client_addr", "proxy_addr", "client_port", "proxy_port")
            lines.insert(0, " ".join(["PROXY", *(str(info[field]) for field in fields)]))
        head = "\r\n".join(lines).encode("latin-1")
        return b"%b\r\n\r\n%b" % (head, request.unreader.buf.getvalue())

    def end_after_answer(self) -> None:
        """No other request is read from it."""
        # gunicorn asks this when it has answered, and before it reads the next request.
        self._request.should_close = lambda: True

    def _end(self) -> Iterable[bytes]:
        self.end_after_answer()
        self.socket.close()
        # gunicorn lets this pass, without an answer and without a line in its access log. And
        # middleware that reports errors does not report a successful exit.
        raise SystemExit(0)


class _ListeningSocket:
    """What gunicorn asks of a listening socket; the real one is closed when a worker stops."""

    def __init__(self, name: Any) -> None:
        self._name = name

    def getsockname(self) -> Any:
        return self._name


class GunicornDoor(Door):
    """A gevent worker of gunicorn.

    Args:
        worker: the worker.
        server: the gevent server of one of its listening sockets.
    """

    def __init__(self, worker: Any, server: Any) -> None:
        name = server.socket.getsockname()
        super().__init__(gevent.get_hub(), place_of(name), server.pool)
        self._worker = worker
        self._listening = _ListeningSocket(name)

    def _serve(self, socket: HandedSocket, address: Any) -> None:
        # gunicorn closes the socket.
        self._worker.handle(self._listening, socket, address)
