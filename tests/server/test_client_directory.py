"""The files of browser clients: ours, and those of the option ``client_directory``."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import pytest
from webob import Request
from webtest import TestApp

import sockio_gevent as io
from sockio_gevent.options.client_directory import BUNDLES

OWN = (Path(io.__file__).parent / "static" / "socket.io.js").read_bytes()
NAMES = ["classic.js", *BUNDLES]
DIALECTS = [("classic", "socket.io"), ("socket.io",), ("engine.io",)]


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the application"]


def listen(**options: Any) -> TestApp:
    return TestApp(io.listen(application, log=False, **options))


def content(name: str) -> bytes:
    """What the file of this name holds."""
    return OWN if name == "classic.js" else f"/* {name} é */\n".encode() * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Like ``client-dist`` of npm's socket.io."""
    folder = tmp_path / "client-dist"
    folder.mkdir()
    for name in BUNDLES:
        (folder / name).write_bytes(content(name))
    (folder / "secret.js").write_text("secret")
    (tmp_path / "package.json").write_text("secret")
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_each_file_is_served_with_its_type(folder: Path, name: str) -> None:
    answer = listen(client_directory=folder).get(f"/socket.io/{name}")
    assert answer.body == content(name)
    is_map = name.endswith(".map")
    expected = "application/json" if is_map else "text/javascript; charset=UTF-8"
    assert answer.headers["Content-Type"] == expected
    assert answer.headers["Cache-Control"] == "public, no-cache"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", NAMES)
def test_each_file_is_compressed_for_those_that_accept_gzip(folder: Path, name: str) -> None:
    app = listen(client_directory=folder)
    # Not through WebTest, which would unpack it.
    request = Request.blank(f"/socket.io/{name}", headers={"Accept-Encoding": "br, gzip"})
    answer = request.get_response(app.app)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) == len(answer.body) < len(content(name))
    assert gzip.decompress(answer.body) == content(name)


@pytest.mark.parametrize("accepted", ["", "gzip"])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_the_browser_has_is_not_sent_again(
    folder: Path, name: str, accepted: str
) -> None:
    app = listen(client_directory=folder)
    headers = {"Accept-Encoding": accepted}
    tag = app.get(f"/socket.io/{name}", headers=headers).headers["ETag"]
    for wanted in (tag, f'"other", W/{tag}', "*"):
        asked = {**headers, "If-None-Match": wanted}
        answer = app.get(f"/socket.io/{name}", headers=asked, status=304)
        assert answer.headers["ETag"] == tag
        assert answer.body == b""
    app.get(f"/socket.io/{name}", headers={**headers, "If-None-Match": '"older"'}, status=200)


def test_each_file_and_encoding_has_its_own_etag(folder: Path) -> None:
    app = listen(client_directory=folder)
    tags = [
        app.get(f"/socket.io/{name}", headers={"Accept-Encoding": accepted}).headers["ETag"]
        for name in NAMES
        for accepted in ("", "gzip")
    ]
    assert len(set(tags)) == 2 * len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_only_get_and_head_are_allowed(folder: Path, name: str) -> None:
    app = listen(client_directory=folder)
    answer = app.head(f"/socket.io/{name}")
    assert answer.body == b""
    assert int(answer.headers["Content-Length"]) == len(content(name))
    refused = app.post(f"/socket.io/{name}", status=405)
    assert refused.headers["Allow"] == "GET, HEAD"
    assert refused.text == "GET only\n"
    assert app.app.stats()["refused"]["request"] == 1


@pytest.mark.parametrize("dialects", DIALECTS, ids="+".join)
def test_the_files_are_served_whichever_dialects_there_are(
    folder: Path, dialects: tuple[str, ...]
) -> None:
    app = listen(client_directory=folder, dialects=dialects)
    for name in BUNDLES:
        assert app.get(f"/socket.io/{name}").body == content(name)
    own = app.get("/socket.io/classic.js").body
    assert own == (OWN if "classic" in dialects else b"the application")


