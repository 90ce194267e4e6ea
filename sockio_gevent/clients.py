"""The live clients of a listener, as applications see them."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView

from .client import Client

__all__ = ["Clients"]


class Clients(Mapping[str, Client]):
    """The live clients by their session ids; it shows them as they are when it is asked.

    Each iteration is over a copy: clients come and go while an application
    iterates, in other greenlets and in other threads.

    Args:
        clients: the clients by their ids, as the listener keeps them.
    """

    __slots__ = ("_clients",)

    def __init__(self, clients: dict[str, Client]) -> None:
        self._clients = clients

    def __getitem__(self, session_id: str) -> Client:
        return self._clients[session_id]

    def __len__(self) -> int:
        return len(self._clients)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._clients))

    def keys(self) -> KeysView[str]:
        """The ids, as they are now."""
        return self._clients.copy().keys()

    def values(self) -> ValuesView[Client]:
        """The clients, as they are now."""
        return self._clients.copy().values()

    def items(self) -> ItemsView[str, Client]:
        """The ids and the clients, as they are now."""
        return self._clients.copy().items()

    def __repr__(self) -> str:
        return repr(self._clients.copy())
