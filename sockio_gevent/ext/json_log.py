"""Log lines as JSON, one object a line, for programs that collect logs.

::

    handler = logging.StreamHandler()
    handler.setFormatter(JSONFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])

``python -m sockio_gevent --log-format json`` does that.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from typing import Any

__all__ = ["JSONFormatter"]

# What every record has; other attributes were given to the log function as ``extra``.
_OF_RECORDS = frozenset(vars(logging.makeLogRecord({}))) | {"asctime", "message", "taskName"}


class JSONFormatter(logging.Formatter):
    """Writes a record as a JSON object in one line of ASCII.

    Its members are ``time`` (RFC 3339, in UTC, with milliseconds), ``level``, ``logger`` and
    ``message``; ``exception`` with the traceback, if there is one; and what was given to the
    log function as ``extra``. Whatever a client has sent, it is one line.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        time = datetime.fromtimestamp(record.created, timezone.utc)
        members: dict[str, Any] = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            members["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:
            members["exception"] = record.exc_text
        if record.stack_info:
            members["stack"] = self.formatStack(record.stack_info)
        for name, value in vars(record).items():
            if name not in _OF_RECORDS:
                members.setdefault(name, value)
        return json.dumps(members, default=repr)
