"""The body of a client's POST: ``data=<urlencoded payload>``."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

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
        return unquote_to_bytes(field[1].replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise ValueError("the form is not UTF-8") from None
