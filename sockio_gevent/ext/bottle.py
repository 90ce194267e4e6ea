"""Bottle: a listener inside a ``Bottle`` object, which goes on being one.

Importing this needs no Bottle; :func:`~sockio_gevent.listen` does it for you.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["install", "is_bottle"]


def is_bottle(application: Any) -> bool:
    """Whether this is a ``Bottle`` object."""
    bottle = sys.modules.get("bottle")
    return bottle is not None and isinstance(application, bottle.Bottle)


def install(application: Any, listener: Any) -> Any:
    """Let a listener come before the routes of an application.

    Args:
        application: the ``Bottle`` object.
        listener: the listener.

    Returns:
        The WSGI application that came there until now.
    """
    behind = application.wsgi
    # Bottle's own __setattr__ refuses to replace what an earlier listener has set.
    object.__setattr__(application, "wsgi", listener)
    return behind
