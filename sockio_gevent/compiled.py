"""Which form of the package runs: pure Python, or its hot modules compiled by mypyc.

Both have the same source. ``setup.py`` says which modules are compiled, and when.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr, trait
else:

    def mypyc_attr(**settings: bool):
        """Tell the compiler about a class; pure Python needs no such thing."""
        return lambda decorated: decorated

    def trait(decorated: type):
        """Mark a class that other classes extend besides their base, and that makes no objects.

        The compiled form calls the methods of a trait in a fraction of the time that those of a
        ``typing.Protocol`` take. Classes that are not compiled cannot extend it. Where one may
        stand in, the type is ``Trait | Any``.
        """
        return decorated


__all__ = ["FORM", "mypyc_attr", "trait"]

_spec = find_spec(f"{__package__}.wire.packet")  # which is always compiled with the others

#: The form that runs: ``compiled`` or ``pure``.
FORM = "pure" if str(_spec and _spec.origin).endswith(".py") else "compiled"
