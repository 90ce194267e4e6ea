"""The files of the page: the option ``ui_directory``."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from support.admin_page import AUTH
from support.in_process import hello
from webob import Request
from webtest import TestApp

import sockio_gevent as io

FILES = {
    "index.html": "text/html; charset=UTF-8",
    "favicon.png": "image/png",
    "js/app.js": "text/javascript; charset=UTF-8",
    "css/app.css": "text/css; charset=UTF-8",
    "img/logo.svg": "image/svg+xml",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Like ``ui/dist`` of npm's @socket.io/admin-ui."""
    folder = tmp_path / "node_modules/@socket.io/admin-ui/ui/dist"
    for name in (*FILES, "js/app.js.map", "secret.txt"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name} é " * 100)
    (folder.parent / "package.json").write_text("secret")
    return folder


def listen(folder: Path, **options: Any) -> TestApp:
    listener = io.listen(hello, log=False, **options)
    listener.instrument(auth=AUTH, ui_directory=folder)
    return TestApp(listener)


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_served_with_its_type(folder: Path, name: str) -> None:
    answer = listen(folder).get(f"/socket.io/admin/{name}")
    assert answer.body == (folder / name).read_bytes()
    assert answer.headers["Content-Type"] == FILES[name]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'none'"


def test_a_file_is_compressed_for_those_that_accept_gzip(folder: Path) -> None:
    request = Request.blank("/socket.io/admin/js/app.js", headers={"Accept-Encoding": "gzip"})
    answer = request.get_response(listen(folder).app)
    assert gzip.decompress(answer.body) == (folder / "js/app.js").read_bytes()


def test_the_page_itself_is_at_the_address_of_the_folder(folder: Path) -> None:
    app = listen(folder, resource="live/io")
    assert app.get("/live/io/admin/").body == (folder / "index.html").read_bytes()
    assert "url=admin/" in app.get("/live/io/admin").text


@pytest.mark.parametrize(
    "path",
    [
        "secret.txt",
        "js/app.js.map",
        "js/",
        "js",
        "../package.json",
        "%2e%2e/package.json",
        "..%2Fpackage.json",
        "./index.html",
        "/index.html",
        "INDEX.HTML",
    ],
)
def test_nothing_else_of_the_folder_is_served(folder: Path, path: str) -> None:
    assert listen(folder).get(f"/socket.io/admin/{path}").text == "hello"


def test_only_get_and_head_are_allowed(folder: Path) -> None:
    app = listen(folder)
    assert app.head("/socket.io/admin/").body == b""
    assert app.post("/socket.io/admin/", status=405).headers["Allow"] == "GET, HEAD"


def test_the_files_are_served_when_the_application_comes_later(folder: Path) -> None:
    listener = io.listen(log=False)
    listener.instrument(auth=AUTH, ui_directory=folder)
    listener.attach(hello)
    assert TestApp(listener).get("/socket.io/admin/").status_int == 200


def test_without_the_option_nothing_is_served() -> None:
    listener = io.listen(hello, log=False)
    listener.instrument(auth=AUTH)
    assert TestApp(listener).get("/socket.io/admin/", expect_errors=True).text == "hello"


@pytest.mark.parametrize("given", ["..", "../..", "../../../.."])
def test_a_folder_around_it_is_refused_with_the_right_one(folder: Path, given: str) -> None:
    around = (folder / given).resolve()
    with pytest.raises(ValueError, match=r"there is no 'index\.html' in .* did you mean") as caught:
        listen(around)
    assert repr(str(folder)) in str(caught.value)


def test_a_folder_with_too_many_files_is_refused(folder: Path) -> None:
    for number in range(100):
        (folder / f"{number}.js").touch()
    with pytest.raises(ValueError, match="over 100 files"):
        listen(folder)
