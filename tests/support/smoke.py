"""The least that an installed package must do. It needs nothing else that is installed.

Usage: ``python -I tests/support/smoke.py <compiled or pure>``, outside of the checkout
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import sockio_gevent
from sockio_gevent.command.doctor.http import Place, Server
from sockio_gevent.command.doctor.websocket import WebSocket
from sockio_gevent.compiled import FORM

APPLICATION = """
import sockio_gevent as io
application = io.listen(lambda environ, start: start("404 Not Found", []) and [])
@application.on("echo")
def echo(client, *values):
    client.emit("echo", *values)
"""


def main(form: str) -> None:
    """Check what is installed, and serve with it."""
    assert Path(sysconfig.get_path("purelib")) in Path(sockio_gevent.__file__).parents
    assert form == FORM, FORM
    assert sockio_gevent.__version__ == version("sockio_gevent")
    assert "Socket" in files(sockio_gevent).joinpath("static/socket.io.js").read_text()
    command = str(Path(sysconfig.get_path("scripts"), "sockio-gevent"))
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"sockio-gevent {version('sockio_gevent')} ({form})\n", said.stdout
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "echoing.py").write_text(APPLICATION)
        words = [command, "./echoing.py", "--port", "0", "--log-level", "error"]
        with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                address = re.search(r"http://\S+", server.stdout.readline())
                assert address is not None
                found = visit(address[0])
            finally:
                server.terminate()
        assert server.returncode == 0, server.returncode
    print(json.dumps({"version": version("sockio_gevent"), "form": FORM, "answer": found}))


def visit(address: str) -> str:
    """Load the client of the package, and send a message over a WebSocket."""
    server = Server(Place.parse(address), "socket.io", insecure=False)
    script = server.ask("GET", server.path("socket.io.js"))
    assert script.status == 200, script.said
    socket = WebSocket(server, server.path("?EIO=4&transport=websocket"))
    assert socket.receive().startswith("0{")
    socket.send("40")
    assert socket.receive().startswith("40{")
    socket.send('42["echo","h\N{LATIN SMALL LETTER E WITH ACUTE}llo",1]')
    answer = socket.receive()
    socket.close()
    assert answer == '42["echo","h\N{LATIN SMALL LETTER E WITH ACUTE}llo",1]', answer
    return answer


if __name__ == "__main__":
    main(sys.argv[1])
