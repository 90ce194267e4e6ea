"""From the name of an application to the application itself and its listeners."""

from __future__ import annotations

import importlib
import inspect
import logging
from types import FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

from ..listener import Listener, live_listeners
from ..mounting import mount
from ..options.suggestions import did_you_mean
from . import CommandError
from .target import FACTORIES, USUAL_NAMES, Target, module_missing, values_of

__all__ = ["Loaded", "load"]

_log = logging.getLogger("sockio_gevent")


class Loaded(NamedTuple):
    """An application that is ready to be served.

    Attributes:
        application: what to call.
        listeners: the listeners in it, the outermost first.
        added: whether the command added the listener.
    """

    application: Any
    listeners: list[Listener]
    added: bool


def load(target: Target, origins: list[str] | None) -> Loaded:
    """Import an application and find its listeners.

    Args:
        target: where it is.
        origins: the option ``origins`` for all its listeners; ``None`` to leave them alone.

    Raises:
        CommandError: if it does not exist, or cannot be served.
        Exception: what the module raises when it is imported, or the function that makes
            the application.
    """
    module = _import(target.module)
    if not target.attribute:
        target = target._replace(attribute=_usual_name(module))
    application = _application(_find(module, target), target)
    listeners = _listeners(application, module, target)
    if origins is not None:
        for listener in listeners:
            listener.set_origins(origins)
    if listeners:
        return Loaded(application, listeners, added=False)
    listener = Listener(application, origins=origins)
    return Loaded(listener, [listener], added=True)


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # If a module that this one imports is missing, the traceback shows where.
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise module_missing(error.name) from None


def _usual_name(module: ModuleType) -> str:
    """The name of the application in a module for which the command line names none."""
    for name in USUAL_NAMES:
        if hasattr(module, name):
            return name
    names = ", ".join(map(repr, USUAL_NAMES[:-1]))
    raise CommandError(
        f"the module {module.__name__!r} has no attribute {names} or {USUAL_NAMES[-1]!r}: "
        f"name what to serve, as in {module.__name__}:name"
    )


def _find(module: ModuleType, target: Target) -> Any:
    found: Any = module
    place = f"the module {target.module!r}"
    names = target.attribute.split(".")
    for name in names:
        try:
            found = getattr(found, name)
        except AttributeError:
            known = _names(found, applications=name == names[-1])
            hint = f": {did_you_mean(name, known)}" if known else ""
            raise CommandError(f"{place} has no attribute {name!r}{hint}") from None
        place = f"{name!r}"
    return found


def _names(thing: Any, applications: bool) -> tuple[str, ...]:
    """The public names in an object: all, or only those of applications."""
    members = getattr(thing, "__dict__", {})
    return tuple(
        name
        for name, value in members.items()
        if not name.startswith("_")
        and (not applications or not mount.problem(value) or _is_factory(value))
    )


def _is_factory(found: Any) -> bool:
    """Whether this is a function that makes an application, rather than an application."""
    if not isinstance(found, (FunctionType, MethodType)) or inspect.iscoroutinefunction(found):
        return False
    signature = inspect.signature(found)
    # A function that takes anything is mostly one that a decorator has made of an application.
    if any(each.kind is each.VAR_POSITIONAL for each in signature.parameters.values()):
        return False
    return _takes_nothing(signature)


def _is_named_as_factory(found: Any, target: Target) -> bool:
    """Whether a function has the name of one that makes an application, and is none itself."""
    if target.attribute.rpartition(".")[2] not in FACTORIES:
        return False
    if not isinstance(found, (FunctionType, MethodType)) or inspect.iscoroutinefunction(found):
        return False
    parameters = inspect.signature(found).parameters
    if any(each.kind is each.VAR_POSITIONAL for each in parameters.values()):
        return False
    return list(parameters)[:2] != ["environ", "start_response"]


def _takes_nothing(signature: inspect.Signature) -> bool:
    try:
        signature.bind()
    except TypeError:
        return False
    return True


def _application(found: Any, target: Target) -> Any:
    """The application that was named, or that the named function makes.

    Raises:
        CommandError: if it cannot be served.
    """
    said = ""
    if target.is_called or _is_factory(found) or _is_named_as_factory(found, target):
        target = target._replace(is_called=True)
        found, said = _made(found, target), "returned"
    if mount.is_gevent_server(found):
        raise CommandError(
            f"{target} is a server: run it from a program of its own, or serve "
            f"{target}.application, without its address and its arguments"
        )
    problem = mount.problem(found)
    if problem:
        raise CommandError(
            f"{target} {said or 'is'} {found!r:.80}, which is no WSGI application: {problem}"
        )
    if isinstance(found, Listener) and found.server is None:
        raise CommandError(
            f"{target} is a listener without an application: call its attach() with one, "
            "and serve the application"
        )
    return found


def _made(function: Any, target: Target) -> Any:
    if not callable(function):
        raise CommandError(f"{target} cannot be called: {function!r:.80} is no function")
    values, named = values_of(target.arguments)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        pass  # some builtins have none
    else:
        try:
            signature.bind(*values, **named)
        except TypeError as error:
            if target.arguments:
                raise CommandError(
                    f"{target} cannot be called: {error}; it takes {signature}"
                ) from None
            raise CommandError(
                f"{target} cannot be called without arguments, it takes {signature}: write them, "
                f"as in '{target.module}:{target.attribute}(\"text\", debug=True)', or name a "
                "function that takes none"
            ) from None
    return function(*values, **named)


def _listeners(application: Any, module: ModuleType, target: Target) -> list[Listener]:
    """All listeners of the program; those that can be found in the application come first.

    Raises:
        CommandError: if one of them comes before the application, so that no
            request would reach it; or if the only one has no application.
    """
    found = [layer for layer in mount.layers(application) if isinstance(layer, Listener)]
    seen = bool(found)
    alone = []
    # Not all middleware shows the application behind it.
    for other in live_listeners():
        if other in found:
            continue
        if other.server is None:
            alone.append(other)
            continue
        if any(layer is application for layer in mount.layers(other)):
            names = [name for name, value in vars(module).items() if value is other]
            name = f"{target.module}:{names[0]}" if names else "that io.listen() returned"
            raise CommandError(
                f"the listener {name} comes before {target}, so no request would reach it: "
                "serve that instead"
            )
        found.append(other)
    if alone and not found:
        raise CommandError(
            f"a listener was made by listen() without an application, and nobody has called its "
            f"attach(): call it with the application, {target}"
        )
    for each in alone:
        _log.warning("%r was made by listen() without an application, and is not used", each)
    if found and not seen:
        _log.warning(
            "no listener was found in %s: it is assumed that this one is behind it: %s",
            target,
            ", ".join(map(repr, found)),
        )
    return found
