"""How a listener is put before an application: on a server, in a framework's object, or bare.

A mistake in the application is reported here, at the start, and not by
connections that fail later.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from ..dialects.listing import shorteners_of
from ..ext import bottle, django, flask
from ..hub.gevent_private import check_server_parts
from ..options.listener_options import Context
from ..options.serializer import OWN, Serializer
from ..session.session_host import SessionHost as Host

__all__ = [
    "check",
    "context_of",
    "is_gevent_server",
    "layers",
    "mount",
    "problem",
    "serializer_for",
    "start_policy_server",
    "take_over",
]

Policy = Callable[[Any], bytes]

_DEEPEST = 30  # layers of middleware; more mean that they form a circle


def is_gevent_server(target: Any) -> bool:
    """Whether this is a gevent ``WSGIServer``."""
    # Not imported here: a program that has made a server has imported it already.
    pywsgi = sys.modules.get("gevent.pywsgi")
    return pywsgi is not None and isinstance(target, pywsgi.WSGIServer)


def check(target: Any, caller: str) -> None:
    """Raise ``TypeError`` if a listener cannot be put before this; the text says what to do.

    Args:
        target: the object.
        caller: the function that it was passed to.
    """
    found = "" if is_gevent_server(target) else problem(target)
    if found:
        raise TypeError(
            f"{caller} takes a gevent.pywsgi.WSGIServer or a WSGI application, "
            f"not {target!r:.80}: {found}"
        )


def problem(target: Any) -> str:
    """Why this is not a WSGI application, and what to do instead; empty if it is one."""
    try:
        return _problem(target)
    except RuntimeError:  # for example Flask's current_app, outside of a request
        return "it stands for an object that is not there now; pass the application itself"


def _problem(target: Any) -> str:
    if isinstance(target, str):
        return "pass the application itself; 'python -m sockio_gevent module:app' takes its name"
    if isinstance(target, ModuleType):
        return "that is a module; pass the application in it"
    if not callable(target):
        if hasattr(target, "serve_forever") or hasattr(target, "run"):
            return (
                "this server cannot upgrade connections; pass its application, and serve that "
                "with gevent.pywsgi.WSGIServer or gunicorn -k gevent"
            )
        return "it cannot be called"
    if isinstance(target, type) and not hasattr(target, "__iter__"):
        return "that is a class; pass an object of it"
    is_async = inspect.iscoroutinefunction
    if is_async(target) or is_async(type(target).__call__):
        return "that is an ASGI application, which needs an ASGI server; pass a WSGI one"
    try:
        inspect.signature(target).bind({}, print)
    except TypeError:
        return (
            "it does not take (environ, start_response); if it makes the application, "
            "pass what it returns"
        )
    except ValueError:
        pass  # some builtins have no signature
    return ""


def _attribute(thing: Any, name: str) -> Any:
    try:
        return getattr(thing, name, None)
    except Exception:  # whatever its own __getattr__ does
        return None


def layers(target: Any) -> Iterator[Any]:
    """The application and the applications behind it, as far as they can be found.

    Frameworks and most middleware keep the application behind them in an
    attribute that has one of a few names.
    """
    for _ in range(_DEEPEST):
        yield target
        for name in ("wsgi_app", "wsgi", "application", "app"):
            behind = _attribute(target, name)
            if callable(behind):
                target = behind
                break
        else:
            return


def mount(target: Any, listener: Any, host: Host, policy: Policy) -> Any:
    """Put a listener before an application.

    Args:
        target: what was passed to :func:`~sockio_gevent.listen`.
        listener: the listener.
        host: what keeps its sessions.
        policy: makes the Flash policy file for a connection.

    Returns:
        The application that the listener passes other requests to.

    Raises:
        ValueError: if a listener has this resource already.
    """
    options = listener.options
    for layer in layers(target):
        if isinstance(layer, type(listener)) and layer.options.resource == options.resource:
            raise ValueError(
                f"there is a listener at {options.resource!r} already; "
                "give this one another 'resource'"
            )
    if is_gevent_server(target):
        return take_over(target, listener, host, policy)
    if flask.is_flask(target):
        return flask.install(target, listener)
    if bottle.is_bottle(target):
        return bottle.install(target, listener)
    return target


def take_over(server: Any, application: Any, host: Host, policy: Policy) -> Any:
    """Let a gevent server call an application, with the handler that a listener needs.

    Args:
        server: the server.
        application: the listener, or an application that it is in.
        host: what keeps the sessions of the listener.
        policy: makes the Flash policy file for a connection.

    Returns:
        The application that the server had, or ``None``.
    """
    check_server_parts()
    from ..server.http import install

    options = host.options
    flash = policy if "flashsocket" in options.transports else None
    log = host.log, host.throttled_log
    shorteners = shorteners_of(options)
    hands_over = host.bus is not None
    return install.take_over(
        server, application, options, shorteners, *log, host.limits, flash, hands_over
    )


def start_policy_server(target: Any, host: Host, policy: Policy) -> Any:
    """Serve Flash policy files on their own port, if an option of the listener says so."""
    options = host.options
    port = options.flash_policy_port if "flashsocket" in options.transports else None
    if not port or not is_gevent_server(target) or not isinstance(target.address, tuple):
        return None
    from ..server.http import flash_policy as policy_server

    return policy_server.start_policy_server(target.address[0], port, policy, host.log)


def context_of(target: Any) -> Context | None:
    """The context in which the handlers of an application run."""
    for layer in layers(target):
        if flask.is_flask(layer):
            return flask.context(layer)  # type: ignore[no-any-return]
        if django.is_django(layer):
            return django.context
    return None


def serializer_for(target: Any) -> Serializer:
    """What encodes and decodes the messages of an application, if it does not say so itself."""
    for layer in layers(target):
        if flask.is_flask(layer):
            return flask.serializer(layer)
    return OWN
