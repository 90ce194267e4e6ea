"""What the transports of the classic dialect share: how messages are posted."""

from __future__ import annotations

from ..dialects.classic import Classic
from ..hub.time_slice import TimeSlice
from ..options.listener_options import Options
from ..server.http.request import Refusal, Request
from .base import SHORT
from .carried import Carried
from .http import HTTPTransport

__all__ = ["ClassicTransport"]


class ClassicTransport(HTTPTransport):
    """A transport over HTTP whose clients post forms to ``<id>/send``.

    Args:
        options: the options of the listener.
        dialect: the dialect of the clients that use it.

    Attributes:
        classic: the dialect.
    """

    def __init__(self, options: Options, dialect: Classic) -> None:
        super().__init__(options, dialect)
        self.classic = dialect

    def accepts_post(self, tail: str) -> bool:
        """Whether messages may be posted to ``<id>/<tail>``."""
        return self.classic.accepts_post(tail)

    def normalize(self, payload: str, tail: str) -> str:
        """Undo the changes that a form has made to a payload posted to ``<id>/<tail>``."""
        return payload

    def _take(self, request: Request, session: Carried, body: bytes) -> str:
        """Give the payload in a body to the session; return the first mistake in it."""
        pause = TimeSlice().pause if len(body) > SHORT else _no_pause
        try:
            payload = self.classic.read_body(body, pause)
            payload = self.normalize(payload, request.tail)
        except ValueError as error:
            raise Refusal("400 Bad Request", str(error)) from None
        self.check_size(len(payload) if payload.isascii() else len(payload.encode()))
        return session.receive([payload])


def _no_pause() -> None:
    pass
