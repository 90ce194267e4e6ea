"""What a ``SocketIO`` sends, and the rooms of its clients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

import flask
import gevent

import sockio_gevent as io

from .dispatch import Dispatch
from .events import waiting
from .options import translate
from .registry import full_name

__all__ = ["Sending"]


class Sending(ABC):
    """The methods that send; any greenlet and any thread may call them."""

    _dispatch: Dispatch
    _options: dict[str, Any]

    def __init__(self) -> None:
        self.listener: io.Listener | None = None
        self._emitter: io.Emitter | None = None

    @abstractmethod
    def _namespace(self, name: str | None) -> io.Namespace | None:
        """A namespace that clients can be in."""

    @abstractmethod
    def _client(self, sid: str, namespace: str | None) -> io.Client | io.RemoteClient | None:
        """The client with this id."""

    def _listener(self) -> io.Listener:
        if self.listener is None:
            raise RuntimeError(
                "this SocketIO has no application yet, so it has no clients: call init_app(app). "
                "A process that only sends needs SocketIO(message_queue='redis://…'), which has "
                "emit(), send() and close_room()"
            )
        return self.listener

    def _outside(self, namespace: str | None) -> io.Emitter | None:
        """The clients of other processes, for a process that only sends; ``None`` in others."""
        if self.listener is not None or not self._options.get("message_queue"):
            return None
        if self._emitter is None:
            options = translate(self._options)
            self._emitter = io.Emitter(
                options["cluster"],
                options.get("resource", "socket.io"),
                options.get("serializer"),
            )
        return self._emitter.of(full_name(namespace))

    def emit(
        self,
        event: str,
        *args: Any,
        namespace: str | None = None,
        to: Any = None,
        room: Any = None,
        include_self: bool = True,
        skip_sid: Any = None,
        callback: Callable[..., Any] | None = None,
        broadcast: bool = True,
        ignore_queue: bool = False,
    ) -> None:
        """Send an event to the clients of a namespace.

        With the option ``message_queue`` and without an application, it goes to those of other
        processes: by :class:`sockio_gevent.Emitter`, whose errors it raises, too.

        Args:
            event: its name.
            *args: its arguments; a tuple stands for several of them.
            namespace: the name of the namespace, ``'/'`` by default.
            to: a room, the id of a client, or a list of them; all clients by default.
            room: the same as ``to``.
            include_self: whether the client whose handler runs gets it, too.
            skip_sid: the id of a client that does not get it, or a list of them.
            callback: gets the arguments of the answer of the client; for one client.
            broadcast: without effect; without ``to``, all clients are meant.
            ignore_queue: without effect.

        Raises:
            RuntimeError: if there is no application yet, and no ``message_queue``; or if clients
                of other processes are to answer a callback.
            TypeError: if an argument has no form in JSON and is no ``bytes``, or if ``callback``
                is no plain function.
        """
        if callback is not None and (not callable(callback) or iscoroutinefunction(callback)):
            raise TypeError(f"callback is a plain function, not {callback!r:.80}")
        if len(args) == 1 and isinstance(args[0], tuple):
            (args,) = args
        if not include_self and not skip_sid:
            skip_sid = _own_id()
        outside = self._outside(namespace)
        found = outside or self._namespace(namespace)
        if found is None:
            return
        target: Any = found.except_(*_names(skip_sid))
        meant = to if to is not None else room
        if outside is not None and callback is not None:
            raise RuntimeError(
                "a process without an application cannot have answers: leave out 'callback'"
            )
        if meant is not None:
            target = target.to(*_names(meant))
        if callback is None:
            self._send(lambda: target.emit(event, *args))
        else:
            answered = self._in_request(callback)
            self._send(partial(_ask, target, event, args, answered))

    def send(
        self,
        data: Any,
        json: bool = False,
        namespace: str | None = None,
        to: Any = None,
        callback: Callable[..., Any] | None = None,
        include_self: bool = True,
        skip_sid: Any = None,
        **options: Any,
    ) -> None:
        """Send the event ``message``, or ``json``; see :meth:`emit`.

        Args:
            data: its argument.
            json: whether it is the event ``json``.
            namespace: see :meth:`emit`; so are all others.
            to: a room, the id of a client, or a list of them.
            callback: gets the arguments of the answer.
            include_self: whether the client whose handler runs gets it, too.
            skip_sid: the id of a client that does not get it, or a list of them.
            **options: those of :meth:`emit`.
        """
        options |= {"namespace": namespace, "to": to, "callback": callback}
        options |= {"include_self": include_self, "skip_sid": skip_sid}
        self.emit("json" if json else "message", data, **options)

    def call(
        self,
        event: str,
        *args: Any,
        namespace: str | None = None,
        to: str | None = None,
        room: str | None = None,
        timeout: float | None = 60,
        ignore_queue: bool = False,
    ) -> Any:
        """Send an event to one client, and wait for its answer.

        Args:
            event: its name.
            *args: its arguments.
            namespace: the name of the namespace, ``'/'`` by default.
            to: the id of the client.
            room: the same as ``to``.
            timeout: how long to wait, in seconds; ``None`` waits for ever.
            ignore_queue: without effect.

        Raises:
            TimeoutError: if no answer comes in this time.
            sockio_gevent.Disconnected: if the client is not there, or leaves meanwhile.
            ValueError: if no client is named.
        """
        sid = to if to is not None else room
        if sid is None:
            raise ValueError("call() asks one client: name it with 'to'")
        client = self._client(sid, namespace)
        if client is None:
            raise io.Disconnected(f"no client of {namespace or '/'} has the id {sid!r:.40}")
        return client.call(event, *args, timeout=timeout)

    def enter_room(self, sid: str, room: Any, namespace: str | None = None) -> None:
        """Let a client join a room."""
        client = self._client(sid, namespace)
        if client is not None:
            client.join(*_names(room))

    def leave_room(self, sid: str, room: Any, namespace: str | None = None) -> None:
        """Let a client leave a room."""
        client = self._client(sid, namespace)
        if client is not None:
            client.leave(*_names(room))

    def close_room(self, room: Any, namespace: str | None = None) -> None:
        """Let all clients leave a room."""
        found = self._outside(namespace) or self._namespace(namespace)
        if found is not None:
            self._send(lambda: found.to(*_names(room)).leave(*_names(room)))

    def rooms(self, sid: str, namespace: str | None = None) -> list[str]:
        """The rooms of a client, with that of its own id."""
        client = self._client(sid, namespace)
        return [] if client is None else list(client.rooms)

    def disconnect(self, sid: str, namespace: str | None = None) -> None:
        """Disconnect a client."""
        client = self._client(sid, namespace)
        if client is not None:
            self._send(client.disconnect)

    def _send(self, sending: Callable[[], object]) -> None:
        waits = waiting.get()
        if waits is None:
            sending()
        else:
            waits.send(sending)

    def _in_request(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        """A callback that runs like a handler of the client whose handler runs now, if any."""
        sid = _own_id()
        if sid is None:
            return callback
        client = self._client(sid, getattr(flask.request, "namespace", None))
        if not isinstance(client, io.Client):
            return callback
        return lambda *arguments: self._dispatch.answered(client, callback, *arguments)


def _ask(
    target: io.Target, event: str, arguments: Iterable[Any], callback: Callable[..., Any]
) -> None:
    for client in target.clients():
        if isinstance(client, io.Client):
            client.emit(event, *arguments, callback=callback)
        else:
            gevent.spawn(_ask_elsewhere, client, event, arguments, callback)


def _ask_elsewhere(
    client: io.RemoteClient, event: str, arguments: Iterable[Any], callback: Callable[..., Any]
) -> None:
    try:
        answer = client.call(event, *arguments)
    except (io.AckTimeout, io.Disconnected):
        return  # a callback of a client that does not answer is never called
    if isinstance(answer, tuple):
        callback(*answer)
    elif answer is None:
        callback()
    else:
        callback(answer)


def _own_id() -> str | None:
    """The id of the client whose handler runs; ``None`` if none does."""
    return getattr(flask.request, "sid", None) if flask.has_request_context() else None


def _names(rooms: Any) -> Iterable[str]:
    """The names of rooms, of which applications may use other values than strings."""
    if rooms is None:
        return ()
    several = rooms if isinstance(rooms, (list, tuple, set, frozenset)) else [rooms]
    return [str(room) for room in several]
