"""Django: handlers find database connections in order, as views do.

Importing this needs no Django; :func:`~sockio_gevent.listen` does it for you.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["context", "is_django"]


def is_django(application: Any) -> bool:
    """Whether this is what ``get_wsgi_application()`` returns."""
    wsgi = sys.modules.get("django.core.handlers.wsgi")
    return wsgi is not None and isinstance(application, wsgi.WSGIHandler)


@contextmanager
def context() -> Iterator[None]:
    """Close database connections that are too old or broken, before and after a handler.

    Django does so around each request, but a session outlives its request.
    """
    from django.db import close_old_connections

    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()
