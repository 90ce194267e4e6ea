"""JSONP polling: scripts from the server, forms to it, and the check of origins."""

import json
import re
from urllib.parse import quote_plus

import gevent
import pytest
from support import framing
from support.doors import OWN_SCRIPT, head
from support.http import DEADLINE, HTTP
from support.raw import Raw
from support.waiting import wait_until

from sockio_gevent.client import session_of


def poll(port, tail="/1290000000000/3", **headers):
    """A poll by a page, which is the server's own page if no headers are given."""
    headers = headers or OWN_SCRIPT
    return HTTP(port).request("GET", f"/socket.io/jsonp-polling{tail}", **headers)


class Page:
    """A page with one client on it, the fourth of its kind."""

    def __init__(self, served, **headers):
        self.served = served
        first = poll(served.port, "//1290000000000/3", **headers)
        assert first.status == 200
        self.session_id = re.fullmatch(r'io\.JSONP\[3\]\._\("~m~40~m~(.*)"\);', first.text)[1]
        (_, self.session) = served.wait("connection")
        self.form = HTTP(served.port)

    def poll(self, index="3"):
        return poll(self.served.port, f"/{self.session_id}/1290000000001/{index}")

    def post(self, payload, tail="1290000000001/3", **headers):
        """A form, with the line breaks that browsers give it."""
        text = re.sub("\r\n|\r|\n", "\r\n", payload)
        return self.post_data(quote_plus(text), tail, **headers)

    def post_data(self, data, tail="1290000000001/3", **headers):
        path = f"/socket.io/jsonp-polling/{self.session_id}/{tail}"
        headers["Content_Type"] = "application/x-www-form-urlencoded"
        return self.form.request("POST", path, f"data={data}", **headers)


@pytest.mark.parametrize("index", ["0", "3", "10", "999999999"])
def test_a_poll_is_answered_with_a_call(serve, index):
    served = serve()
    request = head("jsonp-polling").replace(b"1290000000000/3", f"1/{index}".encode())
    raw = Raw(served.port, request)
    status, headers = raw.head()
    (_, session) = served.wait("connection")
    body = f'io.JSONP[{index}]._("~m~40~m~{session.session_id}");'.encode()
    assert status == "HTTP/1.1 200 OK"
    assert headers.pop("Date")
    assert headers == {
        "Content-Type": "text/javascript; charset=UTF-8",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store, no-cache, no-transform",
        "X-Accel-Buffering": "no",
        "X-Content-Type-Options": "nosniff",
        "Vary": "Origin",
    }
    assert raw.take(len(body)) == body


def test_a_poll_without_messages_is_answered_with_an_empty_call(serve):
    page = Page(serve(transport_options={"jsonp-polling": {"duration": 0.1}}))
    assert page.poll().body == b'io.JSONP[3]._("");'
    assert page.poll("7").body == b'io.JSONP[7]._("");'


def test_messages_between_polls_come_as_one_batch(serve):
    page = Page(serve())
    for message in ("one", {"two": [2]}, "three"):
        page.session.send(message)
    text = page.poll().text
    assert text == 'io.JSONP[3]._("~m~3~m~one~m~14~m~~j~{\\"two\\":[2]}~m~5~m~three");'


def test_a_waiting_poll_is_answered_when_something_is_sent(serve):
    page = Page(serve())
    waiting = gevent.spawn(page.poll)
    wait_until(lambda: session_of(page.session).downlink is not None)
    page.session.send("now")
    assert waiting.get(timeout=DEADLINE).body == b'io.JSONP[3]._("~m~3~m~now");'


HOSTILE = [
    *framing.TRICKY,
    "</script><script>alert(1)</script>",
    "<!--<script>",
    '");alert(1);("',
    "\\",
    "\u2028alert(1)\u2029",
    "\r\nalert(1)",
    "\x00\x1f\x7f",
]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_no_message_breaks_out_of_the_call(serve, text):
    page = Page(serve())
    page.session.send(text)
    answer = page.poll().text
    inside = re.fullmatch(r'io\.JSONP\[3\]\._\(("(?:[^"\\]|\\.)*")\);', answer)[1]
    assert not re.search("[<>\u2028\u2029\x00-\x1f]", inside)
    assert json.loads(inside) == framing.encode(text)


BAD_INDEXES = [
    "",
    "/",
    "/1290000000000",
    "/1290000000000/",
    "/1/x",
    "/1/-1",
    "/1/+1",
    "/1/1.5",
    "/1/0x1",
    "/1/1e3",
    "/1/3/",
    "/1/3/4",
    "/1/%203",
    "/1/3%0A",
    "/1/3%00",
    "/1/%D9%A3",  # a three, in Arabic
    "/1/%B2",  # a superscript two, in Latin-1
    "/1/1234567890",
    "/1/" + "1" * 1000,
    "/1/3];alert(1);//",
    "/1/3%5D.x;alert(1);io.JSONP%5B3",
    "/1/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "/1/alert",
]


@pytest.mark.parametrize("tail", BAD_INDEXES)
def test_a_malformed_index_is_refused_and_opens_no_session(serve, tail):
    served = serve()
    answer = poll(served.port, "/" + tail)
    assert answer.status == 400
    assert answer.text == "the address ends in no index: <time>/<digits>\n"
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert served.listener.clients == {}
    served.wait_line("400 Bad Request")
    assert len(served.lines) == 1


def test_a_malformed_index_leaves_a_session_unchanged(serve):
    page = Page(serve())
    page.session.send("kept")
    assert page.poll("x").status == 400
    assert page.session.connections == 1
    assert page.poll().body == b'io.JSONP[3]._("~m~4~m~kept");'


