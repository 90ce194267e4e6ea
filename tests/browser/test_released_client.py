"""The browser client that was released with Socket.IO 0.6.18, against this server."""

import pytest
from support.framing import TRICKY

PAGE = "tests/browser/page_server.py"

OPEN = """transport => new Promise(done => {
  window.messages = [];
  window.socket = new io.Socket(null, {transports: [transport], rememberTransport: false,
    connectTimeout: 60000});
  socket.on('message', message => messages.push(message));
  socket.on('connect', done);
  socket.connect();
})"""


@pytest.mark.parametrize("transport", ["websocket", "xhr-polling", "jsonp-polling"])
def test_the_released_client_connects_sends_and_receives(
    start, new_page, released_client, transport
):
    server = start(PAGE, "--client", str(released_client))
    page = new_page(server.url)
    assert page.evaluate("io.version") == "0.6.3"
    page.evaluate(OPEN, transport)
    assert page.evaluate("socket.transport.type") == transport
    assert len(page.evaluate("socket.transport.sessionid")) == 40
    # Its forms make CRLF of a CR as well, which no server can undo.
    texts = [text for text in TRICKY if transport != "jsonp-polling" or "\r" not in text]
    page.evaluate(
        """([tricky, places]) => tricky.forEach((text, place) => {
          socket.send(text);
          socket.send({ask: places[place]});
        })""",
        [texts, [TRICKY.index(text) for text in texts]],
    )
    page.wait_for_function("count => messages.length === count", arg=2 * len(texts))
    received = page.evaluate("messages")
    assert received[0::2] == [{"is": TRICKY.index(text)} for text in texts]
    assert received[1::2] == texts
    # Not before there have been heartbeats, which the client has to echo.
    page.evaluate("socket.send({later: 3})")
    page.wait_for_function("messages.indexOf('later') >= 0")
    assert page.evaluate("socket.connected")
    assert sum(" opened" in line for line in server.log()) == 1
    page.close()
    server.wait_line("ended: ")
