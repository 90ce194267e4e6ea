"""Compressed WebSockets in Chromium, which offers permessage-deflate by itself."""

from __future__ import annotations

from typing import Any

import pytest
from support.page import check_tricky_strings, opened, wait_event

PAGE = "tests/browser/page_server.py"
FORGETTING = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
OPTIONS = {
    "defaults": ("true", FORGETTING),
    "contexts": ('{"context_takeover": true, "threshold": 0}', "permessage-deflate"),
    "small windows": (
        '{"window_bits": 9, "context_takeover": true, "threshold": 0}',
        "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9",
    ),
    "off": ("false", ""),
}


@pytest.mark.parametrize(("options", "agreed"), OPTIONS.values(), ids=OPTIONS)
def test_messages_arrive_unaltered_both_ways(
    start: Any, new_page: Any, options: str, agreed: str
) -> None:
    page = opened(new_page(start(PAGE, "--deflate", options).url), transports=["websocket"])
    check_tricky_strings(page)
    assert page.evaluate("socket.transport.native.extensions") == agreed
    count = len(wait_event(page, "message"))
    page.evaluate(
        "for (var i = 0; i < 20; i++)"
        " socket.send({text: new Array(i * 2000 + 2).join(i % 2 ? '\u00e9\ud83d\ude00' : i)})"
    )
    received = wait_event(page, "message", count + 20)[count:]
    texts = ["\u00e9\U0001f600" if i % 2 else str(i) for i in range(20)]
    assert received == [[{"text": text * (i * 2000 + 1)}] for i, text in enumerate(texts)]
    assert page.evaluate("socket.connected")
