"""Workers of one application, each on a port of its own."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .clients import JSONP, HTMLFile, ServerEvents, WebSocket, XHRMultipart
from .clients import Polling as ClassicPolling
from .http import HTTP
from .servers import Gunicorn, Program
from .waiting import wait_until

__all__ = ["CLASSIC", "KINDS", "Workers", "workers_of"]

CLASSIC = [ClassicPolling, JSONP, ServerEvents, HTMLFile, XHRMultipart, WebSocket]

#: The kinds of servers, and whether they hand connections over or relay requests.
KINDS = {
    "ours": "handed_over",
    "gunicorn": "handed_over",
    "gunicorn_wrapped": "handed_over",
    "ours_tls": "handed_over",
    "gunicorn_tls": "handed_over",
    "pywsgi": "handed_over",
    "gunicorn_pywsgi": "handed_over",
    "pywsgi_wrapped": "relayed",
    "gevent_websocket": "handed_over",
    "werkzeug": "relayed",
    "waitress_patched": "relayed",
    "far": "relayed",
}


class Workers(list[Any]):
    """Running servers, which find each other in a directory."""

    @property
    def ports(self) -> list[int]:
        return [server.port for server in self]

    @property
    def wrap(self) -> Any:
        return self[0].wrap

    def pair(self, kind: Any, first: str | None = None) -> tuple[Any, Any]:
        """A client at the first of two workers, and one with the same session at the second.

        Args:
            kind: the kind of both.
            first: a message that the first one sends, and gets back, before the second one comes.
        """
        here, there = self.ports
        client = kind(here, wrap=self.wrap).open()
        if first is not None:
            client.send(first)
            assert client.receive() == first
        return client, kind(there, session_id=client.session_id, wrap=self.wrap)

    def given(self) -> dict[str, int]:
        """How many requests were handed over and relayed, by all that are alive."""
        alive = [server for server in self if server.process.poll() is None]
        stats = [server.ask("/given") for server in alive]
        return {name: sum(each[name] for each in stats) for name in ("handed_over", "relayed")}

    def problems(self) -> list[str]:
        return [line for server in self for line in server.problems()]

    def kill(self, number: int) -> None:
        """End one of them at once; those of gunicorn too."""
        pid = self[number].ask("/")["pid"]
        self[number].process.kill()
        os.kill(pid, signal.SIGKILL)
        self[number].wait_end()

    @contextmanager
    def stopped(self, number: int) -> Iterator[None]:
        """One of them stands still meanwhile."""
        pid = self[number].ask("/")["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def workers_of(
    deploying: Any,
    kind: str,
    certificate: Any = None,
    count: int = 2,
    arguments: Sequence[str] = (),
    **options: Any,
) -> Iterator[Workers]:
    """Start workers of a kind.

    Args:
        deploying: the fixture.
        kind: one of the kinds, or the name of a program.
        certificate: for those that speak TLS.
        count: how many.
        arguments: more arguments for gunicorn.
        **options: options of the listeners.
    """
    # The paths of sockets must be short.
    place = tempfile.mkdtemp(prefix="bus")
    try:
        with deploying() as deploy:
            workers = Workers()
            for _ in range(count):
                told = {**options, "cluster": place}
                workers.append(_start(deploy, kind, certificate, arguments, told))
            for server in workers:
                server.listening()
            acquaint(workers)
            yield workers
    finally:
        shutil.rmtree(place)


def _start(
    deploy: Any, kind: str, certificate: Any, arguments: Sequence[str], options: dict[str, Any]
) -> Any:
    tls = {"certificate": certificate} if kind.endswith("_tls") else {}
    if kind.startswith("gunicorn"):
        worker = "gevent_pywsgi" if kind == "gunicorn_pywsgi" else "gevent"
        application = "deployed:wrapped" if kind == "gunicorn_wrapped" else "deployed:application"
        return deploy(Gunicorn, worker, *arguments, application=application, options=options, **tls)
    if kind == "ours_tls":
        return deploy(Program, "listened_to", options=options, **tls)
    return deploy(Program, "listened_to" if kind == "ours" else kind, options=options)


def acquaint(workers: Workers) -> None:
    """Wait until all know each other."""
    for server in workers:
        client = HTTP(server.port, server.wrap)
        assert client.request("GET", "/socket.io/socket.io.js").status == 200
        client.close()
    wait_until(lambda: all(len(server.ask("/members")) == len(workers) - 1 for server in workers))
