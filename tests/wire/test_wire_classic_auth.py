"""What classic clients show when they connect, in a query and in logs."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockio_gevent.wire.classic_auth import auth_in_addresses, auth_in_query

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab"), inner, max_size=4),
    max_leaves=8,
)


@given(VALUES)
def test_any_json_arrives(value):
    query = f"page=1&auth={quote(json.dumps(value), safe='')}&last=2"
    assert auth_in_query(query, None, None) == value


@pytest.mark.parametrize(
    "query",
    [
        "",
        "page=1",
        "auth",
        "auth=",
        "auth=token",
        "auth=%7B",
        "auth=%FF",
        "auth=NaN",
        "xauth=1",
        "auth=" + "[" * 50 + "]" * 50,
        "auth=" + "[" * 100_000,
        "auth=[1,1,1,1,1,1,1,1,1,1,1,1]",
    ],
)
def test_what_cannot_be_read_is_nothing(query):
    assert auth_in_query(query, 10, 20) is None


@given(st.text())
def test_no_query_raises(text):
    auth_in_query(f"auth={text}", 10, 5)


@pytest.mark.parametrize(
    ("text", "shortened"),
    [
        ("/socket.io/websocket?auth=secret", "/socket.io/websocket?auth=..."),
        ("/socket.io/xhr-polling/1?a=b&auth=secret&c", "/socket.io/xhr-polling/1?a=b&auth=...&c"),
        ('"GET /a/socket.io/x?auth=secret HTTP/1.1"', '"GET /a/socket.io/x?auth=... HTTP/1.1"'),
        ("/socket.io/websocket?oauth=public", "/socket.io/websocket?oauth=public"),
        ("/login?auth=the-application's", "/login?auth=the-application's"),
    ],
)
def test_logs_do_not_have_it(text, shortened):
    assert auth_in_addresses("socket.io")(text) == shortened
