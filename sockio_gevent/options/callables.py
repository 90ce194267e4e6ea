"""Whether a function of the application can be called as it is going to be.

A mistake is found where the function is given, and not by the first client.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import FunctionType, MethodType
from typing import Any

__all__ = ["callable_problem"]

_CANNOT_RUN = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


def callable_problem(function: Any, arguments: Sequence[str]) -> str:
    """Why something cannot be called with so many arguments; empty if it can.

    Args:
        function: what was given.
        arguments: the names of the arguments, for the text.
    """
    if not callable(function):
        return "it cannot be called"
    if _is_plain(function, len(arguments)):
        return ""
    call = type(function).__call__
    for each in (function, call):
        if inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each):
            return "it is async, and nothing would run it: make it a plain function"
        if inspect.isgeneratorfunction(each):
            return "it is a generator, and nothing would run it: take out the 'yield'"
    try:
        # What a decorator has wrapped may be called in another way.
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
    """Whether this is a function for so many arguments: a quick look, for most of them are.

    Handlers are added for each client, and a signature takes long to make.
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
