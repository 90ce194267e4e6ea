"""What the doctor tries over WebSockets of both dialects."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, time

from . import advice
from .findings import Finding, bad, good, skipped
from .http import Failed, Server
from .polling import Opened, has_classic, open_polling
from .websocket import Refused, WebSocket

__all__ = ["classic_websocket", "silence", "silent_websocket", "upgrade", "websocket"]

_WEBSOCKET = "?EIO=4&transport=websocket"
_GRACE = 5.0  # seconds
_UNKNOWN_TRANSPORT = 0


def websocket(server: Server) -> Finding:
    """Whether a client of Socket.IO 4 can begin with a WebSocket."""
    name = "Socket.IO 4, WebSocket"
    try:
        opened = WebSocket(server, server.path(_WEBSOCKET))
        try:
            opened.receive()
            opened.send("40")
            answer = opened.receive()
        finally:
            opened.close()
    except (Failed, TimeoutError) as error:
        if isinstance(error, Refused) and not _has_todays(server):
            return skipped(name, advice.OTHER_DIALECT)
        return _without(name, error)
    if not answer.startswith("40"):
        return skipped(name, f"the application does not let the doctor in: {answer[:100]}")
    return good(name, "a session was opened, and messages went both ways")


def classic_websocket(server: Server) -> Finding:
    """Whether a classic client can connect over a WebSocket."""
    name = "Socket.IO 0.6, WebSocket"
    try:
        opened = WebSocket(server, server.path(f"websocket/{int(time() * 1000)}"))
        try:
            first = opened.receive()
        finally:
            opened.close()
    except (Failed, TimeoutError) as error:
        if isinstance(error, Refused) and (error.answer.status == 404 or not has_classic(server)):
            return skipped(name, f"the server does not offer it: {error}")
        return _without(name, error)
    if not first.startswith("~m~"):
        return bad(name, f"it begins with something else: {first[:40]!r}")
    return good(name, "a session was opened")


def upgrade(server: Server) -> Finding:
    """Whether a client that polls can go on with a WebSocket."""
    name = "from polling to WebSocket"
    _, session = open_polling(server)
    if session is None:
        return skipped(name, "no polling session was opened")
    try:
        if "websocket" not in session.upgrades:
            return skipped(name, "the server offers no WebSocket: see its option 'transports'")
        opened = WebSocket(server, server.path(f"{_WEBSOCKET}&sid={session.sid}"))
        try:
            opened.send("2probe")
            answer = opened.receive()
        finally:
            opened.close()
    except (Failed, TimeoutError) as error:
        return _without(name, error)
    finally:
        session.close()
    if answer != "3probe":
        return bad(name, f"the server does not know its session there: {answer[:60]!r}")
    return good(name, "the server has answered the probe")


def _has_todays(server: Server) -> bool:
    """Whether the server speaks with clients of Socket.IO 1 to 4."""
    answer, session = open_polling(server)
    if session is not None:
        session.close()
    return session is not None or answer.code is not None


def _without(name: str, error: Exception) -> Finding:
    """The finding for a WebSocket that was not opened, or brings nothing."""
    if isinstance(error, Refused):
        status, code = error.answer.status, error.answer.code
        if code == _UNKNOWN_TRANSPORT:
            return skipped(name, "the server does not offer it: see its option 'transports'")
        if status in (401, 403):
            return skipped(name, f"the server does not let the doctor in: {error}")
        if error.answer.is_misdirected:
            return bad(name, f"it got {error}", *advice.SEVERAL)
        return bad(name, f"no WebSocket gets through: {error}", *advice.UPGRADE)
    if isinstance(error, TimeoutError):
        text = "it was opened, and then nothing came: a proxy holds back what the server sends"
        return bad(name, text, *advice.UPGRADE)
    return bad(name, f"no WebSocket gets through: {error}", *advice.UPGRADE)


def silence(server: Server) -> Finding:
    """Whether a poll stands until the next ping of the server."""
    name = "a silent poll"
    try:
        _, session = open_polling(server)
    except Failed as error:
        return skipped(name, f"no session was opened: {error}")
    if session is None:
        return skipped(name, "no session was opened")
    try:
        return _silence(name, session, lambda limit: _poll(server, session, limit))
    finally:
        session.close()


def silent_websocket(server: Server) -> Finding:
    """Whether a WebSocket stands until the next ping of the server."""
    name = "a silent WebSocket"
    try:
        opened = WebSocket(server, server.path(_WEBSOCKET))
    except (Failed, TimeoutError):
        return skipped(name, "no WebSocket was opened")
    try:
        session = Opened(server, opened.receive())
        return _silence(name, session, opened.receive)
    except (Failed, TimeoutError, ValueError, KeyError, TypeError):
        return skipped(name, "no session was opened")
    finally:
        opened.close()


def _silence(name: str, session: Opened, wait: Callable[[float], str]) -> Finding:
    """Wait for a ping, the next thing that the server has to say, and tell how that went."""
    began = monotonic()
    try:
        received = wait(session.ping_interval + _GRACE)
        if not received.startswith("2"):
            raise Failed(f"it got {received[:60]!r}")
    except (Failed, TimeoutError) as error:
        seconds = monotonic() - began
        said = str(error) or "nothing came"
        if seconds >= 0.8 * session.ping_interval:
            return bad(name, f"after {seconds:.0f} s, in place of a ping: {said}")
        text, *lines = advice.SILENCE
        needed = session.ping_interval + session.ping_timeout + 15
        return bad(
            name,
            f"it was cut after {seconds:.0f} s: {said}",
            text,
            *[line.format(seconds=needed) for line in lines],
        )
    seconds = monotonic() - began
    return good(name, f"it stayed open until the ping of the server, for {seconds:.0f} s")


def _poll(server: Server, session: Opened, limit: float) -> str:
    """Wait for a poll.

    Raises:
        Failed: if its answer is an error.
    """
    answer = server.ask("GET", session.path, timeout=limit)
    if answer.status != 200:
        raise Failed(answer.said)
    return answer.text
