"""How a client that was cut off comes back as a new client: it gets what the old one had."""

from __future__ import annotations

from typing import Any

from .client import Client
from .client_facts import own_of, space_of
from .kept import Kept
from .monitoring.reasons import CloseReason, End
from .recovery import CUTS, Recovery
from .session.session import Session

__all__ = ["ComeBack", "come_back", "shown_offset"]

_IS_BACK = End(CloseReason.LOST, "its client has come back with another session")
_PATIENCE = 10.0  # seconds; the last handlers of the old client may take so long
_LONGEST_OFFSET = 32  # characters; other servers may have longer ones than this one


class ComeBack:
    """The return of one client.

    Args:
        recovery: the recovery of the listener.
        kept: what is kept of the old client.
        offset: the offset of the event that it has seen last.
    """

    __slots__ = ("_kept", "_offset", "_recovery")

    def __init__(self, recovery: Recovery, kept: Kept, offset: Any) -> None:
        self._recovery = recovery
        self._kept = kept
        self._offset = offset

    @property
    def secret(self) -> str:
        """What the client has shown."""
        return self._kept.secret

    @property
    def is_whole(self) -> bool:
        """Whether all that the client has missed is still kept; middleware may take long."""
        return self._kept.after(self._offset) is not None

    def replay(self, successor: Kept) -> None:
        """Give the new client what the old one has missed, and all that is still sent to that."""
        kept = self._kept
        missed = kept.after(self._offset) or ()
        old, space = kept.session, kept.space
        kept.successor = successor
        space.remove(old)
        space.forget(old)
        for event in missed:
            for packet in event.packets or ():
                successor.session.enqueue(packet)
            successor.note(event)
        self._recovery.release(kept)

    def give_up(self, end: End | None) -> None:
        """The client was not let in.

        Args:
            end: how its new session has ended; ``None`` if it was refused.
        """
        was_cut = end is not None and end.reason in CUTS
        if was_cut and self.is_whole and not self._kept.space.host.closing:
            self._recovery.unclaim(self._kept)
        else:
            self._recovery.expire(self._kept)


def shown_offset(auth: Any) -> str | None:
    """The offset of the last event that a client has seen, from what it has sent to connect.

    A client shows the same with its next return if it has seen no event since, also one that
    is a new client: the offset is then of an earlier connection, which was not recovered.
    """
    offset = auth.get("offset") if isinstance(auth, dict) else None
    return offset if isinstance(offset, str) and len(offset) <= _LONGEST_OFFSET else None


def come_back(
    recovery: Recovery, session: Session, client: Client, auth: Any
) -> tuple[Any, ComeBack | None]:
    """Look whether a new client is one that was cut off, and give it the id and more of that.

    Args:
        recovery: the recovery of the listener.
        session: the session of the new client.
        client: the new client, on its way into its namespace.
        auth: what it has sent.

    Returns:
        What it has sent, without what is for the recovery; and its return, or ``None``.
    """
    if not isinstance(auth, dict) or "pid" not in auth:
        return auth, None
    auth = dict(auth)
    secret, offset = auth.pop("pid"), auth.pop("offset", None)
    kept = recovery.claim(secret, space_of(client), session)
    if kept is None:
        return auth or None, None
    is_whole = False
    try:
        if not kept.gone:
            # The server has not noticed the cut yet.
            kept.session.end(_IS_BACK, abort=True)
        is_done = kept.session.handlers.wait_done(_PATIENCE)
        recovery.hold(kept)  # the end of its session has let it be awaited again
        is_whole = is_done and kept.after(offset) is not None
    finally:
        if not is_whole:
            # Also if this handler was ended while it waited.
            recovery.expire(kept)
    if not is_whole:
        return auth or None, None
    old, new = own_of(kept.client), own_of(client)
    new.id, new.data, new.recovered = old.id, old.data, True
    kept.space.rooms.join(session, kept.space.rooms.joined(kept.session))
    return auth or None, ComeBack(recovery, kept, offset)
