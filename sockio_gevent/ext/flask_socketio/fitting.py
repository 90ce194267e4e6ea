"""Calls of handlers that may take an argument or leave it out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["call_with_fitting"]


def call_with_fitting(handler: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Call a handler with these arguments, or without any if it takes none."""
    try:
        inspect.signature(handler).bind(*arguments)
    except TypeError:
        return handler()
    except ValueError:
        pass  # some builtins have no signature
    return handler(*arguments)
