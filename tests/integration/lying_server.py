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
}


def main(lie: str) -> None:
    listener = listen()
    server = WSGIServer(listener, log=None)
    socket = io.listen(server, log=False, flash_policy_port=None)
    count = 0
    kept = ""

    @socket.on("clientMessage")
    def message(text: str, client: io.Client) -> None:
        nonlocal count, kept
        count += 1
        if lie == "swap" and count % 20 == 19:
            kept = text
            return
        answers = LIES[lie](kept, text) if count % 20 == 0 else [text]
        for answer in answers:
            if text.startswith("all"):
                client.broadcast(answer)
            else:
                client.send(answer)

    server.start()
    announce(listener, "gevent")
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
