"""What the doctor has found, and how it is printed."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

__all__ = ["Finding", "as_json", "as_text", "bad", "good", "is_good", "skipped"]

State = Literal["good", "bad", "skipped"]

_COLORS = {"good": "\x1b[32m", "bad": "\x1b[31m", "skipped": "\x1b[33m"}
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_SIGNS = {"good": "ok", "bad": "BAD", "skipped": "--"}
_WIDTH = 92


@dataclass(frozen=True)
class Finding:
    """What one attempt has shown.

    Attributes:
        name: what was tried.
        state: ``'good'``; ``'bad'`` if something has to be done; ``'skipped'`` if it could not
            be tried, or is not meant to work.
        text: what has happened, in a sentence.
        remedy: what to do; empty if there is nothing to do.
        lines: the lines of nginx's configuration that mend it.
        ends: whether nothing else needs to be tried.
    """

    name: str
    state: State
    text: str
    remedy: str = ""
    lines: tuple[str, ...] = ()
    ends: bool = False


def good(name: str, text: str) -> Finding:
    """Something works."""
    return Finding(name, "good", text)


def skipped(name: str, text: str) -> Finding:
    """Something was not tried."""
    return Finding(name, "skipped", text)


def bad(name: str, text: str, remedy: str = "", *lines: str, ends: bool = False) -> Finding:
    """Something does not work."""
    return Finding(name, "bad", text, remedy, lines, ends)


def as_text(finding: Finding, colored: bool) -> str:
    """A finding for a terminal, with the end of its last line."""
    color, bold, plain = (_COLORS[finding.state], _BOLD, _PLAIN) if colored else ("", "", "")
    # The server has written some of it.
    text = "".join(each if each.isprintable() else " " for each in finding.text)
    lines = textwrap.wrap(text, _WIDTH - 30) or [""]
    head = f"{color}{_SIGNS[finding.state]:4}{plain}{bold}{finding.name:25}{plain} {lines[0]}"
    written = [head, *[f"{'':30}{line}" for line in lines[1:]]]
    if finding.remedy:
        written += [f"{'':30}{line}" for line in textwrap.wrap(finding.remedy, _WIDTH - 30)]
    written += [f"{'':34}{line}" for line in finding.lines]
    return "\n".join(written) + "\n"


def as_json(url: str, findings: Sequence[Finding]) -> str:
    """All findings for a program."""
    told = [asdict(each) for each in findings]
    for each in told:
        del each["ends"]
    return json.dumps({"url": url, "good": is_good(findings), "findings": told}, indent=2) + "\n"


def is_good(findings: Sequence[Finding]) -> bool:
    """Whether nothing has to be done."""
    return all(each.state != "bad" for each in findings)
