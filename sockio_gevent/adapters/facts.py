"""What other workers are told of clients when they list them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..client_facts import peek

__all__ = ["Facts"]

#: How many bytes ``auth`` and ``data`` of all clients of one list may take.
_MOST = 8 * 1024 * 1024

# How deep an application's data is searched for what can be sent, and how many parts of it are
# tried. Only data is searched that cannot be sent as a whole.
_DEEPEST = 10
_MOST_TRIED = 100


class Facts:
    """Tells of clients, for one list.

    Args:
        pack: encodes values; raises if they have no form.

    Attributes:
        left_out: of how many clients ``auth`` and ``data`` are left out, because the list takes
            no more.
    """

    def __init__(self, pack: Callable[..., bytes]) -> None:
        self._pack = pack
        self._left = _MOST
        self._tries = 0
        self.left_out = 0

    def of(self, client: Any) -> list[Any]:
        """The facts of a client, in the order of :class:`~sockio_gevent.RemoteClient`."""
        own, auth = peek(client), client.auth
        data: Any = {} if own is None or own.data is None else own.data
        try:
            size = self._size(auth, data)
        except (TypeError, ValueError, RecursionError):
            self._tries = _MOST_TRIED
            found = self._sendable(data)
            data = {} if found is None else found
            size = self._size(auth, data)
        if size > self._left:
            self.left_out += 1
            auth, data = {}, {}
        else:
            self._left -= size
        rooms = sorted(client.rooms)
        return [client.id, rooms, auth, data, client.dialect, client.transport]

    def _size(self, auth: Any, data: Any) -> int:
        return len(self._pack(auth, data)) if auth or data else 0

    def _sendable(self, data: Any, depth: int = 0) -> Any:
        """The data of a client, as far as it is JSON and bytes."""
        self._tries -= 1
        try:
            self._pack(data)
            return data
        except (TypeError, ValueError, RecursionError):
            if not isinstance(data, dict) or depth == _DEEPEST or self._tries <= 0:
                return None
        found = ((key, self._sendable(each, depth + 1)) for key, each in data.items())
        return {key: each for key, each in found if each is not None}
