"""Encoded messages: frames that are read back, and strings that are safe inside a script."""

from __future__ import annotations

import json

from sockio_gevent.wire.packet import Packet, script_string
from sockio_gevent.wire.websocket import CLOSE, NO_STATUS, PING, TEXT, encode_close, encode_frame

from ..references import utf8
from ..references import websocket as reference
from ..supply import Supply, text_of

__all__ = ["SEEDS", "TOKENS", "check"]

TOKENS = (b"</script>", b"<!--", "\u2028\u2029".encode(), b'"', b"\\", b"\0", "😀".encode(), b"|")
# The first two bytes are a close code, the third says how long the text becomes.
SEEDS = (
    b"\x03\xe8\0hello",
    b"\x03\xed\x14reason|\xc3\xa9",
    b"\x13\x88\x15" + "long 😀".encode(),
    b"\x0b\xb8\x17</script>\xe2\x80\xa8",
)
# Only now and then long enough for a length in eight bytes, because that takes time.
TIMES = (1,) * 20 + (13, 126, 126, 5000)


def check(data: bytes) -> None:
    """Send a text in each form, and close with a code and the text as reason."""
    supply = Supply(data)
    code = supply.number(1 << 16)
    times = supply.choice(TIMES)
    text = (text_of(supply.rest()[:200]) * times)[:66_000]
    packets = [Packet(part.encode()) for part in text.split("|")]

    frames = [packet.websocket_frame for packet in packets]
    assert [reference.read_from_server(frame) for frame in frames] == [
        (TEXT, packet.payload) for packet in packets
    ]
    ping = text.encode()[:125]
    assert reference.read_from_server(encode_frame(PING, ping)) == (PING, ping)

    script = script_string(packets)
    assert json.loads(script) == text.replace("|", "")
    shown = script.decode()
    assert not set(shown) & set("<>\u2028\u2029")
    assert min(shown) >= " "

    _close(code, text)


def _close(code: int, reason: str) -> None:
    may_be_sent = code in (1000, 1001, 1002, 1003, *range(1007, 1015)) or 3000 <= code < 5000
    try:
        opcode, payload = reference.read_from_server(encode_close(code, reason))
    except ValueError:
        assert not may_be_sent
        return
    assert opcode == CLOSE
    if code == NO_STATUS:
        assert payload == b""
        return
    assert may_be_sent
    assert int.from_bytes(payload[:2], "big") == code
    said = utf8.decode(payload[2:])
    assert said is not None
    assert reason.startswith(said)
    # The text is cut only if the frame is full, and loses no more than one character too many.
    assert said == reason or len(payload) > 121
    assert len(payload) <= 125
