"""What to serve: from ``module:attribute`` to an application and its listeners."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from pathlib import PurePath
from types import ModuleType
from typing import Any, NamedTuple

from ..listener import Listener, live_listeners
from ..mounting import mount
from ..options.suggestions import did_you_mean
from . import CommandError

__all__ = ["Loaded", "Target", "load", "module_missing", "search_here"]

_log = logging.getLogger("sockio_gevent")


class Target(NamedTuple):
    """Where an application is.

    Attributes:
        module: the name of the module.
        attribute: the name of the application in it; may have dots.
    """

    module: str
    attribute: str

    def __str__(self) -> str:
        return f"{self.module}:{self.attribute}"

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read ``module:attribute`` or ``module``.

        Raises:
            ValueError: if it is something else.
        """
        module, _, attribute = text.partition(":")
        attribute = attribute or "application"
        if module.endswith(".py") and os.path.exists(module):
            name = ".".join(PurePath(module[:-3]).parts)
            raise ValueError(f"{module!r} is a file: its name in Python is {name!r}")
        if not all(part.isidentifier() for part in f"{module}.{attribute}".split(".")):
            raise ValueError(f"{text!r} is not like 'module:application'")
        return cls(module, attribute)


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


def search_here() -> None:
    """Let Python search the current folder first for modules."""
    here = os.getcwd()
    if sys.path[:1] != [here]:
        sys.path.insert(0, here)


def module_missing(name: str) -> CommandError:
    """The error for a module that does not exist."""
    return CommandError(f"there is no module {name!r} in {os.getcwd()} or on Python's path")


def load(target: Target, origins: list[str] | None) -> Loaded:
    """Import an application and find its listeners.

    Args:
        target: where it is.
        origins: the option ``origins`` for all its listeners; ``None`` to leave them alone.

    Raises:
        CommandError: if it does not exist, or cannot be served.
        Exception: what the module raises when it is imported.
    """
    module = _import(target.module)
    application = _find(module, target)
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
    if mount.is_gevent_server(found):
        raise CommandError(
            f"{target} is a server: run it from a program of its own, or serve "
            f"{target}.application, without its address and its arguments"
        )
    problem = mount.problem(found)
    if problem:
        raise CommandError(f"{target} is {found!r:.80}, which is no WSGI application: {problem}")
    return found


def _names(thing: Any, applications: bool) -> tuple[str, ...]:
    """The public names in an object: all, or only those of applications."""
    members = getattr(thing, "__dict__", {})
    return tuple(
        name
        for name, value in members.items()
        if not name.startswith("_") and (not applications or not mount.problem(value))
    )


def _listeners(application: Any, module: ModuleType, target: Target) -> list[Listener]:
    """All listeners of the program; those that can be found in the application come first.

    Raises:
        CommandError: if one of them comes before the application, so that no
            request would reach it.
    """
    found = [layer for layer in mount.layers(application) if isinstance(layer, Listener)]
    seen = bool(found)
    # Not all middleware shows the application behind it.
    for other in live_listeners():
        if other in found:
            continue
        if any(layer is application for layer in mount.layers(other)):
            names = [name for name, value in vars(module).items() if value is other]
            name = f"{target.module}:{names[0]}" if names else "that io.listen() returned"
            raise CommandError(
                f"the listener {name} comes before {target}, so no request would reach it: "
                "serve that instead"
            )
        found.append(other)
    if found and not seen:
        _log.warning(
            "no listener was found in %s: the one behind it is taken to be %s",
            target,
            ", ".join(map(repr, found)),
        )
    return found