def test_without_the_option_both_names_of_our_own_client_are_served() -> None:
    app = listen()
    assert app.get("/socket.io/socket.io.js").body == OWN
    assert app.get("/socket.io/classic.js").body == OWN
    for name in BUNDLES[1:]:
        assert app.get(f"/socket.io/{name}").text == "the application"


def test_the_types_of_our_own_client_are_served() -> None:
    answer = listen().get("/socket.io/socket.io.d.ts")
    assert b"declare namespace io" in answer.body
    assert answer.content_type == "text/plain"


def test_our_own_client_is_not_served_to_clients_that_could_not_connect() -> None:
    app = listen(dialects=("socket.io",))
    for name in ("socket.io.js", "classic.js", "socket.io.d.ts"):
        assert app.get(f"/socket.io/{name}").text == "the application"


def test_a_file_that_is_not_there_reaches_the_application(folder: Path) -> None:
    for name in BUNDLES[1:]:
        (folder / name).unlink()
    app = listen(client_directory=folder)
    assert app.get("/socket.io/socket.io.js").body == content("socket.io.js")
    for name in BUNDLES[1:]:
        assert app.get(f"/socket.io/{name}").text == "the application"


@pytest.mark.parametrize(
    "path",
    [
        "secret.js",
        "package.json",
        "../package.json",
        "%2e%2e/package.json",
        "..%2Fpackage.json",
        "client-dist/socket.io.js",
        "./socket.io.js",
        "/socket.io.js",
        "socket.io.js/",
        "socket.io.js/../../package.json",
        "socket.io.js%00",
        "socket.io.min.js.gz",
        "SOCKET.IO.JS",
        "classic.js.map",
    ],
)
def test_nothing_else_of_the_folder_is_served(folder: Path, path: str) -> None:
    app = listen(client_directory=folder)
    assert app.get(f"/socket.io/{path}").text == "the application"


def test_the_files_are_read_once(folder: Path) -> None:
    app = listen(client_directory=str(folder))
    shutil.rmtree(folder)
    for name in BUNDLES:
        assert app.get(f"/socket.io/{name}").body == content(name)


def test_the_addresses_follow_the_resource(folder: Path) -> None:
    app = listen(client_directory=folder, resource="live/io")
    for name in NAMES:
        assert app.get(f"/live/io/{name}").body == content(name)
        assert app.get(f"/socket.io/{name}").text == "the application"


def test_a_query_does_not_matter(folder: Path) -> None:
    """Pages put a version there, so that browsers load a new file at once."""
    app = listen(client_directory=folder)
    assert app.get("/socket.io/socket.io.js?v=4.8.4").body == content("socket.io.js")
    assert app.get("/socket.io/socket.io.js?EIO=4").body == content("socket.io.js")


# --- mistakes ---


@pytest.mark.parametrize("value", [1, True, b"client-dist", ["client-dist"]], ids=repr)
def test_a_value_that_is_no_path_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="option 'client_directory' must be the path of a folder"):
        listen(client_directory=value)


@pytest.mark.parametrize("path", ["nowhere", "client-dist/socket.io.js", "empty"])
def test_a_folder_without_the_client_is_refused_with_what_to_do(
    tmp_path: Path, folder: Path, path: str
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="option 'client_directory': there is no") as caught:
        listen(client_directory=tmp_path / path)
    assert "'socket.io.js'" in str(caught.value)
    assert "'npm install socket.io' makes the folder" in str(caught.value)


@pytest.mark.parametrize("given", ["node_modules/socket.io", "node_modules", ""])
def test_a_folder_around_it_is_refused_with_the_right_one(tmp_path: Path, given: str) -> None:
    right = tmp_path / "node_modules/socket.io/client-dist"
    right.mkdir(parents=True)
    (right / "socket.io.js").touch()
    with pytest.raises(ValueError, match="did you mean") as caught:
        listen(client_directory=tmp_path / given)
    assert str(right) in str(caught.value)
