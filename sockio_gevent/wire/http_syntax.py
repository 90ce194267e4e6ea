"""Parts of regular expressions for HTTP (RFC 9110), for text in which a byte is a character."""

from __future__ import annotations

__all__ = ["FIELD_VALUE", "HOST", "PORT", "TOKEN"]

#: The name of a method, a header or a cookie (section 5.6.2).
TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"

#: The value of a header, with the blanks around it (section 5.5).
FIELD_VALUE = r"[\t -~\x80-\xff]*"

#: A name, an address, or an IPv6 address in brackets (section 4.2.3).
HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+"

#: The digits of a port.
PORT = r"[0-9]{1,5}"
