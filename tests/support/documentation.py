"""The testable parts of the documentation: code blocks, their hidden setups and checks, tables.

Right before a block may stand a comment ``.. setup:`` with what a fragment
needs, and right behind it one ``.. check:`` with what must be true then. Both
are code in the language of the block, on one line or indented.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.rst", *sorted((ROOT / "docs").glob("*.rst"))]

_MARK = re.compile(r"( *)\.\. (code-block::|setup:|check:)(?: (.*))?")
_ROW = re.compile(r" *\* - (.*)")
_CELL = re.compile(r" *- (.*)")


@dataclass
class Block:
    """One code block.

    Attributes:
        page: the path of the file, below the project's folder.
        line: where the block begins.
        language: what stands behind ``code-block::``.
        text: the code.
        setup: the code that goes before it.
        check: the code that comes after it.
    """

    page: str
    line: int
    language: str
    text: str
    setup: str = ""
    check: str = ""

    def __str__(self) -> str:
        return f"{Path(self.page).name}:{self.line}"


@cache
def blocks(path: Path) -> list[Block]:
    """The code blocks of a page, in order."""
    lines = path.read_text().splitlines()
    found: list[Block] = []
    setup, number = "", 0
    expects_check = False
    while number < len(lines):
        match = _MARK.fullmatch(lines[number])
        if match is None:
            if lines[number].strip():
                assert not setup, f"{path.name}:{number + 1}: a setup before no block"
                expects_check = False
            number += 1
            continue
        line, (indent, kind, rest) = number + 1, match.groups()
        number += 1
        inner = []
        while number < len(lines) and (
            not lines[number].strip() or lines[number].startswith(indent + "   ")
        ):
            inner.append(lines[number])
            number += 1
        text = textwrap.dedent("\n".join(inner)).strip("\n") + "\n"
        if kind == "code-block::":
            text = re.sub(r"\A(:.*\n)+\n*", "", text)
            place = str(path.relative_to(ROOT))
            found.append(Block(place, line, rest or "", text, setup))
            setup, expects_check = "", True
        elif kind == "setup:":
            setup, expects_check = (rest or "") + text, False
        else:
            assert expects_check, f"{path.name}:{line}: a check behind no block"
            found[-1].check, expects_check = (rest or "") + text, False
    return found


def all_blocks(*languages: str) -> list[Block]:
    """The code blocks of all pages in these languages."""
    return [block for page in PAGES for block in blocks(page) if block.language in languages]


def is_module(block: Block) -> bool:
    """Whether a script is a module, which imports the client of Socket.IO 4 from its package."""
    return block.language == "javascript" and block.text.startswith("import ")


def rows(page: str) -> list[list[str]]:
    """The rows of all tables (``list-table``) of a page, each a list of cells."""
    found: list[list[str]] = []
    for line in (ROOT / "docs" / page).read_text().splitlines():
        if (match := _ROW.fullmatch(line)) is not None:
            found.append([match[1]])
        elif found and (match := _CELL.fullmatch(line)) is not None:
            found[-1].append(match[1])
        elif found and line.startswith("       "):
            found[-1][-1] += f" {line.strip()}"
    return found


def literals(text: str) -> set[str]:
    """All that stands in double backquotes."""
    return set(re.findall(r"``(.+?)``", text))
