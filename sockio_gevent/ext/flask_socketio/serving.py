"""``SocketIO.run()``: serve the application with gevent's server."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import flask
import gevent
from gevent.monkey import is_module_patched
from gevent.pywsgi import WSGIServer
from werkzeug.debug import DebuggedApplication

import sockio_gevent as io

from .warn import advise_patching

__all__ = ["Serving"]

_CLOSE_TIMEOUT = 5.0  # seconds that clients have to take their last messages and the close

_log = logging.getLogger("sockio_gevent")


class Serving:
    """The methods that serve, and that stop.

    Attributes:
        app: the application.
        wsgi_server: the server, while :meth:`run` serves.
    """

    listener: io.Listener | None
    app: flask.Flask
    wsgi_server: WSGIServer | None = None
    _is_advised = False  # whether the author knows that nothing is patched
    _serving: tuple[threading.Thread, Any] | None = None  # who serves, and with which loop

    def run(
        self,
        app: flask.Flask,
        host: str | None = None,
        port: int | None = None,
        *,
        debug: bool | None = None,
        use_reloader: bool | None = None,
        reloader_options: dict[str, Any] | None = None,
        extra_files: Any = None,
        log_output: bool | None = None,
        allow_unsafe_werkzeug: bool = False,
        **options: Any,
    ) -> None:
        """Serve the application until Ctrl-C, or until :meth:`stop`. It prints the address.

        Args:
            app: the application.
            host: the address to listen on; 127.0.0.1 by default.
            port: the port; by default that of ``SERVER_NAME``, or else 5000.
            debug: whether exceptions of views are shown in the page; ``app.debug`` by default.
            use_reloader: whether to start again when a source file changes; as ``debug`` by
                default.
            reloader_options: see Werkzeug's ``run_with_reloader()``.
            extra_files: more files to watch.
            log_output: whether each request is logged; as ``debug`` by default.
            allow_unsafe_werkzeug: without effect.
            **options: the arguments of gevent's ``WSGIServer``, such as ``certfile``.

        Raises:
            RuntimeError: if the application was not given to this object.
        """
        listener = self.listener
        if listener is None or app is not self.app:
            raise RuntimeError("run() serves the application of this SocketIO: call init_app(app)")
        name = app.config.get("SERVER_NAME") or ""
        if port is None:
            port = int(name.rpartition(":")[2]) if ":" in name else 5000
        app.debug = debug = app.debug if debug is None else debug
        options["log"] = "default" if (debug if log_output is None else log_output) else None
        address = host or "127.0.0.1", port

        def serve() -> None:
            # In the thread that serves, which is not the main one if files are watched.
            self._serving = threading.current_thread(), gevent.get_hub().loop
            self.wsgi_server = server = WSGIServer(address, app, **options)
            listener.serve_on(server, _debugged(app, listener) if debug else app)
            server.start()
            _announce(server, address[0])
            with _ctrl_c_calls(lambda: self._close(_CLOSE_TIMEOUT)):
                server.serve_forever()

        is_watched = debug if use_reloader is None else use_reloader
        # The process that watches the files serves nothing.
        serves = not is_watched or os.environ.get("WERKZEUG_RUN_MAIN") == "true"
        if serves and not self._is_advised:
            self._is_advised = advise_patching("run()")
        if not is_watched:
            serve()
            return
        watched = dict(reloader_options or {})
        if extra_files:
            watched["extra_files"] = extra_files
        try:
            _run_with_reloader(serve, watched)
        finally:
            self._end_thread()

    def _end_thread(self) -> None:
        """Stop the server if another thread serves: Python may crash if it exits meanwhile."""
        if self._serving is None:
            return
        thread, loop = self._serving
        # In a patched program it is a greenlet, and ends with this one.
        if thread is not threading.current_thread() and not is_module_patched("threading"):
            loop.run_callback_threadsafe(gevent.spawn, self._close, 0)
            thread.join(_CLOSE_TIMEOUT)

    def stop(self) -> None:
        """End all sessions, and stop the server of :meth:`run`."""
        if self.wsgi_server is None:
            raise RuntimeError("run() does not serve")
        self._close(0)

    def _close(self, timeout: float) -> None:
        if self.listener is not None:
            self.listener.close(timeout)
        if self.wsgi_server is not None:
            self.wsgi_server.stop()


def _announce(server: WSGIServer, host: str) -> None:
    """Print where a browser on this machine finds the server."""
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    elif ":" in host:
        host = f"[{host}]"
    scheme = "https" if server.ssl_enabled else "http"
    with suppress(OSError):  # a full disk; it serves all the same
        sys.stdout.write(f"Open {scheme}://{host}:{server.server_port}/\n")
        sys.stdout.flush()


@contextmanager
def _ctrl_c_calls(stop: Callable[[], object]) -> Iterator[None]:
    """Let the first Ctrl-C call a function in a greenlet; the second one ends the process.

    Without this, Ctrl-C would raise ``KeyboardInterrupt`` in the loop of gevent, which prints a
    traceback. Where the program has a handler of its own, or this is not the main thread, nothing
    changes.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    loop = gevent.get_hub().loop

    # Not a handler of gevent: it runs also while a function of the program holds up the loop.
    def interrupted(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        loop.run_callback_threadsafe(gevent.spawn, stop)

    signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _debugged(app: flask.Flask, listener: io.Listener) -> Callable[..., Any]:
    """The application with Werkzeug's debugger, which views have and connections do not."""
    views: Any = DebuggedApplication(app, evalex=True)
    resource = f"/{listener.options.resource}/"

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        is_ours = f"{environ.get('PATH_INFO', '')}/".startswith(resource)
        return (app if is_ours else views)(environ, start_response)

    return application


def _run_with_reloader(serve: Callable[[], None], options: dict[str, Any]) -> None:
    try:
        # Werkzeug has no public name for it.
        from werkzeug._reloader import run_with_reloader
    except ImportError:
        _log.warning("this Werkzeug has no reloader: use 'python -m sockio_gevent --reload'")
        serve()
    else:
        run_with_reloader(serve, **options)
