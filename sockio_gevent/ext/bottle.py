"""Bottle: a listener inside a ``Bottle`` object, which stays a ``Bottle`` object.

Importing this needs no Bottle; :func:`~sockio_gevent.listen` does it for you.
"""

from __future__ import annotations

import sys
from typing import Any

from ..monitoring.warn import advise

__all__ = ["install", "is_bottle"]

_PARENT = "_mount.app"  # in its config, a mounted Bottle keeps the outer one


def is_bottle(application: Any) -> bool:
    """Whether this is a ``Bottle`` object."""
    bottle = sys.modules.get("bottle")
    return bottle is not None and isinstance(application, bottle.Bottle)


def install(application: Any, listener: Any) -> Any:
    """Put a listener before the routes of an application.

    Args:
        application: the ``Bottle`` object.
        listener: the listener.

    Returns:
        The WSGI application that was there before.
    """
    if _PARENT in application.config:
        _warn_of_mount()
    application.add_hook("config", _on_config)
    behind = application.wsgi
    # Bottle's own __setattr__ refuses to replace an attribute that an earlier listener has set.
    object.__setattr__(application, "wsgi", listener)
    return behind


def _on_config(config: Any, key: str, value: Any) -> None:
    if key == _PARENT:
        _warn_of_mount()


def _warn_of_mount() -> None:
    advise(
        "this Bottle has a listener and is mounted in another one, which takes its routes only, "
        "so nobody can connect: call listen() with the outer one"
    )
