"""The plain HTTP answers, without a server: WebTest against the listener."""

import gc
import gzip
import weakref
from pathlib import Path

import pytest
from webob import Request
from webtest import TestApp

import sockio_gevent as io

CLIENT_FILE = "/socket.io/socket.io.js"


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the application: " + environ["PATH_INFO"].encode()]


@pytest.fixture
def lines():
    return []


@pytest.fixture
def app(lines):
    return TestApp(io.listen(application, log=lines.append, transports=["xhr-polling"]))


def test_the_client_file_is_served(app):
    answer = app.get(CLIENT_FILE)
    assert answer.content_type == "text/javascript"
    assert answer.charset == "UTF-8"
    file = Path(io.__file__).parent / "static" / "socket.io.js"
    assert answer.body == file.read_bytes()
    assert answer.headers["Cache-Control"] == "public, no-cache"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("accepted", ["gzip", "br, GZIP;q=0.5", "*", "gzip; q=1.0"])
def test_the_client_file_is_compressed_if_the_request_accepts_gzip(app, accepted):
    # Not through WebTest, which would unpack it.
    request = Request.blank(CLIENT_FILE, headers={"Accept-Encoding": accepted})
    answer = request.get_response(app.app)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    plain = app.get(CLIENT_FILE).body
    assert gzip.decompress(answer.body) == plain
    assert len(answer.body) < len(plain) / 2


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "gzip; q=0.000", "xgzip"])
def test_the_client_file_is_plain_if_the_request_does_not_accept_gzip(app, accepted):
    answer = app.get(CLIENT_FILE, headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("accepted", ["", "gzip"])
def test_a_client_file_that_the_browser_has_is_not_sent_again(app, accepted):
    headers = {"Accept-Encoding": accepted}
    tag = app.get(CLIENT_FILE, headers=headers).headers["ETag"]
    assert tag.startswith('"')
    for wanted in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        answer = app.get(CLIENT_FILE, headers={**headers, "If-None-Match": wanted}, status=304)
        assert answer.headers["ETag"] == tag
        assert answer.headers["Cache-Control"] == "public, no-cache"
        assert answer.body == b""
    app.get(CLIENT_FILE, headers={**headers, "If-None-Match": '"older"'}, status=200)


def test_each_encoding_has_its_own_etag(app):
    plain = app.get(CLIENT_FILE).headers["ETag"]
    assert app.get(CLIENT_FILE, headers={"Accept-Encoding": "gzip"}).headers["ETag"] != plain


def test_the_client_file_allows_only_get_and_head(app):
    answer = app.head(CLIENT_FILE)
    assert answer.body == b""
    assert int(answer.headers["Content-Length"]) > 1000
    assert app.post(CLIENT_FILE, status=405).headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/socket.io",
        "/socket.io/",
        "/socket.io/socket.io.js/",
        "/socket.io/../socket.io.js",
        "/socket.io/static/socket.io.js",
        "/socket.io/socket.io.min.js",
        "/socket.iox/xhr-polling",
        "/prefix/socket.io/xhr-polling",
        "/socket.io/no-such-transport/1",
        "/SOCKET.IO/xhr-polling",
    ],
)
def test_other_addresses_reach_the_application(app, path):
    assert app.get(path).text == f"the application: {path}"


@pytest.mark.parametrize("path", ["xhr-polling", "xhr-polling/", "xhr-polling//1290000000000"])
def test_each_form_of_address_opens_a_session(app, path):
    answer = app.get(f"/socket.io/{path}")
    assert answer.body.startswith(b"~m~40~m~")
    assert answer.headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert answer.headers["Cache-Control"] == "no-store, no-cache, no-transform"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("transport", ["websocket", "htmlfile", "jsonp-polling"])
def test_a_transport_that_is_not_enabled_is_refused(app, lines, transport):
    answer = app.get(f"/socket.io/{transport}/", status=404)
    assert answer.text == f"the transport {transport} is not enabled\n"
    assert len(lines) == 1
    assert "not enabled" in lines[0]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
