"""Events from one worker to the others: not for clients, but for the application there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import gevent

from .acknowledgements import arguments_of
from .events import Emitter, EventName, handlers_of, log_failure, log_misfit
from .monitoring.throttled_log import ThrottledLog
from .options.listener_options import Context

__all__ = ["ServerSide", "run_server_side"]


class ServerSide(Emitter):
    """The handlers of one namespace for events of other workers.

    Args:
        name: the name of the namespace.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def __repr__(self) -> str:
        return f"<server side of {self._name}>"


def run_server_side(
    emitter: ServerSide,
    log: ThrottledLog,
    context: Context | None,
    event: EventName,
    arguments: Sequence[Any],
    answer: Callable[[Sequence[Any]], None],
) -> None:
    """Run the handlers of an event that another worker has caused. They may block.

    Args:
        emitter: the object that has the handlers.
        log: the log for exceptions.
        context: the option ``context``.
        event: the name of the event.
        arguments: its arguments.
        answer: called at the end with the first value other than ``None`` that a handler has
            returned, as the arguments of an answer.
    """
    first: Any = None
    try:
        with nullcontext() if context is None else context():
            for handler in handlers_of(emitter, event):
                try:
                    returned = handler(*arguments)
                except (Exception, gevent.Timeout) as error:
                    if not log_misfit(log, event, handler, arguments, error):
                        log_failure(emitter, log, event, handler, error)
                else:
                    first = returned if first is None else first
    except (Exception, gevent.Timeout):
        log.exception("context", "the context of a handler failed for %r", emitter)
    try:
        answer(arguments_of(first))
    except Exception as error:
        kind = "server side", event, type(error).__name__
        log.exception(kind, "the answer to %r of another worker cannot be sent", event)
        answer(())
