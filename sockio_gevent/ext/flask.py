"""Flask: a listener inside a ``Flask`` object, which stays a ``Flask`` object.

Importing this needs no Flask; :func:`~sockio_gevent.listen` does it for you.
"""

from __future__ import annotations

import sys
from typing import Any

from gevent import monkey

from ..monitoring.warn import PATCH_FIRST, advise

__all__ = ["context", "install", "is_flask"]


def is_flask(application: Any) -> bool:
    """Whether this is a ``Flask`` object."""
    flask = sys.modules.get("flask")
    return flask is not None and isinstance(application, flask.Flask)


def install(application: Any, listener: Any) -> Any:
    """Put a listener before the routes of an application.

    Args:
        application: the ``Flask`` object.
        listener: the listener.

    Returns:
        The WSGI application that was there before.
    """
    behind = application.wsgi_app
    application.wsgi_app = listener
    if "run" not in vars(application):
        application.run = _checked(application.run)
    if _is_started_by_flask_run():
        _check_patched("flask run")
    return behind


def context(application: Any) -> Any:
    """The option ``context`` for an application: its application context."""
    return application.app_context


def _checked(run: Any) -> Any:
    def checked_run(*arguments: Any, **options: Any) -> Any:
        _check_patched("app.run()")
        return run(*arguments, **options)

    return checked_run


def _is_started_by_flask_run() -> bool:
    click = sys.modules.get("click")
    current = None if click is None else click.get_current_context(silent=True)
    return current is not None and current.info_name == "run"


def _check_patched(how: str) -> None:
    if not monkey.is_module_patched("threading"):
        advise(
            f"{how} serves each request in a thread of its own, where sockio_gevent cannot keep "
            f"connections: they will be refused. Either {PATCH_FIRST}, or serve it with "
            "'python -m sockio_gevent module:app'"
        )
