"""Pages of other sites over plain HTTP, to which browsers send no Sec-Fetch-* headers."""

from __future__ import annotations

import pytest
from support.browsers import BROWSERS, Site, Visit

from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS
from sockio_gevent.transports.streaming import XHRMultipartTransport

VICTIM, EVIL = "victim.test", "evil.test"

browsers = pytest.mark.parametrize("browser", BROWSERS)


@pytest.fixture
def site():
    """Serve pages: site(**options)."""
    sites: list[Site] = []

    def start(**options):
        sites.append(Site(**options))
        return sites[-1]

    yield start
    for each in sites:
        each.stop()


@pytest.fixture
def visit(tmp_path_factory):
    """Open an address in a browser: visit(browser, url)."""
    visits: list[Visit] = []

    def start(browser, url):
        visits.append(Visit(browser, tmp_path_factory.mktemp("profile"), url))

    yield start
    for each in visits:
        each.end()


# A script that reports where it runs, and waits until the report has arrived.
EVIL_SCRIPT = """<script>
var request = new XMLHttpRequest();
request.open('POST', '/report', false);
request.send(JSON.stringify('ran at ' + location.hostname));
</script>"""
# Messages that would turn the answer that carries them into a page.
PART = f"\n--BOUNDARY\nContent-Type: text/html\n\n<!doctype html>{EVIL_SCRIPT}\n"
ELEMENT = f"</script>{EVIL_SCRIPT}"

# Opens a stream in a frame without showing its origin, and reports its end.
FRAME = """
var frame = document.createElement('iframe');
frame.referrerPolicy = 'no-referrer';
frame.src = url('victim.test', '/socket.io/TRANSPORT');
frame.onload = () => report('over');
document.body.appendChild(frame);
"""


def framed(site, visit, browser, transport, message):
    """Let a page of another site frame a stream that carries this message."""
    site.listener.on("connection", lambda client: (client.send(message), client.disconnect()))
    site.pages["/"] = FRAME.replace("TRANSPORT", transport)
    visit(browser, site.url(EVIL, "/"))
    return site.wait_report()


@pytest.mark.parametrize(
    ("browser", "transport", "message"),
    [
        # Chromium makes no pages of parts.
        ("firefox", "xhr-multipart", PART.replace("BOUNDARY", "socketio")),
        ("firefox", "htmlfile", ELEMENT),
        ("chromium", "htmlfile", ELEMENT),
    ],
)
def test_a_message_does_not_become_a_page(site, visit, browser, transport, message):
    assert framed(site(), visit, browser, transport, message) == ["over"]


def known(transport):
    """A message with parts of its own, as if the client knew the boundary of xhr-multipart."""
    content_type = 'multipart/x-mixed-replace;boundary="known"'
    return make_carrier(transport)._replace(
        content_type=content_type, preamble=b"--known\n", encode=known_part
    )


def known_part(batch):
    payload = b"".join(packet.payload for packet in batch)
    return b"Content-Type: text/plain\n\n%b\n--known\n" % payload


make_carrier = XHRMultipartTransport.carrier


@pytest.mark.parametrize("protected", [True, False], ids=["as it is", "without its policy"])
def test_no_script_would_run_even_if_the_boundary_were_known(site, visit, monkeypatch, protected):
    def carrier(transport):
        return known(transport) if protected else known(transport)._replace(headers=())

    monkeypatch.setattr(XHRMultipartTransport, "carrier", carrier)
    message = PART.replace("BOUNDARY", "known")
    reports = framed(site(), visit, "firefox", "xhr-multipart", message)
    # A script that runs reports before the frame ends.
    assert reports[0] == ("over" if protected else f"ran at {VICTIM}")


# Polls as JSONP does, and reports what it has learnt.
SCRIPT = """
window.io = {JSONP: [{_: payload => report(payload.slice(0, 8))}]};
var script = document.createElement('script');
script.referrerPolicy = 'POLICY';
script.src = url('victim.test', '/socket.io/jsonp-polling//1/0');
script.onload = script.onerror = event => report(event.type);
document.head.appendChild(script);
"""