@pytest.mark.parametrize("tail", ["1290000000001/3", "1290000000001", "", "send"])
def test_each_address_takes_a_form(serve, tail):
    served = serve()
    page = Page(served)
    answer = page.post("~m~5~m~a+b&c", tail)
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.headers["content-type"] == "text/html; charset=UTF-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert served.wait("message")[1] == "a+b&c"


@pytest.mark.parametrize("text", ["a\nb", "\n", "\n\n\nx", "a\n~m~b\n", "é\n😀"], ids=ascii)
def test_line_feeds_that_the_form_made_longer_are_restored(serve, text):
    served = serve()
    page = Page(served)
    assert page.post(framing.encode(text, "next", text)).status == 200
    assert [served.wait("message", count)[1] for count in (1, 2, 3)] == [text, "next", text]


@pytest.mark.parametrize("text", ["a\rb", "a\r\nb", "\n\r", "\r\n\n\r"], ids=ascii)
def test_json_keeps_every_line_break_in_a_form(serve, text):
    served = serve()
    page = Page(served)
    assert page.post(framing.encode("~j~" + json.dumps(text))).status == 200
    assert served.wait("message")[1] == text


@pytest.mark.parametrize("text", framing.TRICKY, ids=ascii)
def test_at_the_send_address_line_breaks_are_kept(serve, text):
    served = serve()
    page = Page(served)
    data = "".join(f"%{byte:02X}" for byte in framing.encode(text).encode())
    assert page.post_data(data, "send").status == 200
    assert served.wait("message")[1] == text


def test_a_bad_form_is_refused(serve):
    served = serve(max_message_size=1000)
    page = Page(served)
    for data, status in (("%", 400), ("", 400), ("<script>", 400), ("x" * 1001, 413)):
        answer = page.post_data(data)
        assert answer.status == status
        assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "<script>" not in answer.text
    assert served.happened("message") == []
    assert page.session.connected


def test_the_limit_counts_the_payload_and_not_its_form(serve):
    served = serve(max_message_size=1000)
    page = Page(served)
    text = "\n" * 10 + "x" * (990 - len("~m~990~m~"))
    assert page.post(framing.encode(text)).status == 200
    assert served.wait("message")[1] == text
    assert page.post(framing.encode(text + "xx" * 10)).status == 413


OWN = "http://127.0.0.1:{port}/page.html?x#y"
EVIL = "http://evil.example/page"
FROM = {
    # the headers of a request, and whether they are allowed: by default, and for evil.example
    "the own page": ({"Sec_Fetch_Site": "same-origin", "Referer": OWN}, True, False),
    "the own page, that hides itself": ({"Sec_Fetch_Site": "same-origin"}, True, False),
    "the own page, before fetch metadata": ({"Referer": OWN}, True, False),
    "a foreign page": ({"Sec_Fetch_Site": "cross-site", "Referer": EVIL}, False, True),
    "a foreign page, that hides itself": ({"Sec_Fetch_Site": "cross-site"}, False, False),
    "a foreign page, before fetch metadata": ({"Referer": EVIL}, False, True),
    "a page of a sister": ({"Sec_Fetch_Site": "same-site", "Referer": EVIL}, False, True),
    "a page of a sister, that hides itself": ({"Sec_Fetch_Site": "same-site"}, False, False),
    "a form of a foreign page": ({"Origin": "http://evil.example", "Referer": OWN}, False, True),
    "a form of a page without an origin": ({"Origin": "null"}, False, False),
}


@pytest.mark.parametrize("allowed", [None, "http://evil.example"], ids=["by default", "allowed"])
@pytest.mark.parametrize(("headers", "own", "evil"), FROM.values(), ids=FROM)
def test_the_origin_decides_about_polls_and_posts(serve, headers, own, evil, allowed):
    served = serve(origins=[allowed, "127.0.0.2:*"] if allowed else None)
    page = Page(served, Origin="http://127.0.0.2") if allowed else Page(served)
    headers = {name: value.format(port=served.port) for name, value in headers.items()}
    expected = 200 if (evil if allowed else own) else 403
    sessions = len(served.listener.clients)
    answer = poll(served.port, "//1290000000000/0", **headers)
    assert answer.status == expected
    assert len(served.listener.clients) == sessions + (expected == 200)
    assert page.post("~m~5~m~hello", **headers).status == expected
    assert len(served.happened("message")) == (expected == 200)
    if expected == 403:
        assert "io.JSONP" not in answer.text
        served.wait_line("403 Forbidden")
        assert "127.0.0.2" not in answer.text
        assert "Access-Control-Allow-Origin" not in answer.headers


SILENT = {
    "a program": {"User_Agent": "a program"},
    "the user": {"Sec_Fetch_Site": "none"},
    "a page of no address": {"Referer": "about:blank"},
}


@pytest.mark.parametrize(
    ("origins", "let_in"),
    [(None, False), ("self", False), ("http://a.com", False), ("null", True), ("*:*", True)],
)
@pytest.mark.parametrize("headers", SILENT.values(), ids=SILENT)
def test_a_poll_that_shows_no_origin_is_refused(serve, headers, origins, let_in):
    served = serve(origins=origins)
    answer = poll(served.port, "//1290000000000/0", **headers)
    assert ("io.JSONP" in answer.text) == let_in
    assert len(served.listener.clients) == let_in
    if not let_in:
        assert answer.status == 403
        assert answer.text == "the origin 'null' is not in the option 'origins'\n"


@pytest.mark.parametrize("headers", SILENT.values(), ids=SILENT)
def test_a_post_needs_only_the_session_id(serve, headers):
    served = serve()
    page = Page(served)
    assert page.post("~m~5~m~hello", **headers).status == 200
    assert served.wait("message")[1] == "hello"
