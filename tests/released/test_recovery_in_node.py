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


@pytest.mark.parametrize("cuts", [[], ["unread", "unread", "quiet", "quiet"]], ids=["once", "more"])
@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_a_released_client_goes_on_after_a_cut(
    released_packages: Path, transport: str, cuts: list[str]
) -> None:
    server = WSGIServer(("127.0.0.1", 0), lambda environ, start_response: [], log=None)
    socket = io.listen(server, recovery=60, log=False, flash_policy_port=None)

    @socket.on("connection")
    def connected(client: io.Client) -> None:
        if client.recovered:
            return
        client.join("lobby")
        client.data["name"] = "Ann"
        client.emit("welcome", 1)

        @client.on("disconnect")
        def cut() -> None:
            client.emit("missed", 1)
            socket.to("lobby").emit("missed", b"\1\2")
            socket.send("three")

    @socket.on("here")
    def is_back(client: io.Client) -> None:
        client.emit("last", sorted(client.rooms - {client.id}), client.data)

    server.start()
    told: Any = {
        "packages": str(released_packages),
        "url": f"http://127.0.0.1:{server.server_port}",
        "transport": transport,
        "cuts": cuts,
    }
    command = [node(), str(PROGRAM), json.dumps(told)]
    output = gevent.get_hub().threadpool.apply(
        subprocess.run, (command,), {"capture_output": True, "timeout": DEADLINE, "text": True}
    )
    server.stop(1)
    assert output.returncode == 0, output.stderr
    seen = json.loads(output.stdout)
    first, *back = [each for each in seen if each[0] == "connect"]
    assert first[2] is False
    assert back == [["connect", first[1], True]] * (1 + cuts.count("quiet"))
    # What it has missed comes once, and may come before or behind the next cut.
    assert [each for each in seen if each[0] != "connect"] == [
        ["welcome", 1],
        ["missed", 1],
        ["missed", "0102"],
        ["message", "three"],
        ["last", ["lobby"], {"name": "Ann"}],
    ]
