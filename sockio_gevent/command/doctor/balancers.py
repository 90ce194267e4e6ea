"""What the doctor finds out about workers, and about a balancer that keeps clients on one."""

from __future__ import annotations

import re

from ...cluster.names import is_session_id, owner_of
from . import advice
from .findings import Finding, bad, good, skipped
from .http import Answer, Server
from .polling import open_polling

__all__ = ["sticky_cookies", "workers"]

_SESSIONS = 8
# The names of cookies that keep a client on one server: of AWS, Azure, F5, Citrix, Google,
# HAProxy, ingress-nginx and others.
_STICKY = re.compile(
    r"\s*(AWSALB\w*|AWSELB\w*|ARRAffinity\w*|BIGipServer[^=]*|NSC_[^=]*|GCLB|GCILB|SERVERID|SRV"
    r"|SRVNAME|INGRESSCOOKIE|route|sticky|[\w-]*(?:affinity|sticky)[\w-]*)\s*=",
    re.IGNORECASE,
)


def sticky_cookies(answer: Answer) -> set[str]:
    """The names of cookies of an answer that keep a client on one server."""
    lines = answer.headers.get("set-cookie", "").split("\n")
    return {match[1] for line in lines if (match := _STICKY.match(line))}


def workers(server: Server) -> Finding:
    """How many workers open sessions, and whether any of them takes any request.

    Each request has a connection of its own, and sends no cookies.
    """
    name = "several workers"
    owners, cookies = set(), set()
    for _ in range(_SESSIONS):
        answer, session = open_polling(server)
        if session is None:
            return skipped(name, "no polling session was opened")
        cookies |= sticky_cookies(answer)
        if is_session_id(session.sid):
            owners.add(owner_of(session.sid))
        sent = session.post("40")
        if sent.is_misdirected:
            return bad(name, f"the second request of a session got {sent.said}", *advice.SEVERAL)
        session.close()
    if cookies:
        return good(
            name,
            f"the balancer keeps each client on one worker, by the cookie {min(cookies)}. That is "
            "not needed: requests without this cookie got their answers, too",
        )
    if len(owners) > 1:
        return good(
            name,
            f"{len(owners)} workers have opened sessions, and all requests got their answers. "
            "Sticky sessions are not needed",
        )
    return good(name, "one worker has opened all sessions. Sticky sessions are not needed")
