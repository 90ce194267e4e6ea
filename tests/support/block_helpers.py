"""Helpers for the setups and checks of documentation blocks."""

from __future__ import annotations

import json
import logging
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import gevent.ssl
import trustme
from gevent.pywsgi import WSGIServer

import sockio_gevent as io
from sockio_gevent.testing import Client

from .clients import WebSocket
from .http import DEADLINE, HTTP, LONG
from .times import patient
from .waiting import wait_until

__all__ = ["HTTP", "LONG", "Client", "WebSocket", "gevent", "io", "json", "patient", "wait_until"]


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """A WSGI application for listeners."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


@contextmanager
def serve(application: Any) -> Iterator[int]:
    """Serve an application on a free port."""
    server = WSGIServer(("127.0.0.1", 0), application, log=None)
    server.start()
    try:
        yield server.server_port
    finally:
        server.stop(1)


def serve_in_thread(make_application: Any) -> int:
    """Serve the application of this function in another thread; return the port."""
    started: list[int] = []
    ready = threading.Event()

    def run() -> None:
        server = WSGIServer(("127.0.0.1", 0), make_application(), log=None)
        server.start()
        started.append(server.server_port)
        ready.set()
        server.serve_forever()

    threading.Thread(target=run, daemon=True).start()
    assert ready.wait(DEADLINE)
    return started[0]


def certificate() -> None:
    """Put key and certificate of a server into the current folder."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.private_key_pem.write_to_path("key.pem")
    issued.cert_chain_pems[0].write_to_path("certificate.pem")
    authority.cert_pem.write_to_path("authority.pem")


def trust(socket: Any) -> Any:
    """TLS for a client, to a server with the certificate of this folder."""
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations("authority.pem")
    return context.wrap_socket(socket, server_hostname="localhost")


def exercise(names: dict[str, Any]) -> None:
    """Connect to each listener of a block over a real socket, send, and leave."""
    listeners = _of_kind(names, io.Listener)
    assert listeners, "the block has neither a listener nor a check"
    for listener in listeners:
        servers = [server for server in _of_kind(names, WSGIServer) if listener.server is server]
        with serve(listener) if not servers else _started(servers[0]) as port:
            peer = WebSocket(port, path=f"/{listener.options.resource}/websocket").open()
            assert peer.session_id in listener.clients
            peer.send("hello", '~j~{"x": 1}')
            peer.close()
            wait_until(lambda listener=listener: not listener.clients)


@contextmanager
def cleaning_up(names: dict[str, Any]) -> Iterator[None]:
    """Check that the block leaves nothing behind, and that no handler has failed."""
    errors = _Errors()
    logging.getLogger("sockio_gevent").addHandler(errors)
    try:
        with gevent.Timeout(2 * DEADLINE):
            yield
            for listener in _of_kind(names, io.Listener):
                listener.close(1)
            for server in _of_kind(names, WSGIServer):
                server.stop(1)
    finally:
        logging.getLogger("sockio_gevent").removeHandler(errors)
    assert errors.lines == []


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def _started(server: WSGIServer) -> Iterator[int]:
    if not server.started:
        server.start()
    yield server.server_port


def _of_kind(names: dict[str, Any], kind: type) -> list[Any]:
    return [
        value for value in {id(v): v for v in names.values()}.values() if isinstance(value, kind)
    ]
