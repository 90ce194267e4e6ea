"""This checkout on gevent's own server: returns each message, or sends it to all others."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gevent.pywsgi import WSGIServer
from listening import announce, listen

# The benchmark names a folder where it has compiled the package.
sys.path.insert(0, os.environ.get("SOCKIO_BENCH_PACKAGE", str(Path(__file__).parents[2])))

import sockio_gevent as io
from sockio_gevent.compiled import FORM
from sockio_gevent.wire.websocket_masking import apply_mask, fastest_apply_mask


def handle(socket: io.Listener) -> None:
    """Do with messages what all servers of the benchmark do."""

    @socket.on("clientMessage")
    def message(text: str, client: io.Client) -> None:
        if text.startswith("all"):
            client.broadcast(text)
        else:
            client.send(text)

    @socket.on("binary")
    def binary(client: io.Client, data: bytes) -> None:
        client.emit("binary", data)


def announce_ours(listener: Any) -> None:
    """Print the line that the benchmark waits for."""
    in_c = ["websockets"] if fastest_apply_mask() is not apply_mask else []
    if find_spec("orjson") is not None:
        in_c.append("orjson")
    announce(listener, "gevent", *in_c, form=FORM)


def main() -> None:
    """Serve until killed."""
    listener = listen()
    server = WSGIServer(listener, log=None)
    handle(io.listen(server, log=False, flash_policy_port=None))
    server.start()
    announce_ours(listener)
    server.serve_forever()


if __name__ == "__main__":
    main()