def test_other_methods_are_refused(app, method):
    answer = app.request("/socket.io/xhr-polling/", method=method, status=405)
    assert answer.headers["Allow"] == "GET, POST, OPTIONS"


def test_a_post_needs_a_session_and_the_send_address(app):
    app.post("/socket.io/xhr-polling/", "data=~m~0~m~", status=405)
    app.post("/socket.io/xhr-polling/unknown/send", "data=~m~0~m~", status=404)
    session_id = app.get("/socket.io/xhr-polling/").text[-40:]
    app.post(f"/socket.io/xhr-polling/{session_id}/elsewhere", "data=~m~0~m~", status=405)
    assert app.post(f"/socket.io/xhr-polling/{session_id}/send", "data=~m~0~m~").text == "ok"


def test_an_unknown_session_is_refused_and_its_id_kept_out_of_the_log(app, lines):
    secret = "1234567890" * 4
    app.get(f"/socket.io/xhr-polling/{secret}/1", status=404)
    assert "12345678" in lines[0]
    assert secret not in lines[0]


def test_a_line_break_in_an_address_does_not_break_the_log(app, lines):
    app.get("/socket.io/xhr-polling/a%0Ab/1", status=404)
    assert "\n" not in lines[0]


FOREIGN = {"Origin": "http://foreign.example"}
OWN = {"Origin": "http://localhost:80", "Host": "localhost:80"}


def test_a_foreign_origin_gets_no_session_and_learns_nothing(app, lines):
    for path in ("xhr-polling/", "xhr-polling/unknown/1", "websocket/"):
        answer = app.get(f"/socket.io/{path}", headers=FOREIGN, status=403)
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert app.app.clients == {}
    app.options("/socket.io/xhr-polling/", headers=FOREIGN, status=403)
    assert all("foreign.example" not in line or "\n" not in line for line in lines)


def test_an_allowed_origin_may_read_answers_with_credentials(lines):
    app = TestApp(io.listen(application, log=lines.append, origins=["http://foreign.example"]))
    for answer in (
        app.get("/socket.io/xhr-polling/", headers=FOREIGN),
        app.get("/socket.io/xhr-polling/unknown/1", headers=FOREIGN, status=404),
        app.options("/socket.io/xhr-polling/", headers=FOREIGN),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "http://foreign.example"
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert answer.headers["Vary"] == "Origin"


def test_a_preflight_is_answered(app):
    answer = app.options("/socket.io/xhr-polling/x/send", headers=OWN)
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type"
    assert app.app.clients == {}


def test_the_resource_can_be_elsewhere():
    app = TestApp(io.listen(application, resource="/live/io/", log=False))
    assert app.get("/live/io/xhr-polling/").body.startswith(b"~m~40~m~")
    assert app.get("/live/io/socket.io.js").content_type == "text/javascript"
    assert app.get("/socket.io/xhr-polling/").text.startswith("the application")


def test_a_mounted_listener_uses_the_path_below_its_mount(app):
    answer = app.get("/socket.io/xhr-polling/", extra_environ={"SCRIPT_NAME": "/mounted"})
    assert answer.body.startswith(b"~m~40~m~")


def test_a_server_that_does_not_give_its_socket_cannot_upgrade():
    app = TestApp(io.listen(application, log=False))
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    answer = app.get("/socket.io/websocket", headers=headers, status=426)
    assert "out of reach" in answer.text
    assert not {"Connection", "Upgrade"} & set(answer.headers), "PEP 3333 leaves these to servers"


class Kept:
    """Something in the environ of a request."""


def test_nothing_is_kept_of_requests_to_a_server_that_cannot_keep_connections(app):
    statuses = []

    def ask():
        kept = Kept()
        environ = Request.blank("/socket.io/xhr-polling").environ
        # In-process test clients do not name a server; this one runs without greenlets.
        environ.update({"SERVER_SOFTWARE": "some server", "kept": kept})
        list(app.app(environ, lambda status, headers: statuses.append(status)))
        return weakref.ref(kept)

    reference = ask()
    gc.collect()
    assert statuses == ["503 Service Unavailable"]
    assert reference() is None
