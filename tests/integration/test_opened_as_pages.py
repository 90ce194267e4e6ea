"""Answers that a browser must not open as a page: text of clients could become a script there."""

from __future__ import annotations

import pytest
from support.clients import ALL, JSONP, HTMLFile
from support.doors import SOCKETS, Knock, head
from support.http import HTTP
from support.raw import Raw

# The destination of a request, Fetch Metadata section 2.1.
DOCUMENTS = ["document", "embed", "fencedframe", "frame", "iframe", "object"]
OTHERS = ["empty", "script", "image", "websocket"]

each_transport = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.transport)


def headers(goes_to):
    return {"Sec_Fetch_Site": "same-origin", "Sec_Fetch_Dest": goes_to}


@each_transport
def test_nothing_is_opened_as_a_page_but_htmlfile_in_a_frame(serve, kind):
    served = serve()
    for goes_to in DOCUMENTS:
        knock = Knock(served.port, kind.transport, **headers(goes_to))
        assert knock.let_in == (kind is HTMLFile and goes_to == "iframe"), goes_to
        if not knock.let_in:
            assert knock.status == 403
            refusal = f"{kind.transport} is for scripts, not to be opened as a page\n"
            assert knock.body == refusal.encode()
            assert knock.headers["content-type"] == "text/plain; charset=UTF-8"
            assert knock.headers["x-content-type-options"] == "nosniff"
        knock.close()
    assert served.listener.stats()["opened"] == (kind is HTMLFile)


@each_transport
def test_scripts_are_served_as_before(serve, kind):
    served = serve()
    for goes_to in OTHERS:
        knock = Knock(served.port, kind.transport, **headers(goes_to))
        assert knock.let_in, goes_to
        knock.close()


@pytest.mark.parametrize("kind", [each for each in ALL if each.transport not in SOCKETS])
def test_a_form_is_answered_in_a_frame_at_the_address_for_forms(serve, kind):
    served = serve()
    client = kind(served.port).open()
    form = "data=~m~5~m~hello"
    answer = HTTP(served.port).request("POST", client.path("send"), form, **headers("iframe"))
    assert answer.status == (200 if kind is JSONP else 403)
    assert len(served.happened("message")) == (kind is JSONP)
    client.close()


@pytest.mark.parametrize("kind", [each for each in ALL if each.transport not in SOCKETS])
def test_a_user_who_types_the_address_gets_a_text_that_says_so(serve, kind):
    raw = Raw(serve().port, head(kind.transport, Sec_Fetch_Site="none", Sec_Fetch_Dest="document"))
    status, found = raw.head()
    assert status == "HTTP/1.1 403 Forbidden"
    assert found["Content-Type"] == "text/plain; charset=UTF-8"
