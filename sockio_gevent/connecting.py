"""How a session becomes a client of a namespace: its middleware decides, and may block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent

from .client import Client
from .client_facts import NOT_LET_IN, own_of, peek
from .errors import Refused
from .events import Emitter
from .monitoring.log import failures
from .monitoring.reasons import CloseReason, End
from .monitoring.throttled_log import ThrottledLog
from .namespaces import Namespaces
from .returning import ComeBack, come_back, shown_offset
from .session.session import Session
from .space import Space
from .wire.classic_auth import auth_in_query
from .wire.websocket import POLICY_VIOLATION, PROTOCOL_ERROR

__all__ = ["connect"]

_TOO_LATE = End(CloseReason.AWAY, "the middleware has taken longer than missed events are kept")

# Runs a function inside the option ``context``; it gets the exception that the function returns.
InContext = Callable[..., None]


def connect(
    namespaces: Namespaces, log: ThrottledLog, in_context: InContext, session: Session, wish: Any
) -> Client | None:
    """Let a session into a namespace, if the middleware does not refuse it.

    Args:
        namespaces: the namespaces of the listener.
        log: the log for middleware that fails.
        in_context: runs a function inside the option ``context``.
        session: the session.
        wish: the name of the namespace, and what the client has sent with its wish.

    Returns:
        The new client; ``None`` if there is none.
    """
    name, auth = wish
    if not session.connected:
        return None
    if session.client_in(name) is not None:
        text = f"it has asked for the namespace {name:.80} twice"
        session.end(End(CloseReason.PROTOCOL, text), PROTOCOL_ERROR)
        return None
    space = namespaces.for_client(name, session)
    if space is None:
        _refuse(session, name, Refused("Invalid namespace"), log)
        return None
    if session.dialect.name == "classic":
        options = space.host.options
        query = session.environ.get("QUERY_STRING", "")
        auth = auth_in_query(query, options.max_json_elements, options.max_json_depth)
    client = Client(session, space)
    back = None
    offset = shown_offset(auth)
    refused: Refused | None = None
    let_in = False
    try:
        if space.recovery is not None and session.dialect.recovers:
            space.rooms.expect(session)  # it may come back into its rooms
            auth, back = come_back(space.recovery, session, client, auth)
        if auth is not None:
            own_of(client).auth = auth
        if any(emitter._middleware for emitter in space.emitters):
            own_of(client).outside = NOT_LET_IN
            space.rooms.expect(session)  # it may join rooms
            refused = _run_middleware(space, client, log, in_context)
        if back is not None and refused is None and not back.is_whole:
            # Middleware believes that it has recovered. It comes again, as a new client.
            session.end(_TOO_LATE)
        if refused is None and session.connected:
            _let_in(session, space, client, back, offset)
            let_in = True
    finally:
        if not let_in:
            space.remove(session)
            space.forget(session)
            if back is not None:
                back.give_up(session.ending if refused is None else None)
    if refused is not None and session.connected:
        _refuse(session, name, refused, log)
    return client if let_in else None


def _run_middleware(
    space: Space, client: Client, log: ThrottledLog, in_context: InContext
) -> Refused | None:
    """Run the middleware; return why the client is refused, if it is."""
    # It stays that if the context fails, too: then no middleware has run.
    refused: Refused | None = Refused("internal error")

    def run(client: Client) -> BaseException | None:
        nonlocal refused
        try:
            # The middleware of a pattern is older than any of its namespaces.
            for emitter in reversed(space.emitters):
                for function in emitter._middleware:
                    function(client)
            refused = None
        except Refused as refusal:
            refused = refusal
        except (Exception, gevent.Timeout) as error:
            kind = "middleware", space.emitters[-1].__class__, type(error).__name__
            log.exception(kind, "middleware of %r failed for %r", space.namespace, client)
            return error
        return None

    in_context(run, client)
    if refused is None and own_of(client).outside is not NOT_LET_IN:
        refused = Refused("disconnected")  # by the middleware
    return refused


def _let_in(
    session: Session, space: Space, client: Client, back: ComeBack | None, offset: str | None
) -> None:
    # A client that acknowledges is of Socket.IO 1.0 or later, and is told its id. Others
    # have none until the application asks for it.
    client_id = client.id if session.dialect.acknowledges else None
    if peek(client) is not None:
        own_of(client).outside = None
    space.set_client(session, client)
    session.let_in(space.name)
    # A client for a test notes the failures of handlers; those of its end, too.
    noted = failures.get()
    if noted is not None:
        Emitter.on(client, "disconnect", lambda: failures.set(noted))
    space.rooms.enter(session)
    kept = None
    if space.recovery is not None and session.dialect.recovers:
        kept = space.recovery.keep(space, session, None if back is None else back.secret, offset)
    own = peek(client)
    if own is not None and own.id is not None:
        # Middleware, or another thread, may have asked for it before it was in.
        space.rooms.name(session, own.id)
    if client_id is not None:
        # What other threads send from now on comes behind this, by the loop of the session.
        secret = None if kept is None else kept.secret
        for packet in session.dialect.connected(space.name, client_id, secret):
            session.enqueue(packet)
    if back is not None and kept is not None:
        back.replay(kept)
    if space.rooms.watcher is not None:
        space.rooms.watcher.entered(session)


def _refuse(session: Session, name: str, refused: Refused, log: ThrottledLog) -> None:
    """Tell a client that it is not let in; end a session whose client cannot be told."""
    dialect = session.dialect
    try:
        packets = dialect.refused(name, refused.text, refused.data)
    except Exception:
        log.exception("refusal", "the data of a refusal of %r cannot be sent", session)
        packets = dialect.refused(name, refused.text, None)
    if packets:
        line = "session %s (%s, %s) is not let into %.80r: %.200r"
        log.info("refused", line, *session.named(), name, refused.text)
        for packet in packets:
            session.enqueue(packet)
        session.refused(name)
    else:
        end = End(CloseReason.APPLICATION, f"refused: {refused.text!r:.200}")
        session.end(end, POLICY_VIOLATION)
