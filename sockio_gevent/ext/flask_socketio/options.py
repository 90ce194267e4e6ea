"""The options of Flask-SocketIO, in the words of :func:`sockio_gevent.listen`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any

import flask.json

from .fitting import call_with_fitting
from .warn import advise

__all__ = ["translate"]

# They change nothing here: what they choose is always so, or there is nothing to choose.
_WITHOUT_EFFECT = frozenset(
    (
        "allow_upgrades",
        "always_connect",
        "async_handlers",
        "async_mode",
        "channel",
        "compression_threshold",
        "cookie",
        "cors_credentials",
        "engineio_logger",
        "http_compression",
        "monitor_clients",
        "websocket_compression",
    )
)
_TRANSPORTS = {"polling": "xhr-polling"}


def translate(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options for ``listen()``. Those that it has itself may be given, too.

    Args:
        given: the options of ``SocketIO()``, without ``manage_session`` and ``namespaces``.

    Raises:
        ValueError: if an option has a value for which there is nothing here.
    """
    options: dict[str, Any] = {}
    for name, value in given.items():
        if name in _WITHOUT_EFFECT:
            continue
        if name in ("path", "resource"):
            if value:
                options["resource"] = value.strip("/")
        elif name == "cors_allowed_origins":
            options["origins"] = _origins(value)
        elif name == "ping_interval" and isinstance(value, (tuple, list)):
            options[name] = value[0]  # the second is a grace period
        elif name == "max_http_buffer_size":
            options["max_message_size"] = value
        elif name == "transports" and value is not None:
            names = [value] if isinstance(value, str) else value
            options[name] = [_TRANSPORTS.get(each, each) for each in names]
        elif name == "json":
            # What Flask encodes and decodes with is the default.
            options["serializer"] = None if value is flask.json else value
        elif name == "serializer" and isinstance(value, str):
            if value != "default":
                raise ValueError(f"serializer={value!r}: messages are JSON here, and nothing else")
        elif name == "logger":
            options["log"] = _log(value)
        elif name == "client_manager":
            raise ValueError("client_manager: the clients are kept by this package; leave it out")
        elif name == "message_queue":
            if value:
                options["cluster"] = _cluster(value)
        else:
            options[name] = value
    return options


def _origins(value: Any) -> Any:
    """The option ``origins``."""
    if callable(value):
        return lambda origin, environ: bool(call_with_fitting(value, (origin, environ), (origin,)))
    if value is None:
        return None
    origins = [value] if isinstance(value, str) else value
    # An empty list means that no origin is checked.
    return "*:*" if not origins or "*" in origins else origins


def _log(value: Any) -> Any:
    """The option ``log``."""
    if not isinstance(value, bool):
        return value
    if value:
        logger = logging.getLogger("sockio_gevent")
        logger.setLevel(logging.INFO)
        if not logger.hasHandlers():
            logger.addHandler(logging.StreamHandler(sys.stderr))
    return None


def _cluster(url: Any) -> Any:
    """The option ``cluster``: only a Redis can be the queue."""
    scheme = str(url).partition(":")[0]  # the rest may hold a password
    if scheme in ("redis", "rediss", "unix"):
        return url
    advise(
        f"message_queue={scheme}:… does nothing here: use a Redis, 'redis://…'. The workers of one "
        "gunicorn need no queue"
    )
    return "auto"
