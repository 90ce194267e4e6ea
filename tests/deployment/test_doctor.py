"""``python -m sockio_gevent doctor``: what it finds through nginx, set up right and wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.http import DEADLINE
from support.nginx import Nginx
from support.ports import reserve
from support.processes import ROOT
from support.servers import CommandLine, Gunicorn, Program

from sockio_gevent.command import CommandError
from sockio_gevent.command.doctor.examine import examine, main
from sockio_gevent.command.doctor.findings import Finding
from sockio_gevent.command.doctor.http import Place, Server

EVERYTHING = [
    "the server",
    "Socket.IO 4, polling",
    "Socket.IO 4, WebSocket",
    "from polling to WebSocket",
    "Socket.IO 0.6, polling",
    "Socket.IO 0.6, WebSocket",
    "a stream",
    "pages of this address",
    "large messages",
    "several workers",
    "a silent poll",
    "a silent WebSocket",
]
SILENT = EVERYTHING[-2:]
NOT_TRIED = dict.fromkeys(SILENT, "skipped")
OPTIONS = {"ping_interval": 2, "trusted_proxies": 1}


def examined(url: str, quick: bool = True, resource: str = "socket.io") -> dict[str, Finding]:
    """The findings by their names."""
    server = Server(Place.parse(url), resource, insecure=True)
    found = list(examine(server, quick))
    return {finding.name: finding for finding in found}


def states(found: dict[str, Finding]) -> dict[str, str]:
    """The states of all findings that are not good."""
    return {name: finding.state for name, finding in found.items() if finding.state != "good"}


@pytest.fixture(scope="module")
def served(deploying: Any) -> Iterator[Any]:
    with deploying() as deploy:
        yield deploy(Gunicorn, "gevent_pywsgi", options=OPTIONS).listening()


@pytest.fixture
def behind(deploy: Any, certificate: Any, served: Any) -> Callable[..., str]:
    """The address of nginx with the file of the documentation, of which parts are changed."""

    def start(*changes: tuple[str, str], tls: bool = False) -> str:
        nginx = deploy(Nginx, certificate, served, changes=dict(changes), tls=tls).listening()
        return f"http{'s' * tls}://127.0.0.1:{nginx.port}/"

    return start


KINDS = {
    "command line": (CommandLine,),
    "pywsgi": (Program, "pywsgi"),
    "gunicorn": (Gunicorn, "gevent"),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_without_a_proxy_everything_is_well(deploy: Any, kind: Any) -> None:
    server = deploy(*kind).listening()
    found = examined(f"http://127.0.0.1:{server.port}")
    assert states(found) == NOT_TRIED
    assert list(found) == EVERYTHING
    assert server.problems() == []


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_behind_nginx_as_documented_everything_is_well(behind: Any, served: Any, tls: bool) -> None:
    found = examined(behind(tls=tls), quick=False)
    assert states(found) == {}
    assert list(found) == EVERYTHING
    for name in SILENT:
        assert re.search(r"for \d+ s$", found[name].text)
    assert "nginx" in found["the server"].text
    assert served.problems() == []


def test_behind_another_path_everything_is_well(behind: Any) -> None:
    place = "location {} {{\n        proxy_pass http://sockio{};"
    url = behind((place.format("/socket.io/", ""), place.format("/live/", "/")))
    found = examined(f"{url}live/")
    assert states(found) == NOT_TRIED


CONNECTION = "proxy_set_header Connection $sockio_connection;"
BUFFERING = "proxy_buffering off;"
IGNORED = "proxy_ignore_headers X-Accel-Buffering;"
MISTAKES = {
    "no Connection header": (
        [(CONNECTION, "")],
        ["Socket.IO 4, WebSocket", "from polling to WebSocket", "Socket.IO 0.6, WebSocket"],
        "proxy_set_header Upgrade $http_upgrade;",
    ),
    "no Upgrade header": (
        [("proxy_set_header Upgrade $http_upgrade;", "")],
        ["Socket.IO 4, WebSocket", "from polling to WebSocket", "Socket.IO 0.6, WebSocket"],
        'proxy_set_header Connection "upgrade";',
    ),
    "HTTP/1.0": (
        [("proxy_http_version 1.1;", "proxy_http_version 1.0;")],
        ["Socket.IO 4, WebSocket", "from polling to WebSocket", "Socket.IO 0.6, WebSocket"],
        "proxy_http_version 1.1;",
    ),
    # Over HTTP/1.1, the chunks of an answer are passed on as they come, whatever is set.
    "buffering": (
        [(BUFFERING, IGNORED), ("proxy_http_version 1.1;", "")],
        [
            "Socket.IO 4, WebSocket",
            "from polling to WebSocket",
            "Socket.IO 0.6, WebSocket",
            "a stream",
        ],
        BUFFERING,
    ),
    "compression": (
        [("gzip off;", "gzip on; gzip_types *; gzip_min_length 0; gzip_proxied any;")],
        ["a stream"],
        "gzip off;",
    ),
    "small bodies": (
        [("client_max_body_size 7m;", "")],
        ["large messages"],
        "client_max_body_size 7m;",
    ),
    "slashes redirected": (
        [("gzip off;", 'gzip off; if ($request_uri ~ "^(.*)//(.*)$") { return 308 $1/$2; }')],
        ["Socket.IO 0.6, polling"],
        "merge_slashes off;",
    ),
    "another Host": (
        [
            ("proxy_set_header Host $http_host;", "proxy_set_header Host backend.internal;"),
            ("proxy_set_header X-Forwarded-Host $http_host;", ""),
        ],
        ["pages of this address"],
        "proxy_set_header Host $http_host;",
    ),
}


@pytest.mark.parametrize(("changes", "names", "line"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found_and_the_line_that_mends_it_is_named(
    behind: Any, changes: Any, names: list[str], line: str
) -> None:
    found = examined(behind(*changes))
    for name in SILENT:
        del found[name]
    assert states(found) == dict.fromkeys(names, "bad")
    assert all(found[name].remedy for name in names)
    assert line in found[names[-1]].lines


def test_a_proxy_that_cuts_silent_connections_is_found(deploy: Any, certificate: Any) -> None:
    server = deploy(Program, "pywsgi").listening()
    changes = {"proxy_read_timeout 60s;": "proxy_read_timeout 1s;"}
    nginx = deploy(Nginx, certificate, server, changes=changes).listening()
    found = examined(f"http://127.0.0.1:{nginx.port}", quick=False)
    cut = {"a silent poll": "status 504 by nginx", "a silent WebSocket": "it was cut"}
    assert states(found) == dict.fromkeys(cut, "bad")
    for name, how in cut.items():
        assert re.match(rf"it was cut after \d+ s: {how}", found[name].text)
        # The defaults of ping_interval and ping_timeout, and 15 seconds more.
        assert found[name].lines == ("proxy_read_timeout 60s;",)


def test_requests_that_reach_several_processes_are_found(deploy: Any, certificate: Any) -> None:
    servers = [deploy(Program, "pywsgi") for _ in range(2)]
    for server in servers:
        server.listening()
    changes = {"hash $remote_addr consistent;": ""}
    nginx = deploy(Nginx, certificate, *servers, changes=changes).listening()
    found = examined(f"http://127.0.0.1:{nginx.port}")
    first = found["Socket.IO 4, polling"]
    assert first.state == "bad"
    assert "hash $remote_addr consistent;" in first.lines[0]


@pytest.fixture
def two_workers(deploy: Any, certificate: Any) -> Iterator[Callable[..., str]]:
    """The address of nginx that sends each request to the next one of two workers."""
    with tempfile.TemporaryDirectory(prefix="run") as folder:

        def start(*directives: str) -> str:
            options = {"cluster": folder}
            servers = [deploy(Program, "pywsgi", options=options).listening() for _ in range(2)]
            place = "    location /socket.io/ {"
            changes = {"hash $remote_addr consistent;": "", place: place + "".join(directives)}
            nginx = deploy(Nginx, certificate, *servers, changes=changes).listening()
            return f"http://127.0.0.1:{nginx.port}"

        yield start


def test_workers_that_know_each_other_need_no_sticky_sessions(two_workers: Any) -> None:
    found = examined(two_workers())
    assert states(found) == NOT_TRIED
    assert found["several workers"].text == (
        "2 workers have opened sessions, and all requests got their answers. "
        "Sticky sessions are not needed"
    )


def test_a_balancer_that_sets_a_cookie_hears_that_it_need_not(two_workers: Any) -> None:
    cookies = [f"add_header Set-Cookie '{name}=x; Path=/';" for name in ("theme", "AWSALB")]
    found = examined(two_workers(*cookies))
    assert states(found) == NOT_TRIED
    assert "by the cookie AWSALB. That is not needed" in found["several workers"].text


def test_a_page_of_https_that_the_server_takes_for_http_is_found(
    deploy: Any, certificate: Any
) -> None:
    server = deploy(Program, "pywsgi").listening()
    nginx = deploy(Nginx, certificate, server, tls=True).listening()
    found = examined(f"https://127.0.0.1:{nginx.port}/")
    assert found["pages of this address"].state == "bad"
    assert "trusted_proxies=1" in found["pages of this address"].remedy


def test_a_server_that_the_proxy_does_not_reach_is_found(deploy: Any, certificate: Any) -> None:
    server = deploy(Program, "pywsgi").listening()
    nginx = deploy(Nginx, certificate, server).listening()
    server.stop()
    found = examined(f"http://127.0.0.1:{nginx.port}")
    assert list(found) == EVERYTHING[:2]
    assert "the proxy does not reach the server: status 502" in found["Socket.IO 4, polling"].text


def test_an_address_without_a_listener_is_found(served: Any) -> None:
    found = examined(f"http://127.0.0.1:{served.port}/elsewhere")
    assert list(found) == EVERYTHING[:2]
    assert "say --resource" in found["Socket.IO 4, polling"].remedy


def test_a_server_that_is_not_there_is_found() -> None:
    with reserve() as reserved:
        found = examined(f"http://127.0.0.1:{reserved.getsockname()[1]}/")
    assert list(found) == ["the server"]
    assert "Connection refused" in found["the server"].text


def test_a_certificate_that_is_not_valid_is_found(behind: Any) -> None:
    server = Server(Place.parse(behind(tls=True)), "socket.io", insecure=False)
    (found,) = examine(server)
    assert "its certificate is not valid" in found.text


@pytest.mark.parametrize(
    ("options", "skipped"),
    [
        ({"dialects": ["socket.io"]}, EVERYTHING[4:7]),
        ({"dialects": ["classic"]}, [*EVERYTHING[1:4], "several workers"]),
        ({"transports": ["websocket", "xhr-polling"]}, EVERYTHING[6:7]),
    ],
    ids=str,
)
def test_what_the_application_does_not_want_is_no_mistake(
    deploy: Any, options: Any, skipped: list[str]
) -> None:
    server = deploy(Program, "pywsgi", options=options).listening()
    found = examined(f"http://127.0.0.1:{server.port}")
    for name in SILENT:
        del found[name]
    assert states(found) == dict.fromkeys(skipped, "skipped")


def test_the_command_says_it_in_words_or_as_json(behind: Any) -> None:
    url = behind(*MISTAKES["compression"][0])
    command = [sys.executable, "-m", "sockio_gevent", "doctor", "--quick", url]
    options: Any = {"cwd": ROOT, "capture_output": True, "text": True, "timeout": DEADLINE}
    words = subprocess.run(command, **options)
    assert words.returncode == 1
    assert words.stderr == ""
    assert "BAD a stream" in words.stdout
    assert "\n" + " " * 34 + "gzip off;\n" in words.stdout
    assert "\x1b" not in words.stdout
    told = subprocess.run([*command, "--json"], **options)
    assert told.returncode == 1
    report = json.loads(told.stdout)
    assert report["url"] == url
    assert report["good"] is False
    (stream,) = [each for each in report["findings"] if each["state"] == "bad"]
    assert stream["lines"] == ["gzip off;"]


@pytest.mark.parametrize(("variable", "colored"), [("", True), ("1", False)])
def test_a_terminal_shows_colors_unless_the_user_wants_none(variable: str, colored: bool) -> None:
    ours, theirs = os.openpty()
    with reserve() as reserved:
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/"
        command = [sys.executable, "-m", "sockio_gevent", "doctor", url]
        environ = {**os.environ, "NO_COLOR": variable}
        done = subprocess.run(command, cwd=ROOT, stdout=theirs, env=environ, timeout=DEADLINE)
    os.close(theirs)
    with open(ours, "rb", closefd=True) as terminal:
        said = terminal.read1()
    assert done.returncode == 1
    assert said.startswith(b"\x1b[31mBAD" if colored else b"BAD"), said


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "the following arguments are required: url"),
        (["example.com"], "'example.com' is not like 'http://host/' or 'https://host/'"),
        (["ftp://example.com/"], "is not like 'http://host/'"),
        (["http://example.com/", "--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_a_mistake_in_the_command_is_reported_in_one_line(arguments: list[str], line: str) -> None:
    with pytest.raises(CommandError) as caught:
        main(arguments)
    assert line in str(caught.value)
    assert str(caught.value).endswith("(see sockio-gevent doctor --help)")
