"""The option ``recovery`` with a released client: a cut, and what it gets when it is back."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.pywsgi import WSGIServer
from support.http import DEADLINE
from support.npm import node

import sockio_gevent as io

PROGRAM = Path(__file__).parent / "recovery.js"


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_a_released_client_goes_on_after_a_cut(released_packages: Path, transport: str) -> None:
    server = WSGIServer(("127.0.0.1", 0), lambda environ, start_response: [], log=None)
    socket = io.listen(server, recovery=60, log=False, flash_policy_port=None)

    @socket.on("connection")
    def connected(client: io.Client) -> None:
        if client.recovered:
            client.emit("last", sorted(client.rooms - {client.id}), client.data)
            return
        client.join("lobby")
        client.data["name"] = "Ann"
        client.emit("welcome", 1)

        @client.on("disconnect")
        def cut() -> None:
            client.emit("missed", 1)
            socket.to("lobby").emit("missed", b"\1\2")
            socket.send("three")

    server.start()
    told: Any = {
        "packages": str(released_packages),
        "url": f"http://127.0.0.1:{server.server_port}",
        "transport": transport,
    }
    command = [node(), str(PROGRAM), json.dumps(told)]
    output = gevent.get_hub().threadpool.apply(
        subprocess.run, (command,), {"capture_output": True, "timeout": DEADLINE, "text": True}
    )
    server.stop(1)
    assert output.returncode == 0, output.stderr
    first, *seen = json.loads(output.stdout)
    assert first[0] == "connect"
    assert first[2] is False
    assert seen == [
        ["welcome", 1],
        ["connect", first[1], True],
        ["missed", 1],
        ["missed", "0102"],
        ["message", "three"],
        ["last", ["lobby"], {"name": "Ann"}],
    ]
