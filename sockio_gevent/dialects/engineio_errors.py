"""The errors of Engine.IO: a number and a text, as JSON."""

from __future__ import annotations

import json

from ..compiled import mypyc_attr
from ..refusal import Reason, Refusal

__all__ = [
    "BAD_METHOD",
    "BAD_REQUEST",
    "FORBIDDEN",
    "UNKNOWN_SESSION",
    "UNKNOWN_TRANSPORT",
    "UNSUPPORTED_VERSION",
    "EngineIORefusal",
    "error_body",
]

UNKNOWN_TRANSPORT = 0
UNKNOWN_SESSION = 1
BAD_METHOD = 2
BAD_REQUEST = 3
FORBIDDEN = 4
UNSUPPORTED_VERSION = 5

_MESSAGES = {
    UNKNOWN_TRANSPORT: "Transport unknown",
    UNKNOWN_SESSION: "Session ID unknown",
    BAD_METHOD: "Bad handshake method",
    BAD_REQUEST: "Bad request",
    FORBIDDEN: "Forbidden",
    UNSUPPORTED_VERSION: "Unsupported protocol version",
}


@mypyc_attr(native_class=False)
class EngineIORefusal(Refusal):
    """A refusal by one of the numbers above.

    Args:
        number: the number.
        log_text: what was wrong, for the log.
    """

    def __init__(self, number: int, log_text: str = "") -> None:
        super().__init__("400 Bad Request", _MESSAGES[number])
        self.number = number
        self.log_text = log_text or self.text


def error_body(refusal: Refusal) -> bytes:
    """The JSON for a refused request.

    A refusal that the application has chosen keeps its text. The limits of this library have
    no numbers of their own: they are bad requests, with a text.
    """
    if isinstance(refusal, EngineIORefusal):
        number, text = refusal.number, refusal.text
    elif refusal.reason in (Reason.ORIGIN, Reason.HOST, Reason.AUTHORIZATION, Reason.PEER):
        number = FORBIDDEN
        text = refusal.text if refusal.is_chosen else _MESSAGES[FORBIDDEN]
    else:
        number, text = BAD_REQUEST, refusal.text
    return json.dumps({"code": number, "message": text}).encode()
