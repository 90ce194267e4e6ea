"""The refusal of a request: its answer, and what it counts as in the statistics."""

from __future__ import annotations

import re
from enum import Enum
from http import HTTPStatus

from .wire.http_syntax import FIELD_VALUE, TOKEN

__all__ = ["Header", "Reason", "Refusal"]

Header = tuple[str, str]

_STATUS = re.compile(r"[45][0-9]{2} [!-~][ -~]*")
_NAME = re.compile(TOKEN)
_VALUE = re.compile(FIELD_VALUE)
# These say where the answer ends and what it is. An application must not change them.
_OURS = frozenset(("content-length", "content-type", "date", "trailer", "transfer-encoding"))
_LINES = {int(each): f"{each:d} {each.phrase}" for each in HTTPStatus}
# These would break a log line, control the terminal that shows it, or have no UTF-8.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class Reason(Enum):
    """Why a request was refused; the values are the names in the statistics."""

    ORIGIN = "origin"
    HOST = "host"
    AUTHORIZATION = "authorization"
    PEER = "peer"
    FAILURE = "failure"
    HUNG_UP = "hung_up"
    SESSION = "session"
    LIMIT = "limit"
    UNAVAILABLE = "unavailable"
    REQUEST = "request"


class Refusal(Exception):
    """An error that a request is answered with.

    A function for the option ``authorize``, ``origins`` or ``same_peer`` raises
    it to choose the error; elsewhere in an application it has no effect.

    Args:
        status: the HTTP status, ``'401 Unauthorized'`` or ``401``; it must be
            an error, so 400 or above.
        text: what was wrong, one line for the client and the log.
        *headers: the headers of the answer, pairs of name and value.

    Raises:
        TypeError: if one of these is of the wrong kind.
        ValueError: if the status is not an error, or if a header cannot be sent.
    """

    def __init__(self, status: str | int, text: str, *headers: Header) -> None:
        super().__init__(status, text, *headers)
        self.status = _status(status)
        if not isinstance(text, str):
            raise TypeError(f"the text of a refusal is a str, not {text!r:.80}")
        self.text = _CONTROLS.sub(" ", text)
        for header in headers:
            if not _is_pair(header):
                raise TypeError(
                    f"a header of a refusal is a pair of str, ('Name', 'value'), not {header!r:.80}"
                )
            name, value = header
            if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
                raise ValueError(f"no header: {name!r}: {value!r}")
            if name.lower() in _OURS:
                raise ValueError(f"the header {name!r} is not one that a refusal may have")
        # The compiled form takes no lists for pairs.
        self.headers = tuple((name, value) for name, value in headers)
        unavailable = self.status.startswith("503")
        #: The reason that it counts as.
        self.reason = Reason.UNAVAILABLE if unavailable else Reason.REQUEST
        #: The text for the log, if the client must not know it.
        self.log_text = self.text
        #: Whether the application has chosen it.
        self.is_chosen = False
        #: Whether the end of a session has said the same in the log.
        self.is_in_log = False

    def __str__(self) -> str:
        return f"{self.status}: {self.text}"

    def counted_as(self, reason: Reason, log_text: str = "") -> Refusal:
        """Set the reason; return the refusal.

        Args:
            reason: the reason that it counts as.
            log_text: the text for the log, if the client must not know it.
        """
        self.reason = reason
        self.log_text = log_text or self.text
        return self


def _is_pair(header: object) -> bool:
    if not isinstance(header, (tuple, list)) or len(header) != 2:
        return False
    return all(isinstance(each, str) for each in header)


def _status(status: str | int) -> str:
    line = _LINES.get(status) if isinstance(status, int) else status
    if not (isinstance(line, str) and _STATUS.fullmatch(line)):
        raise ValueError(f"{status!r} is no status of an error like 403 or '403 Forbidden'")
    return line
