"""A server that the benchmark must catch: it echoes wrongly now and then."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "servers"))

from gevent.pywsgi import WSGIServer
from listening import announce, listen

import sockio_gevent as io

LIES = {
    "lose": lambda kept, text: [],
    "double": lambda kept, text: [text, text],
    "swap": lambda kept, text: [text, kept],
    "change": lambda kept, text: [text[:-1]],
    "text": lambda kept, data: [data.decode("latin-1")],
    "bytes": lambda kept, text: [text.encode()],
}


def main(lie: str) -> None:
    listener = listen()
    server = WSGIServer(listener, log=None)
    socket = io.listen(server, log=False, flash_policy_port=None)
    count = 0
    kept: str | bytes = ""

    def answers(message: str | bytes) -> list[str | bytes]:
        nonlocal count, kept
        count += 1
        if lie == "swap" and count % 20 == 19:
            kept = message
            return []
        return LIES[lie](kept, message) if count % 20 == 0 else [message]

    @socket.on("clientMessage")
    def message(text: str, client: io.Client) -> None:
        for answer in answers(text):
            if text.startswith("all"):
                client.broadcast(answer)
            else:
                client.send(answer)

    @socket.on("binary")
    def binary(client: io.Client, data: bytes) -> None:
        for answer in answers(data):
            client.emit("binary", answer)

    server.start()
    announce(listener, "gevent")
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
