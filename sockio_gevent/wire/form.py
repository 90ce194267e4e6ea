"""The body of a client's POST: ``data=<urlencoded payload>``."""

from __future__ import annotations

import re

__all__ = ["decode_form"]

_DATA = re.compile(rb"(?:^|&)data=([^&]*)")
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def decode_form(body: bytes) -> str:
    """Take the payload out of a form.

    Args:
        body: ``application/x-www-form-urlencoded``, in UTF-8; fields other
            than ``data`` are passed over.

    Raises:
        ValueError: if there is no ``data`` field, or it is not well encoded.
    """
    field = _DATA.search(body)
    if field is None:
        raise ValueError("the form has no data field")
    if _BROKEN_ESCAPE.search(field[1]):
        raise ValueError("the form has a broken percent escape")
    try:
        return _unquote(field[1].replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise ValueError("the form is not UTF-8") from None


def _unquote(data: bytes) -> bytes:
    """Replace percent escapes, all of them well formed, by the bytes they stand for."""
    # As string escapes they are decoded in C: for a body of 3 MiB in which
    # everything is escaped, 30 ms where urllib.parse takes a second and 200 MB.
    escaped = data.replace(b"\\", b"\\\\").replace(b"%", b"\\x")
    return escaped.decode("unicode_escape").encode("latin-1")
