"""The examples of the protocol pages: their requests get the answers that the pages show."""

from __future__ import annotations

import re

import gevent
import pytest
from support import framing
from support.clients import Polling
from support.documentation import ROOT, Block, all_blocks, blocks, literals, rows
from support.http import DEADLINE, HTTP

from sockio_gevent.wire import classic as wire

PAYLOADS = [block for block in all_blocks("text") if "~m~" in block.text]
EXAMPLES = [row for row in rows("protocol.rst") if row[-1].startswith("``~m~")]


def exchanges() -> list[tuple[Block, Block]]:
    """Each request with the answer that follows it."""
    pairs = []
    for page in ("protocol.rst", "websocket-drafts.rst"):
        found = [block for block in blocks(ROOT / "docs" / page) if block.language == "http"]
        assert len(found) % 2 == 0
        pairs += list(zip(found[::2], found[1::2], strict=True))
    return pairs


def parts(block: Block) -> tuple[str, dict[str, str], str]:
    """First line, headers and body."""
    head, _, body = block.text.rstrip("\n").partition("\n\n")
    first, *lines = head.split("\n")
    return first, dict(line.split(": ", 1) for line in lines), body


@pytest.mark.parametrize(("asked", "answered"), exchanges(), ids=str)
def test_a_request_is_answered_as_the_page_says(echo, asked, answered):
    served = echo()
    line, headers, body = parts(asked)
    method, path, _ = line.split(" ")
    if "<id>" in path:
        path = path.replace("<id>", Polling(served.port).open().session_id)
    client = HTTP(served.port)
    client.begin(method, path, body or None, **headers)
    response = client.head()
    first, expected, body = parts(answered)
    assert f"HTTP/1.1 {response.status} {response.reason}" == first
    content_type = response.getheader("Content-Type", "")
    if boundary := re.search(r'boundary="([0-9a-f]+)"', content_type):
        expected["Content-Type"] = expected["Content-Type"].replace("<boundary>", boundary[1])
        body = body.replace("<boundary>", boundary[1])
    assert {name: response.getheader(name) for name in expected} == expected
    pattern = re.escape(body).replace("<id>", "[0-9a-f]{40}")
    received = ""
    with gevent.Timeout(DEADLINE, AssertionError(f"no {pattern}")):
        while not re.search(pattern, received):
            more = response.read1(65536)
            assert more, f"{received!r} is not {pattern}"
            received += more.decode()
    client.close()


@pytest.mark.parametrize("block", PAYLOADS, ids=str)
def test_a_payload_is_one(block):
    payload = block.text.strip().replace("<id>", 40 * "0")
    if "<length>" not in payload:
        assert len(framing.decode(payload)) == 1


def test_there_are_examples_of_the_framing():
    assert len(EXAMPLES) == 6


@pytest.mark.parametrize(("texts", "payload"), EXAMPLES)
def test_an_example_of_the_framing_is_right(texts, payload):
    messages = re.findall("``(.+?)``", texts) or [""]
    payload = payload.strip("`")
    assert b"".join(map(wire.encode, messages)).decode() == payload
    assert framing.decode(payload) == messages


def test_a_string_that_looks_like_a_heartbeat_is_sent_as_json():
    text = (ROOT / "docs/protocol.rst").read_text()
    (example,) = [each for each in literals(text) if each.startswith('~j~"')]
    assert framing.decode(wire.encode("~h~").decode()) == [example]
