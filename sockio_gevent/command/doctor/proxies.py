"""What the doctor asks to find out what proxies change on the way."""

from __future__ import annotations

from http.client import HTTPException
from time import time

from . import advice
from .findings import Finding, bad, good, skipped
from .http import Failed, Server

__all__ = ["large_posts", "own_origin", "reached"]

_LARGE = 7_000_000  # bytes
_SOON = 3.0  # seconds


def reached(server: Server) -> Finding:
    """Whether there is a server at all."""
    name = "the server"
    try:
        answer = server.ask("GET", f"{server.place.prefix}/")
    except Failed as error:
        return bad(name, f"it is not reached at {server.place.origin}: {error}", ends=True)
    by = answer.headers.get("server", "a server that does not say its name")
    via = answer.headers.get("via")
    seconds = f"{answer.seconds * 1000:.0f} ms"
    return good(name, f"{by} has answered within {seconds}" + (f", via {via}" if via else ""))


def own_origin(server: Server) -> Finding:
    """Whether the pages of the server itself may connect."""
    name = "pages of this address"
    origin = server.place.origin
    # The classic dialect says in words what is wrong, and opens nothing.
    asked = server.ask(
        "GET", server.path(f"xhr-polling/{int(time() * 1000)}?ask"), headers={"Origin": origin}
    )
    if asked.status == 403 and "origin" in asked.text:
        return bad(name, f"they may not connect: {asked.text.strip()[:120]}", *advice.ORIGIN)
    if asked.status == 403:
        return skipped(name, f"the server does not let the doctor in: {asked.said}")
    if asked.status == 200 and asked.text == "ok":
        return good(name, f"the server knows that {origin} is its own, or lets it in")
    answer = server.ask("GET", server.path("?EIO=4&transport=polling"), headers={"Origin": origin})
    without = server.ask("GET", server.path("?EIO=4&transport=polling"))
    if answer.status == 403 != without.status:
        return bad(name, f"they may not connect: {answer.said}", *advice.ORIGIN)
    if answer.status != 200:
        return skipped(name, f"no session was opened: {answer.said}")
    return good(name, f"the server knows that {origin} is its own, or lets it in")


def large_posts(server: Server) -> Finding:
    """Whether a proxy takes large POSTs: it refuses them by their head, before there is a body."""
    name = "large messages"
    connection = server.connect(_SOON)
    try:
        # A session that nobody has: whatever happens, no message arrives.
        connection.putrequest("POST", server.path(f"xhr-polling/{'0' * 40}/send"))
        connection.putheader("Content-Type", "application/x-www-form-urlencoded")
        connection.putheader("Content-Length", str(_LARGE))
        connection.endheaders()
        response = connection.getresponse()
    except TimeoutError:
        return good(name, f"a POST of {_LARGE // 1_000_000} MB is not refused by its size")
    except (OSError, HTTPException) as error:
        return skipped(name, f"a large POST got no answer: {error}")
    else:
        if response.status == 413:
            return bad(name, "a large POST is refused with status 413", *advice.BODY)
        return good(name, f"a POST of {_LARGE // 1_000_000} MB is not refused by its size")
    finally:
        connection.close()
