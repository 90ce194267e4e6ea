"""Checks that a function of the application takes the arguments that it will be called with.

So a mistake is found where the function is passed, and not by the first client.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import FunctionType, MethodType
from typing import Any

__all__ = ["callable_problem"]

_CANNOT_RUN = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


def callable_problem(function: Any, arguments: Sequence[str] | None) -> str:
    """Why an object cannot be called with these arguments; empty if it can.

    Args:
        function: the object.
        arguments: the names of the arguments, for the text; ``None`` if they are not known.
    """
    if not callable(function):
        return "it cannot be called"
    if arguments is not None and _is_plain(function, len(arguments)):
        return ""
    call = type(function).__call__
    for each in (function, call):
        if inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each):
            return "it is async, and nothing would run it: make it a plain function"
        if inspect.isgeneratorfunction(each):
            return "it is a generator, and nothing would run it: take out the 'yield'"
    if arguments is None:
        return ""
    try:
        # A decorator may call the function that it wraps with other arguments.
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):
        return ""  # some builtins have none
    try:
        signature.bind(*arguments)
    except TypeError as error:
        wanted = f"({', '.join(arguments)})"
        return f"it is called with {wanted}, and takes {signature}: {error}"
    return ""


def _is_plain(function: Callable[..., Any], count: int) -> bool:
    """Whether this is a plain function with so many arguments, as most are.

    Handlers are added for each client, and to make a signature takes long.
    """
    if type(function) is MethodType:
        function, count = function.__func__, count + 1
    if type(function) is not FunctionType:
        return False
    code = function.__code__
    if code.co_flags & _CANNOT_RUN or code.co_kwonlyargcount:
        return False
    least = code.co_argcount - len(function.__defaults__ or ())
    return least <= count and (
        count <= code.co_argcount or bool(code.co_flags & inspect.CO_VARARGS)
    )
