"""Servers whose attempts to accept a connection fail, for each possible reason."""

from __future__ import annotations

import errno
import os

import pytest
from gevent.pywsgi import WSGIServer
from support.clients import Polling
from support.http import HTTP

import sockio_gevent as io
from sockio_gevent.server.http import accepting

ADVICE = {
    errno.EMFILE: "raise the limit of open files of this process",
    errno.ENFILE: "fs.file-max",
    errno.ENOBUFS: "no memory left",
    errno.ENOMEM: "no memory left",
}


class Failing(WSGIServer):
    """Lets so many attempts fail, and counts all."""

    def __init__(self, number, times):
        super().__init__(("127.0.0.1", 0), None, log=None)
        self.number, self.left, self.attempts = number, times, 0

    def do_read(self):
        self.attempts += 1
        if self.left:
            self.left -= 1
            raise OSError(self.number, os.strerror(self.number))
        return super().do_read()


@pytest.mark.parametrize("number", ADVICE, ids=errno.errorcode.get)
def test_the_server_tries_again_after_a_pause_and_logs_one_line(serve, monkeypatch, capfd, number):
    monkeypatch.setattr(accepting, "PAUSE", 0.01)
    server = Failing(number, 5)
    served = serve(server=server)
    assert Polling(served.port).open().session_id in served.listener.clients
    assert server.left == 0
    (line,) = [line for line in served.lines if "no more connections" in line]
    assert os.strerror(number) in line
    assert ADVICE[number] in line
    assert capfd.readouterr().err == ""


def test_other_failures_are_reported_by_gevent(serve, capfd):
    served = serve(server=Failing(errno.ECONNABORTED, 1))
    assert HTTP(served.port).request("GET", "/").status == 404
    assert "no more connections" not in "".join(served.lines)
    assert "Failing" in capfd.readouterr().err


def test_a_server_with_two_listeners_logs_one_line(serve, monkeypatch):
    monkeypatch.setattr(accepting, "PAUSE", 0.01)
    served = serve(server=Failing(errno.EMFILE, 3))
    lines: list[str] = []
    other = io.listen(served.server, resource="other", log=lines.append, flash_policy_port=None)
    assert HTTP(served.port).request("GET", "/").status == 404
    assert len([line for line in [*served.lines, *lines] if "no more" in line]) == 1
    other.close()


def test_a_process_without_a_limit_never_pauses(serve, monkeypatch):
    monkeypatch.setattr(accepting, "_limit", lambda: -1)
    served = serve()
    assert Polling(served.port).open().session_id in served.listener.clients
    assert served.happened("connection")
