"""A message that has come over the bus of one machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from ..wire.bus_frames import ANSWER, ASK, HANDOVER, REFUSED, Frame
from .bus import Message

__all__ = ["LocalMessage"]


class LocalMessage(Message):
    """A message that has come.

    Args:
        sender: the name of the worker that has sent it.
        found: the frame that it came in.
        descriptor: the file descriptor that came with it.
        send: sends an answer: called with the name of the worker, the form of the frame, the
            number of the question, and the body.
    """

    __slots__ = ("_descriptor", "_form", "_number", "_send")

    def __init__(
        self,
        sender: str,
        found: Frame,
        descriptor: int | None,
        send: Callable[[str, int, int, bytes], None],
    ) -> None:
        super().__init__(sender, found.kind, found.body)
        self._form = found.form
        self._number = found.number
        self._descriptor = descriptor
        self._send = send

    def answer(self, body: bytes) -> None:
        """Answer it."""
        if self._form == ASK:
            self._reply(ANSWER, body)

    def take_descriptor(self) -> int | None:
        """Take the file descriptor that came with it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None and self._form == HANDOVER:
            # It is told before anything that the receiver sends later.
            self._reply(ANSWER, b"")
        return descriptor

    def received(self, taken: bool) -> None:
        """The receiver has returned, or there is none."""
        if not taken or self._form == HANDOVER:
            self.fail()

    def fail(self) -> None:
        """Tell the sender that nobody has taken it, unless somebody has."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None
        if self._form in (ASK, HANDOVER):
            self._reply(REFUSED, b"")

    def _reply(self, form: int, body: bytes) -> None:
        number, self._number = self._number, 0
        if number:
            self._send(self.sender, form, number, body)
