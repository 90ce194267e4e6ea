"""The texts that the package can log or answer, as far as its source shows them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import sockio_gevent

PACKAGE = Path(sockio_gevent.__file__).parent
BLANK = "…"

_PERCENT = re.compile(r"%(?:\.\d+)?[rsd]")


def texts() -> Iterator[str]:
    """All strings of the package, with ``…`` where values go."""
    trees = [ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")]
    constants = {
        target.id: text
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.Assign) and (text := _text(node.value, {})) is not None
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for tree in trees:
        for node in ast.walk(tree):
            text = _text(node, constants)
            if text is not None:
                yield _PERCENT.sub(BLANK, text)


def _text(node: ast.AST, constants: Mapping[str, str]) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return constants.get(name)
        case ast.FormattedValue(value=value):
            return _text(value, constants) or BLANK
        case ast.JoinedStr(values=values):
            return "".join(_text(value, constants) or "" for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first, second = _text(left, constants), _text(right, constants)
            return None if first is None or second is None else first + second
    return None
