"""Flash policy files: they are well formed, and have exactly the given entries."""

from __future__ import annotations

from xml.etree import ElementTree

from sockio_gevent.options.origins import Origins
from sockio_gevent.wire.flash_policy import policy_file

from ..supply import text_of

__all__ = ["SEEDS", "TOKENS", "check"]

TOKENS = (
    b"\n",
    b" ",
    b'"',
    b"<",
    b">",
    b"&",
    b"'",
    b"/>",
    b"]]>",
    b"*",
    b"example.com:80",
    b"&amp;",
)
# Lines of a domain and a port.
SEEDS = (b"* *", b"example.com 80\n[::1] 443", b'"/><x y=" 1', b"https://example.com \n&lt; <")


def check(data: bytes) -> None:
    """Make a file of any names, and one of what a rule allows."""
    text = "".join(character for character in text_of(data) if _is_xml(character))
    lines = [line.partition(" ") for line in text.split("\n")]
    allowed = [(domain, port) for domain, _, port in lines]
    assert _read(policy_file(allowed)) == [
        (_spaces(domain), _spaces(port)) for domain, port in allowed
    ]
    for domain, _, _ in lines:
        try:
            origins = Origins(domain)
        except ValueError:
            continue
        listed = origins.allowed("127.0.0.1")
        assert _read(policy_file(listed)) == listed


def _read(file: bytes) -> list[tuple[str, str]]:
    assert file.endswith(b"\0")
    root = ElementTree.fromstring(file[:-1])
    assert root.tag == "cross-domain-policy"
    assert all(entry.tag == "allow-access-from" and not len(entry) for entry in root)
    assert all(set(entry.attrib) == {"domain", "to-ports"} for entry in root)
    return [(entry.attrib["domain"], entry.attrib["to-ports"]) for entry in root]


def _is_xml(character: str) -> bool:
    """The characters of section 2.2 of XML 1.0; no file and no origin can have others."""
    code = ord(character)
    return code in (0x9, 0xA) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code > 0xFFFF


def _spaces(text: str) -> str:
    """Section 3.3.3: the value of an attribute, as any reader normalises it."""
    return text.replace("\t", " ")
