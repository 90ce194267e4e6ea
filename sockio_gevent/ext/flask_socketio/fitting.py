"""Calls of handlers that may take an argument or leave it out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["call_with_fitting"]


def call_with_fitting(
    handler: Callable[..., Any], arguments: Sequence[Any], fewer: Sequence[Any] = ()
) -> Any:
    """Call a handler with these arguments, or with fewer if it does not take them."""
    try:
        inspect.signature(handler).bind(*arguments)
    except TypeError:
        return handler(*fewer)
    except ValueError:
        pass  # some builtins have no signature
    return handler(*arguments)
