"""Flask: a listener inside a ``Flask`` object, which stays a ``Flask`` object.

Importing this needs no Flask; :func:`~sockio_gevent.listen` does it for you.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from gevent import monkey

from ..monitoring.warn import PATCH_FIRST, advise
from ..options.serializer import OWN, Serializer, compact, guarded_dumps, guarded_loads
from ..wire.json_text import decode_json, json_encoder

__all__ = ["context", "install", "is_flask", "serializer"]


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


def serializer(application: Any) -> Serializer:
    """The option ``serializer`` for an application: its ``app.json``, as it is at each message."""
    if not hasattr(application, "json"):
        return OWN  # Flask 2.1
    made: tuple[Any, Serializer] = None, OWN

    def current() -> Serializer:
        nonlocal made
        provider, found = made
        if provider is not application.json:
            provider = application.json
            found = _serializer_of(provider)
            made = provider, found
        return found

    return Serializer(
        lambda value: current().dumps(value),
        lambda text: current().loads(text),
    )


def _serializer_of(provider: Any) -> Serializer:
    """A serializer that encodes what a provider can encode.

    The functions of Flask's own provider are those of the module ``json``. Ours do the same in
    less time, compactly and strictly, and leave the order of names as it is.
    """
    from flask.json.provider import DefaultJSONProvider

    def is_flasks(name: str) -> bool:
        function = getattr(getattr(provider, name), "__func__", None)
        return function is getattr(DefaultJSONProvider, name)

    dumps = (
        json_encoder(_default_of(provider))
        if is_flasks("dumps")
        else guarded_dumps("app.json", compact(provider.dumps))
    )
    return Serializer(dumps, decode_json if is_flasks("loads") else guarded_loads(provider.loads))


def _default_of(provider: Any) -> Callable[[Any], Any]:
    def default(value: Any) -> Any:
        try:
            return provider.default(value)
        except (TypeError, ValueError):
            raise
        except Exception as error:
            raise ValueError(
                f"app.json cannot encode a {type(value).__name__}: {error!r}"
            ) from error

    return default


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
