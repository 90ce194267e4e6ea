"""Drive the browser client in a page: a socket whose events are kept in window.events."""

from __future__ import annotations

from typing import Any

from .framing import TRICKY

# All that a browser of today can run: Flash is gone.
TRANSPORTS = [
    "websocket",
    "server-events",
    "htmlfile",
    "xhr-multipart",
    "xhr-polling",
    "jsonp-polling",
]

OPEN = """options => {
  window.events = [];
  window.socket = new io.Socket(null, options);
  ['connecting', 'connect', 'connect_failed', 'message', 'disconnect', 'reconnecting',
   'reconnect', 'reconnect_failed'].forEach(name => socket.on(name, function () {
     events.push([name].concat([].slice.call(arguments)));
   }));
}"""


def opened(page: Any, **options: Any) -> Any:
    page.evaluate(OPEN, {"rememberTransport": False, **options})
    return page


def wait_event(page: Any, name: str, count: int = 1) -> list[list[Any]]:
    """Wait for an event; return the arguments of each that there was."""
    page.wait_for_function(
        "([name, count]) => events.filter(event => event[0] === name).length >= count",
        arg=[name, count],
    )
    events = page.evaluate("events")
    return [event[1:] for event in events if event[0] == name]


def check_tricky_strings(page: Any) -> None:
    """Send each string and have each sent, and check each direction alone."""
    page.evaluate(
        """tricky => tricky.forEach((text, place) => {
          socket.send(text);
          socket.send({ask: place});
        })""",
        TRICKY,
    )
    received = [message for (message,) in wait_event(page, "message", 2 * len(TRICKY))]
    assert received[0::2] == [{"is": place} for place in range(len(TRICKY))]
    assert received[1::2] == TRICKY
