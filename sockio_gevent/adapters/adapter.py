"""The adapter: what is meant for all clients is done by each worker for its own.

A worker publishes it once, and each other worker does the same with the clients that it has.
The values are JSON and bytes, as they are for clients. What comes over the bus is checked like
what comes from clients: a mistake in it raises ``ValueError`` before anything is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import gevent

from ..acknowledgements import answer_of, arguments_of
from ..client import Target
from ..cluster.bus import Bus, Gathered, Message
from ..cluster.names import owner_of
from ..elsewhere import Elsewhere, Scope
from ..errors import AckTimeout
from ..events import check_sendable
from ..monitoring.throttled_log import ThrottledLog
from ..namespaces import Namespaces
from ..options.arguments import check_timeout
from ..options.listener_options import Context
from ..options.serializer import Serializer
from ..remote_client import RemoteClient
from ..server_side import run_server_side
from ..wire.bus_values import pack, unpack
from .bus_bodies import answers_of, clients_of, target_of, values_of
from .calls import GRACE, answers_elsewhere, answers_here, answers_of_all
from .facts import Facts

__all__ = ["Adapter"]

_LISTING = 5.0  # seconds in which workers list their clients

T = TypeVar("T")


class Adapter(Elsewhere):
    """What one listener does at the other workers, and they at it.

    Args:
        bus: the bus to the other workers.
        namespaces: the namespaces of the listener.
        log: the throttled log of the listener.
        serializer: encodes and decodes JSON.
    """

    def __init__(
        self,
        bus: Bus,
        namespaces: Namespaces,
        log: ThrottledLog,
        serializer: Serializer,
    ) -> None:
        self._bus = bus
        self._namespaces = namespaces
        self._log = log
        self._serializer = serializer
        self._context: Context | None = None
        for kind, receiver in (
            ("emit", self._emit),
            ("emit_matching", self._emit_matching),
            ("join", self._join),
            ("leave", self._leave),
            ("disconnect", self._disconnect),
            ("clients", self._list),
            ("call", self._ask),
            ("server_side", self._server_side),
        ):
            bus.receive(kind, receiver)

    def use(self, serializer: Serializer, context: Context | None) -> None:
        """Use these from now on.

        Args:
            serializer: encodes and decodes JSON.
            context: the option ``context``, or that of the framework.
        """
        self._serializer = serializer
        self._context = context

    # --- to the others ---

    def emit(self, scope: Scope, event: str | int, arguments: Sequence[Any]) -> None:
        """Send an event to clients."""
        if not self._bus.alone:
            self._bus.publish("emit", self._pack(*self._told(scope), event, *arguments))

    def emit_matching(self, pattern: str, event: str | int, arguments: Sequence[Any]) -> None:
        """Send an event to all clients of the namespaces of a pattern."""
        if not self._bus.alone:
            self._bus.publish("emit_matching", self._pack(pattern, event, *arguments))

    def join(self, scope: Scope, rooms: Sequence[str]) -> None:
        """Put clients into rooms."""
        if not self._bus.alone:
            self._bus.publish("join", self._pack(*self._told(scope), *rooms))

    def leave(self, scope: Scope, rooms: Sequence[str]) -> None:
        """Take clients out of rooms."""
        if not self._bus.alone:
            self._bus.publish("leave", self._pack(*self._told(scope), *rooms))

    def disconnect(self, scope: Scope, close: bool) -> None:
        """Disconnect clients."""
        if not self._bus.alone:
            self._bus.publish("disconnect", self._pack(*self._told(scope), close))

    def clients(self, scope: Scope) -> list[Any]:
        """The clients of the other workers."""
        space = self._namespaces.get(scope.namespace)
        if self._bus.alone or space is None:
            return []
        gathered = self._bus.ask_all("clients", self._pack(*self._told(scope)), _LISTING)
        read, missing = self._read_answers(gathered, clients_of)
        if missing:
            text = "%d workers have not listed their clients within %g s"
            self._log.warning("listing", text, len(missing), _LISTING)
        return [
            RemoteClient(space, worker, facts) for worker, each in read.items() for facts in each
        ]

    def call(
        self,
        scope: Scope,
        event: str | int,
        arguments: Sequence[Any],
        timeout: float | None,
        here: Callable[[], dict[str, Any]],
    ) -> dict[str, Any]:
        """Send an event to clients, and wait for the answers of all."""
        if self._bus.alone:
            return here()
        body = self._pack(*self._told(scope), timeout, event, *arguments)
        longest = None if timeout is None else timeout + GRACE
        gathering = gevent.spawn(self._bus.ask_all, "call", body, longest)
        of_here = answers_here(here, gathering)
        gathered: Gathered = answers_elsewhere(gathering)
        came: dict[str, Any] = {}
        missing: list[str] = []
        read, silent = self._read_answers(gathered, answers_of)
        for theirs, of_them in read.values():
            came.update({client_id: answer_of(each) for client_id, each in theirs.items()})
            missing += of_them
        return answers_of_all(event, timeout, of_here, (came, missing), len(silent), "workers")

    def server_side_emit(self, namespace: str, event: str | int, arguments: Sequence[Any]) -> None:
        """Let an event happen in a namespace of the other workers."""
        body = self._pack(namespace, event, *arguments)
        self._bus.publish("server_side", body)

    def server_side_call(
        self, namespace: str, event: str | int, arguments: Sequence[Any], timeout: float
    ) -> dict[str, Any]:
        """The same, and wait for the answers."""
        body = self._pack(namespace, event, *arguments)
        gathered = self._bus.ask_all("server_side", body, timeout)
        read, missing = self._read_answers(gathered, list)
        answers = {worker: answer_of(answer) for worker, answer in read.items()}
        if missing:
            text = f"{len(missing)} workers have not answered {event!r}"
            raise AckTimeout(f"{text} within {timeout:g} s", answers, missing)
        return answers

    def _told(self, scope: Scope) -> list[Any]:
        """A scope, as others are told it."""
        # Nobody else has the sessions of this worker, and their ids are secrets.
        excluded = [each for each in scope.excluded if owner_of(each) != self._bus.name]
        return values_of(scope, excluded)

    def _pack(self, *values: Any) -> bytes:
        return pack(values, self._serializer.dumps)

    def _unpack(self, body: bytes) -> list[Any]:
        return unpack(body, self._serializer.loads)

    def _read_answers(
        self, gathered: Gathered, check: Callable[[list[Any]], T]
    ) -> tuple[dict[str, T], list[str]]:
        """The answers of other workers, and those that have none or a malformed one."""
        read, missing = {}, list(gathered.missing)
        for worker, body in gathered.answers.items():
            try:
                read[worker] = check(self._unpack(body))
            except ValueError as error:
                missing.append(worker)
                text = "an answer of worker %s is malformed: %s"
                self._log.warning("answers of workers", text, worker, error)
        return read, missing

    # --- for the others ---

    def _read(self, message: Message) -> tuple[Target | None, list[Any]]:
        """The clients of this worker that a message is for, and what is behind that."""
        namespace, rooms, without, excluded, volatile, *rest = self._unpack(message.body)
        space = self._namespaces.get(namespace)
        target = target_of(space, rooms, without, excluded, volatile)
        return (None if space is None else target), rest

    def _emit(self, message: Message) -> None:
        target, (event, *arguments) = self._read(message)
        check_sendable(event)
        if target is not None:
            target.relay(event, arguments)

    def _emit_matching(self, message: Message) -> None:
        pattern, event, *arguments = self._unpack(message.body)
        check_sendable(event)
        for space in self._namespaces.of_pattern(pattern):
            Target(space, local=True).relay(event, arguments)

    def _join(self, message: Message) -> None:
        target, rooms = self._read(message)
        if target is not None:
            target.join(*rooms)

    def _leave(self, message: Message) -> None:
        target, rooms = self._read(message)
        if target is not None:
            target.leave(*rooms)

    def _disconnect(self, message: Message) -> None:
        target, (close,) = self._read(message)
        if target is not None:
            target.disconnect(bool(close))

    def _list(self, message: Message) -> None:
        target, _ = self._read(message)
        message.answer(self._pack(*self._listed([] if target is None else target.clients())))

    def _listed(self, clients: Sequence[Any]) -> list[list[Any]]:
        """What others may know of clients, in the order of :class:`RemoteClient`."""
        facts = Facts(self._pack)
        found = [facts.of(client) for client in clients]
        if facts.left_out:
            text = "clients have more auth and data than one list takes: those of %d are left out"
            self._log.warning("large list", text, facts.left_out)
        return found

    def _ask(self, message: Message) -> None:
        target, (timeout, event, *arguments) = self._read(message)
        check_sendable(event)
        check_timeout(timeout)
        gevent.spawn(self._gather, message, target, event, arguments, timeout)

    def _gather(
        self,
        message: Message,
        target: Target | None,
        event: str | int,
        arguments: list[Any],
        timeout: float | None,
    ) -> None:
        """Ask the clients of this worker for another one."""
        came: dict[str, Any] = {}
        missing: list[str] = []
        try:
            if target is not None:
                came = target.call(event, *arguments, timeout=timeout)
        except AckTimeout as error:
            came, missing = error.answers, error.missing
        answers = {client_id: list(arguments_of(each)) for client_id, each in came.items()}
        message.answer(self._pack(answers, missing))

    def _server_side(self, message: Message) -> None:
        name, event, *arguments = self._unpack(message.body)
        space = self._namespaces.get(name)
        if space is None:
            message.answer(self._pack())
            return

        def answer(values: Sequence[Any]) -> None:
            message.answer(self._pack(*values))

        handlers = space.namespace._server_side
        gevent.spawn(run_server_side, handlers, self._log, self._context, event, arguments, answer)
