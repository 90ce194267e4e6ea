"""The page of the wire of Socket.IO has the numbers and the texts of the code."""

from __future__ import annotations

from support.documentation import rows

from sockio_gevent.dialects import engineio_errors


def test_each_refusal_has_its_row():
    described = [
        (int(row[0].strip("`")), row[1], row[2].strip("`"))
        for row in rows("protocol-socketio.rst")
        if len(row) > 3 and row[0].strip("`").isdigit()
    ]
    messages = engineio_errors._MESSAGES
    forbidden = engineio_errors.FORBIDDEN
    assert described == [
        (number, "403" if number == forbidden else "400", text)
        for number, text in sorted(messages.items())
    ]
