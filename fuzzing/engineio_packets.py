"""What a client of Socket.IO sends, spelled as WebSockets carry it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .application import BLOCK, BYE, ECHO
from .engineio_client import CLOSED, UNKNOWN, EngineIOPeer
from .engineio_visit import GOODBYE

__all__ = ["BINARY", "answer", "message", "packets"]

#: The bytes that go both ways.
BINARY = (b"\0\xff", b"x" * 100)
# What no client may send.
_BAD = ("4x", "9", '42["connect"]', "42{}", '42/elsewhere,["x"]', "4511-[]", "451-[]", b"stray")


def packets(
    peer: EngineIOPeer, name: str, amount: int, text: Callable[[str, int], str]
) -> Sequence[str | bytes]:
    """What a client sends in one payload.

    Args:
        peer: the client.
        name: the name of a namespace.
        amount: which of all that it may send.
        text: makes a text that no other message has.
    """
    kind, last = amount % 16, peer.last_visit(name)
    listens = last is not None and last.listens
    auth = '{"token":"x"}' if peer.version == 4 else ""
    if kind < 8 and not listens:
        return [_packet("0", name)]
    if kind == 4:
        return [message(name, text("from", amount), number=text("", 0).split()[0])]
    if kind < 6:
        return [message(name, text((BYE, "from", ECHO, BLOCK, "", "from")[kind], amount))]
    if kind == 6:
        return [message(name, text(each, amount)) for each in ("from", ECHO)]
    if kind == 7:
        return [_packet("1", name)]
    if kind == 8:
        return [_packet("0", UNKNOWN)]
    if kind == 9:
        return [_packet("0", CLOSED, auth)] + [message(CLOSED, "too early")] * (amount // 128)
    if kind == 11 and listens:
        # Left, and joined again at once.
        return [_packet("1", name), _packet("0", name, auth)]
    if kind == 12 and listens:
        placeholder = '{"_placeholder":true,"num":0}'
        return [_packet("51-", name, f'["message",{placeholder}]'), BINARY[amount // 64 % 2]]
    if kind == 13 and amount >= 128:
        return [_BAD[amount // 16 - 8]]
    if kind == 14 and amount > 200:
        return ["1"]
    if kind == 15 and amount > 200:
        return [message("/", text(GOODBYE, amount))]
    return ["3" if peer.version == 4 else "2"]


def message(name: str, text: str, number: str = "") -> str:
    """The event ``message``; with a number, the client wants an answer."""
    return _packet("2", name, f'{number}["message","{text}"]')


def answer(name: str, number: int, text: str) -> str:
    """The answer to an event."""
    return _packet("3", name, f'{number}["{text}"]')


def _packet(kind: str, name: str, data: str = "") -> str:
    return f"4{kind}{'' if name == '/' else f'{name},'}{data}"
