"""The files of ``example/deploy``: their commands start, and serve together as they say."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.clients import Polling, WebSocket
from support.http import DEADLINE, HTTP
from support.nginx import Nginx
from support.processes import ROOT
from support.python_path import python_path
from support.redis_server import RedisServer
from support.servers import Server
from support.systemd import verify

FOLDER = ROOT / "example/deploy"
DOCKERFILE = (FOLDER / "Dockerfile").read_text().replace("\\\n", " ")
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
DEPLOYMENT, SERVICE, INGRESS = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text())
POD = DEPLOYMENT["spec"]["template"]["spec"]
HEALTH = "/socket.io/healthz"


def instructions(name: str) -> list[str]:
    """What the Dockerfile has after this word, line by line."""
    return re.findall(rf"(?m)^{name} +(.*)$", DOCKERFILE)


(CMD,) = (json.loads(each) for each in instructions("CMD"))


def here(command: list[str], host: str) -> list[str]:
    """The command on a free port of this machine; it serves on this host otherwise."""
    assert command[-4:] == ["--host", host, "--port", "8080"]
    return [sys.executable, *command[1:-4], "--host", "127.0.0.1", "--port", "0"]


class Deployed(Server):
    """The application of the folder, started by a command of one of its files."""

    def __init__(self, folder: Path, command: list[str], cluster: str | None = None) -> None:
        environ = {"PYTHONPATH": python_path(FOLDER, ROOT)}
        if cluster is not None:
            environ["CLUSTER"] = cluster
        super().__init__(command, folder, environ=environ)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path).start()
    yield server
    server.stop()


@pytest.fixture
def container(deploy: Any) -> Callable[..., Any]:
    """Start what a container of the Dockerfile runs."""
    return lambda *more: deploy(Deployed, here(CMD, "0.0.0.0"), *more)


def test_workers_of_compose_serve_together_behind_its_nginx(
    deploy: Any, certificate: Any, redis_server: RedisServer, container: Callable[..., Any]
) -> None:
    chat, nginx = COMPOSE["services"]["chat"], COMPOSE["services"]["nginx"]
    (mounted,) = nginx["volumes"]
    cluster = chat["environment"]["CLUSTER"]
    assert cluster == "redis://redis:6379/0"
    workers = [container(redis_server.url) for _ in range(chat["deploy"]["replicas"])]
    for worker in workers:
        worker.listening()
    configuration = FOLDER / mounted.split(":")[0]
    front = deploy(Nginx, certificate, *workers, configuration=configuration).listening()
    # nginx gives each request to the next worker.
    clients = [front.client(kind).open() for kind in (Polling, WebSocket) * 2]
    clients[0].send("hello")
    for client in clients:
        assert re.fullmatch(r"\S{4}: hello", client.receive())
        client.vanish()
    doctor = [sys.executable, "-m", "sockio_gevent", "doctor", "--quick"]
    told = subprocess.run(
        [*doctor, f"http://127.0.0.1:{front.port}/"], capture_output=True, text=True, cwd=ROOT
    )
    assert told.returncode == 0, told.stdout
    for worker in workers:
        assert worker.stop() == 0
        assert worker.problems() == [], str(worker)


def test_the_image_is_built_from_files_that_exist() -> None:
    context = FOLDER / COMPOSE["services"]["chat"]["build"]["context"]
    assert context.resolve() == ROOT
    assert (context / COMPOSE["services"]["chat"]["build"]["dockerfile"]).samefile(
        FOLDER / "Dockerfile"
    )
    copied = [words.split()[:-1] for words in instructions("COPY")]
    assert all((context / name).exists() for names in copied for name in names)


def test_the_probes_of_a_container_follow_the_server(container: Callable[..., Any]) -> None:
    (probe,) = instructions("HEALTHCHECK")
    program, *arguments = json.loads(probe.partition("CMD ")[2])
    assert program == "python"
    (chat,) = POD["containers"]
    (port,) = chat["ports"]
    assert str(port["containerPort"]) == CMD[-1]
    server = container().listening()
    probe = [sys.executable, *[each.replace("8080", str(server.port)) for each in arguments]]
    for name in ("readinessProbe", "livenessProbe"):
        assert chat[name]["httpGet"] == {"path": HEALTH, "port": port["name"]}
        assert HTTP(server.port).request("GET", chat[name]["httpGet"]["path"]).text == "ok\n"
    assert subprocess.run(probe, timeout=DEADLINE).returncode == 0
    assert server.stop() == 0
    assert subprocess.run(probe, timeout=DEADLINE, stderr=subprocess.DEVNULL).returncode != 0


def test_the_parts_of_kubernetes_fit_together() -> None:
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    assert DEPLOYMENT["spec"]["selector"]["matchLabels"] == labels
    assert SERVICE["spec"]["selector"] == labels
    (outside,) = SERVICE["spec"]["ports"]
    (chat,) = POD["containers"]
    assert outside["targetPort"] == chat["ports"][0]["name"]
    (rule,) = INGRESS["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"] == {
        "name": SERVICE["metadata"]["name"],
        "port": {"name": outside["name"]},
    }
    assert {each["name"]: each["value"] for each in chat["env"]} == {
        "CLUSTER": COMPOSE["services"]["chat"]["environment"]["CLUSTER"]
    }
    # The pause before the signal, and the seconds that close() takes.
    pause = int(chat["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert POD["terminationGracePeriodSeconds"] > pause + 5


def test_the_unit_starts_the_server_and_a_signal_stops_it(deploy: Any, tmp_path: Path) -> None:
    unit = verify((FOLDER / "chat.service").read_text(), tmp_path)
    server = deploy(Deployed, here(shlex.split(unit["Service"]["ExecStart"]), "127.0.0.1"))
    client = server.listening().client(WebSocket).open()
    client.send("hello")
    assert client.receive().endswith(": hello")
    server.process.send_signal(signal.SIGTERM)
    assert client.wait_closed() == 1001
    assert server.wait_end() == 0
    assert server.problems() == []
