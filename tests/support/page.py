"""Drive the browser client in a page: a socket whose events are kept in window.events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .framing import TRICKY
from .http import DEADLINE

# All that a browser of today tries: Flash is gone.
TRANSPORTS = [
    "websocket",
    "server-events",
    "htmlfile",
    "xhr-multipart",
    "xhr-polling",
]
# All that it can run, if a page names it.
RUNNING = [*TRANSPORTS, "jsonp-polling"]

OPEN = """([options, hopeless]) => {
  window.events = [];
  window.socket = new io.Socket(null, options);
  socket.on('connecting', type => {
    if (hopeless.includes(type)) socket.options.connectTimeout = 200;
    else socket.options.connectTimeout = options.connectTimeout;
  });
  ['connecting', 'connect', 'connect_failed', 'message', 'disconnect', 'reconnecting',
   'reconnect', 'reconnect_failed'].forEach(name => socket.on(name, function () {
     events.push([name].concat([].slice.call(arguments)));
   }));
}"""


# Resolved when there are so many events of a name. The page does nothing until the next event:
# Playwright would look again and again, and have Chromium draw the page each time.
_ENOUGH = """([name, count]) => new Promise(done => {
  const enough = () => events.filter(event => event[0] === name).length >= count;
  if (enough()) return done(true);
  events.push = function () {
    [].push.apply(events, arguments);
    if (enough()) {
      delete events.push;
      done(true);
    }
    return events.length;
  };
})"""


# Milliseconds for a connection: long, because the machine may be busy.
PATIENCE = 1000 * DEADLINE

# For the pages of the example, which wait for 5 s, both for a connection and for an answer.
PATIENT = """
  (function () {
    var set = window.setTimeout;
    window.setTimeout = function (done, time) {
      return set.call(window, done, time === 5000 ? 15000 : time);
    };
  }());
"""


def opened(page: Any, hopeless: Sequence[str] = (), **options: Any) -> Any:
    """Connect; transports that will get no answer are given up soon."""
    options = {"rememberTransport": False, "connectTimeout": PATIENCE, **options}
    page.evaluate(OPEN, [options, hopeless])
    return page


def wait_event(page: Any, name: str, count: int = 1) -> list[list[Any]]:
    """Wait for an event; return the arguments of each that there was."""
    page.wait_for_function(_ENOUGH, arg=[name, count])
    events = page.evaluate("events")
    return [event[1:] for event in events if event[0] == name]


def check_tricky_strings(page: Any) -> None:
    """Send each string and receive each string, and check each direction alone."""
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
