"""WebSocket conversations after RFC 6455 sections 5 to 8, as data: one module for each subject."""

from __future__ import annotations

from . import closing, control, fragments, lengths, masks, reserved, texts, transport
from .case import Case

__all__ = ["ALL", "Case"]

# Named as tests show them: by their section of the RFC, and what is special about them.
ALL: dict[str, Case] = {
    f"{module.SECTION} {name}": case
    for module in (fragments, control, reserved, closing, texts, lengths, masks, transport)
    for name, case in module.CASES.items()
}
