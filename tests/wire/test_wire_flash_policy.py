"""The Flash policy file, byte for byte."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from sockio_gevent.wire.flash_policy import REQUEST, policy_file

HEAD = (
    b'<?xml version="1.0"?>\n'
    b"<!DOCTYPE cross-domain-policy SYSTEM "
    b'"http://www.macromedia.com/xml/dtds/cross-domain-policy.dtd">\n'
    b"<cross-domain-policy>\n"
)
END = b"</cross-domain-policy>\n\0"


def test_the_request_is_23_bytes() -> None:
    assert REQUEST == b"<policy-file-request/>\0"
    assert len(REQUEST) == 23


def test_all_may_be_allowed() -> None:
    line = b'<allow-access-from domain="*" to-ports="*"/>\n'
    assert policy_file([("*", "*")]) == HEAD + line + END


def test_each_allowed_domain_has_a_line() -> None:
    lines = (
        b'<allow-access-from domain="example.com" to-ports="*"/>\n'
        b'<allow-access-from domain="*" to-ports="8080"/>\n'
        b'<allow-access-from domain="[::1]" to-ports="443"/>\n'
    )
    allowed = [("example.com", "*"), ("*", "8080"), ("[::1]", "443")]
    assert policy_file(allowed) == HEAD + lines + END


def test_nobody_may_be_allowed() -> None:
    assert policy_file([]) == HEAD + END


HOSTILE = [
    '"/><allow-access-from domain="*',
    "'",
    "</cross-domain-policy>",
    "<!--",
    "]]>",
    "&quot;",
    "é😀",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_out_of_its_attribute(text: str) -> None:
    made = policy_file([(text, "80"), ("example.com", text)])
    assert made.endswith(b">\n\0")
    root = ElementTree.fromstring(made[:-1])
    assert root.tag == "cross-domain-policy"
    assert [(child.tag, child.attrib) for child in root] == [
        ("allow-access-from", {"domain": text, "to-ports": "80"}),
        ("allow-access-from", {"domain": "example.com", "to-ports": text}),
    ]


def test_quotes_and_markup_are_escaped() -> None:
    made = policy_file([("\"'<>&", "*")])
    assert b'domain="&quot;&#x27;&lt;&gt;&amp;" ' in made
