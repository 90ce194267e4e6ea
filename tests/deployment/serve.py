"""Serves ``deployed.application`` with a server in this process: serve.py NAME …"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATCHED = ("werkzeug", "waitress_patched")

if sys.argv[1] in PATCHED:
    from gevent import monkey

    monkey.patch_all()

import deployed  # noqa: E402

ADDRESS = ("127.0.0.1", 0)


def told(port: int, scheme: str = "http") -> None:
    if os.environ.get("SOCKIO_TEST_FULL"):
        # A whole file at once, because another process checks for it again and again.
        Path("address.new").write_text(str(port))
        os.rename("address.new", "address")
    else:
        print(f"serving on {scheme}://127.0.0.1:{port}/", flush=True)


def run(server: Any) -> None:
    import gevent

    gevent.signal_handler(15, server.stop)
    server.start()
    told(server.server_port, "https" if server.ssl_enabled else "http")
    server.serve_forever()


def run_until_told(end: Callable[[Any], None]) -> None:
    """Run a server until a signal comes, and stop it as its own program does."""
    import gevent
    from gevent.event import Event
    from gevent.pywsgi import WSGIServer

    server = WSGIServer(ADDRESS, deployed.application, log=None)
    stopping = Event()
    gevent.signal_handler(15, stopping.set)
    server.start()
    told(server.server_port)
    stopping.wait()
    end(server)


def stopped_first() -> None:
    def end(server: Any) -> None:
        server.stop()
        deployed.listener.close(5)

    run_until_told(end)


def closed_first() -> None:
    def end(server: Any) -> None:
        deployed.listener.close(5)
        server.stop()

    run_until_told(end)


def pywsgi() -> None:
    from gevent.pywsgi import WSGIServer

    run(WSGIServer(ADDRESS, deployed.application, log=None))


def pywsgi_wrapped() -> None:
    from gevent.pywsgi import WSGIServer

    run(WSGIServer(ADDRESS, deployed.wrapped, log=None))


def listened_to(*arguments: str) -> None:
    """The server itself is listened to, not the application."""
    from gevent.pywsgi import WSGIServer

    files = dict(argument.lstrip("-").split("=") for argument in arguments)
    server = WSGIServer(ADDRESS, deployed.pages, log=None, **files)
    deployed.listen(server)
    run(server)


def far() -> None:
    """A worker that can hand no socket over, as if the others were on other machines."""
    from sockio_gevent.cluster.bus import Bus
    from sockio_gevent.cluster.local import LocalBus

    LocalBus.hands_over_to = Bus.hands_over_to  # type: ignore[method-assign]
    LocalBus.hand_over = Bus.hand_over  # type: ignore[method-assign]
    listened_to()


def logged() -> None:
    """The same, with an access log."""
    from gevent.pywsgi import WSGIServer

    server = WSGIServer(ADDRESS, deployed.pages, log=sys.stdout)
    deployed.listen(server)
    run(server)


def forked(fork: str) -> None:
    """Two processes that share the listener and the listening socket."""
    import gevent
    import gevent.os
    import gevent.socket
    from gevent.pywsgi import WSGIServer

    listening = gevent.socket.socket()
    listening.bind(ADDRESS)
    listening.listen(128)
    server = WSGIServer(listening, deployed.pages, log=None)
    deployed.listen(server)
    # The loop has run since listen().
    gevent.idle()
    child = {"os.fork": os.fork, "gevent.os.fork": gevent.os.fork}[fork]()
    if child:
        print(f"parent {os.getpid()}, child {child}", flush=True)
    run(server)


def full(*places: str) -> None:
    """A server whose logs cannot be written; the pages /fail and /lose are mistakes."""
    import logging
    import warnings

    import gevent
    from gevent.pywsgi import WSGIServer

    def pages(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        match environ["PATH_INFO"]:
            case "/fail":
                raise RuntimeError("a mistake")
            case "/lose":
                gevent.spawn(int, "a mistake").join()
                warnings.warn("a warning", stacklevel=1)
        return deployed.pages(environ, start_response)

    def fail(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    options = {"log": fail} if "function" in places else {}
    if "handler" in places:
        handler = logging.Handler()
        handler.emit = fail  # type: ignore[method-assign]
        logging.getLogger().handlers[:] = [handler]
        logging.getLogger().setLevel(logging.DEBUG)
    log = {"log": open("/dev/full", "w", buffering=1)} if "file" in places else {}  # noqa: SIM115
    server = WSGIServer(ADDRESS, pages, **log)
    deployed.listen(server, **options)
    run(server)


def counted(*arguments: str) -> None:
    """A server that counts how often it tries to accept a connection: the page /attempts."""
    from gevent.pywsgi import WSGIServer

    attempts = 0

    class Server(WSGIServer):
        def full(self) -> bool:
            nonlocal attempts
            attempts += 1
            return bool(super().full())

    def pages(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] != "/attempts":
            return deployed.pages(environ, start_response)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(attempts).encode()]

    files = dict(argument.lstrip("-").split("=") for argument in arguments)
    server = Server(ADDRESS, pages, log=None, **files)
    deployed.listen(server)
    run(server)


def gevent_websocket() -> None:
    from geventwebsocket import WebSocketServer

    run(WebSocketServer(ADDRESS, deployed.application))


def werkzeug() -> None:
    from werkzeug.serving import make_server

    server = make_server(*ADDRESS, deployed.application, threaded=True)
    told(server.server_port)
    server.serve_forever()


def wsgiref() -> None:
    from wsgiref.simple_server import make_server

    server = make_server(*ADDRESS, deployed.application)
    told(server.server_port)
    server.serve_forever()


def threads() -> None:
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIServer, make_server

    class Server(ThreadingMixIn, WSGIServer):
        daemon_threads = True

    server = make_server(*ADDRESS, deployed.application, Server)
    told(server.server_port)
    server.serve_forever()


def waitress() -> None:
    from waitress.server import create_server

    server = create_server(deployed.application, host=ADDRESS[0], port=ADDRESS[1])
    told(server.effective_port)
    server.run()


def waitress_patched() -> None:
    """Its threads are greenlets, but it gives its sockets to nobody."""
    waitress()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
