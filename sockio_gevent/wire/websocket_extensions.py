"""The negotiation of permessage-deflate, RFC 7692 sections 5 and 7.1.

A client offers the extension, often several times with different parameters. The
server accepts the first offer that it can, or none. An offer that cannot be read is
declined, and the handshake succeeds without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from .deflate import LARGEST_WINDOW, Compression
from .http_syntax import TOKEN

__all__ = ["Agreement", "PerMessageDeflate", "agree"]

NAME = "permessage-deflate"
_SERVER_FORGETS = "server_no_context_takeover"
_CLIENT_FORGETS = "client_no_context_takeover"
_SERVER_WINDOW = "server_max_window_bits"
_CLIENT_WINDOW = "client_max_window_bits"

# RFC 6455, section 9.1. A quoted value is a token, too, without its quotes.
_VALUE = rf'{TOKEN}|"(?:[^"\\]|\\.)*"'
_BLANK = r"[ \t]*"
_PARAMETER = re.compile(rf"{_BLANK};{_BLANK}({TOKEN}){_BLANK}(?:={_BLANK}({_VALUE}))?")
_EXTENSION = re.compile(rf"{_BLANK}({TOKEN})")
_END = re.compile(rf"{_BLANK}(?:,|$)")
_EMPTY = re.compile(r"[ \t,]*")
_BITS = re.compile("[89]|1[0-5]")

_Parameters = list[tuple[str, str | None]]


@dataclass(frozen=True)
class PerMessageDeflate:
    """How messages of WebSockets are compressed.

    Attributes:
        level: from 1, fast, to 9, small.
        threshold: how many bytes a message has at least to be compressed.
        window_bits: the exponent of the size of the window in which repetitions are found, 9
            to 15. It bounds the memory for a connection with a context.
        context_takeover: whether a connection keeps its window from one message to the next.
            Similar messages become much smaller, but each connection keeps up to 300 KiB,
            and a broadcast is compressed for each receiver.
    """

    level: int = 3
    threshold: int = 1024
    window_bits: int = LARGEST_WINDOW
    context_takeover: bool = False


class Agreement(NamedTuple):
    """What the client and the server have agreed on.

    Attributes:
        answer: the value of the server's ``Sec-WebSocket-Extensions``.
        threshold: how many bytes a message to the client has at least to be compressed.
        compression: how messages to the client are compressed.
        keeps: whether the window for messages to the client is kept between messages.
        client_window_bits: the exponent of the largest window for messages from the client.
        client_keeps: whether the client may keep its window.
    """

    answer: str
    threshold: int
    compression: Compression
    keeps: bool
    client_window_bits: int
    client_keeps: bool


@lru_cache(64)  # all clients of one kind send the same offer, and share what comes of it
def agree(offers: str, options: PerMessageDeflate) -> Agreement | None:
    """Accept the first offer that is possible; ``None`` if there is none.

    Args:
        offers: the value of the client's ``Sec-WebSocket-Extensions``.
        options: the options of the server.
    """
    for name, parameters in _read(offers):
        if name == NAME:
            agreement = _accept(parameters, options)
            if agreement is not None:
                return agreement
    return None


def _read(header: str) -> Iterator[tuple[str, _Parameters]]:
    """The extensions in a header, up to the first mistake in its syntax."""
    position = _skip(header, 0)
    while found := _EXTENSION.match(header, position):
        parameters: _Parameters = []
        position = found.end()
        while parameter := _PARAMETER.match(header, position):
            value = parameter[2]
            if value is not None and value[0] == '"':
                value = re.sub(r"\\(.)", r"\1", value[1:-1])
            parameters.append((parameter[1], value))
            position = parameter.end()
        end = _END.match(header, position)
        if end is None:
            return
        yield found[1], parameters
        position = _skip(header, end.end())


def _skip(header: str, position: int) -> int:
    """Skip empty elements of a list (RFC 9110 section 5.6.1)."""
    found = _EMPTY.match(header, position)
    return position if found is None else found.end()


def _accept(parameters: _Parameters, options: PerMessageDeflate) -> Agreement | None:
    """Accept an offer; ``None`` if it is wrong, or asks for something that zlib cannot do."""
    given = dict(parameters)
    if len(given) < len(parameters):
        return None
    server_forgets = client_forgets = not options.context_takeover
    window = client_window = options.window_bits
    for name, value in parameters:
        if name == _SERVER_FORGETS and value is None:
            server_forgets = True
        elif name == _CLIENT_FORGETS and value is None:
            client_forgets = True
        elif name == _SERVER_WINDOW and value is not None and _BITS.fullmatch(value):
            window = min(window, int(value))
        elif name == _CLIENT_WINDOW and value is None:
            pass
        elif name == _CLIENT_WINDOW and _BITS.fullmatch(value or ""):
            client_window = min(client_window, int(value or ""))
        else:
            return None
    if window == 8:
        return None  # zlib cannot compress with a window of 256 bytes
    if _CLIENT_WINDOW not in given:
        client_window = LARGEST_WINDOW  # the client does not know the parameter
    answer = [NAME]
    if server_forgets:
        answer.append(_SERVER_FORGETS)
    if client_forgets:
        answer.append(_CLIENT_FORGETS)
    if _SERVER_WINDOW in given or window < LARGEST_WINDOW:
        answer.append(f"{_SERVER_WINDOW}={window}")
    if client_window < LARGEST_WINDOW:
        answer.append(f"{_CLIENT_WINDOW}={client_window}")
    return Agreement(
        "; ".join(answer),
        options.threshold,
        Compression(options.level, window),
        not server_forgets,
        client_window,
        not client_forgets,
    )