@browsers
@pytest.mark.parametrize(
    ("host", "policy", "learnt"),
    [
        (EVIL, "no-referrer", ["error"]),
        (EVIL, "unsafe-url", ["error"]),
        # This page hides its origin, too, so the server cannot tell it from the others.
        (VICTIM, "no-referrer", ["error"]),
        (VICTIM, "unsafe-url", ["~m~40~m~", "load"]),
    ],
    ids=["another hides", "another", "its own hides", "its own"],
)
def test_only_a_page_that_shows_its_origin_gets_a_jsonp_poll(
    site, visit, browser, host, policy, learnt
):
    served = site(transports=KNOWN_TRANSPORTS)
    served.pages["/"] = SCRIPT.replace("POLICY", policy)
    visit(browser, served.url(host, "/"))
    assert served.wait_report(len(learnt)) == learnt
    assert served.listener.stats()["opened"] == len(learnt) - 1


# Connects with the server's own client, over one transport after the other.
CONNECT = """
var names = TRANSPORTS;
function next() {
  var name = names.shift(), socket;
  if (!name) return;
  socket = new io.Socket('victim.test', {port: PORT, secure: false, transports: [name],
    rememberTransport: false, reconnect: false, connectTimeout: 60000});
  socket.on('connect', () => socket.send('a\\n--socketio\\n\\u2028<\\/script>'));
  socket.on('message', message => {
    report([name, message]);
    socket.disconnect();
    next();
  });
  socket.on('connect_failed', () => { report([name, 'failed']); next(); });
}
document.write('<script src=' + url('victim.test', '/socket.io/socket.io.js') + '><' + '/script>');
window.onload = next;
"""


@browsers
def test_a_page_of_the_server_connects_over_each_transport(site, visit, browser):
    served = site(
        transports=KNOWN_TRANSPORTS,
        on_client_message=lambda message, client: client.send(message),
    )
    names = [name for name in KNOWN_TRANSPORTS if name != "flashsocket"]
    served.pages["/"] = CONNECT.replace("TRANSPORTS", repr(names))
    visit(browser, served.url(VICTIM, "/"))
    said = "a\n--socketio\n\u2028</script>"
    assert served.wait_report(len(names)) == [[name, said] for name in names]


@browsers
@pytest.mark.parametrize("origins", [["self"], ["null", "file://"]], ids=repr)
def test_a_page_from_a_file_connects_if_origins_names_files(
    site, visit, browser, origins, tmp_path
):
    served = site(
        origins=origins,
        transports=KNOWN_TRANSPORTS,
        on_client_message=lambda message, client: client.send("hello"),
    )
    # htmlfile calls into the page, which no other origin may.
    names = ["websocket", "server-events", "xhr-multipart", "xhr-polling", "jsonp-polling"]
    page = tmp_path / "page.html"
    page.write_text(served.html(CONNECT.replace("TRANSPORTS", repr(names))))
    visit(browser, page.as_uri())
    expected = "hello" if "null" in origins else "failed"
    assert served.wait_report(len(names)) == [[name, expected] for name in names]


REBOUND = """
fetch('/socket.io/xhr-polling').then(answer => answer.text()).then(text => report(text));
"""


@browsers
def test_a_page_of_a_rebound_name_gets_nothing(site, visit, browser):
    """DNS rebinding: its name leads here, so the browser takes it for the server's own page."""
    served = site(hosts=[VICTIM])
    served.pages["/"] = REBOUND
    visit(browser, served.url(EVIL, "/"))
    (answer,) = served.wait_report()
    assert (
        answer == f"the host 'evil.test:{served.server.server_port}' is not in the option 'hosts'\n"
    )
    assert served.listener.stats()["opened"] == 0
    assert served.listener.stats()["refused"]["host"] == 1
