"""What to serve, as the command line names it: a module or a file, and what to take from it."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from . import CommandError

__all__ = ["FACTORIES", "USUAL_NAMES", "Target", "module_missing", "search_here", "values_of"]

#: The usual names of functions that make an application.
FACTORIES = ("create_app", "make_app")
#: What is looked for in a module, in this order, if the command line names nothing.
USUAL_NAMES = ("application", "app", *FACTORIES)


class Target(NamedTuple):
    """Where an application is.

    Attributes:
        module: the name of the module.
        attribute: the name of the application in it, or of the function that makes it; may
            have dots. Empty for the first of the usual names.
        is_called: whether the command line says that it is a function to call.
        folder: the folder that Python has to search for the module; empty for the current one.
        arguments: what the function is called with, as it is written in Python.
    """

    module: str
    attribute: str = ""
    is_called: bool = False
    folder: str = ""
    arguments: str = ""

    def __str__(self) -> str:
        call = f"({self.arguments})" if self.is_called else ""
        return f"{self.module}:{self.attribute}{call}" if self.attribute else self.module

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read ``module``, ``module:attribute``, ``module:function()`` or the same with a file.

        The function may have arguments that are literals: ``module:function("x", debug=True)``.

        Raises:
            ValueError: if it is something else.
        """
        place, _, attribute = text.partition(":")
        is_called, arguments = "(" in attribute and attribute.endswith(")"), ""
        if is_called:
            attribute, _, arguments = attribute[:-1].partition("(")
            try:
                values_of(arguments)
            except (SyntaxError, ValueError, TypeError):
                raise ValueError(
                    f"{text!r} gives arguments that are no literals of Python: write values, as "
                    'in module:function("text", 1, debug=True), or name a function of your own '
                    "that takes none"
                ) from None
        module, folder = place, ""
        if place.endswith(".py") or os.sep in place:
            module, folder = _module_of(place)
        names = [*module.split("."), *(attribute.split(".") if attribute else ())]
        if not all(name.isidentifier() for name in names) or (is_called and not attribute):
            raise ValueError(f"{text!r} is not like 'module:application'")
        return cls(module, attribute, is_called, folder, arguments)


def values_of(arguments: str) -> tuple[list[Any], dict[str, Any]]:
    """The values of the arguments of a call, and those that have names.

    Args:
        arguments: what stands in the brackets.

    Raises:
        SyntaxError, ValueError, TypeError: if they are no literals.
    """
    call = ast.parse(f"function({arguments})", mode="eval").body
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ValueError("this is more than one call")
    named: dict[str, Any] = {}
    for each in call.keywords:
        if each.arg is None:
            raise ValueError("** is no literal")
        named[each.arg] = ast.literal_eval(each.value)
    return [ast.literal_eval(each) for each in call.args], named


def _module_of(place: str) -> tuple[str, str]:
    """The name of the module in a file, and the folder to search for it."""
    path = Path(place if place.endswith(".py") else f"{place}.py").resolve()
    if not path.is_file():
        raise ValueError(f"there is no file {place!r} in {os.getcwd()}")
    if not path.stem.isidentifier():
        raise ValueError(f"{place!r} cannot be imported: {path.stem!r} is no name in Python")
    names, folder = [path.stem], path.parent
    # A file of a package is imported with its package, which its own imports need.
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    if len(names) > 1 and names[-1] == "__init__":
        del names[-1]
    return ".".join(names), str(folder)


def search_here(target: Target) -> None:
    """Let Python search the current folder first for modules, and before it that of a file."""
    for folder in (os.getcwd(), target.folder):
        if folder and sys.path[:1] != [folder]:
            sys.path.insert(0, folder)


def module_missing(name: str) -> CommandError:
    """The error for a module that does not exist."""
    return CommandError(f"there is no module {name!r} in {os.getcwd()} or on Python's path")
