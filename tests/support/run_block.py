"""Run a Python block of the documentation; with ``-m``, in a process of its own.

A block that does not import ``sockio_gevent`` is a fragment: it finds ``io``,
``gevent`` and a WSGI application ``app``. Setups and checks find all of
``block_helpers`` besides. Nothing is imported before a block that is none, so
that it may be one that patches the standard library.
"""

from __future__ import annotations

import builtins
import re
import sys
from typing import Any

from support.documentation import ROOT, Block, blocks

# Names whose use changes the whole process.
_OWN_PROCESS = re.compile(r"\b(monkey|django|signal)\b")


def needs_process(block: Block) -> bool:
    """Whether the block must not run in the process of the tests."""
    return bool(_OWN_PROCESS.search(block.setup + block.text))


def run(block: Block) -> None:
    """Run a block and its check; without one, clients try what it serves.

    Servers of the block listen on free ports, and do not serve for ever. A
    setup that defines ``port`` has a server that the block is to talk to.
    """
    names: dict[str, Any] = {"__name__": "block"}
    if "import sockio_gevent" not in block.text:
        from support import block_helpers

        names |= {name: vars(block_helpers)[name] for name in ("io", "gevent", "app")}
    if block.setup:
        _execute(block.setup, names, f"{block} (setup)", helped=True)
    code = re.sub(r"\b8(080|443)\b", str(names.get("port", 0)), block.text)
    _execute(code.replace(".serve_forever()", ".start()"), names, str(block))
    from support import block_helpers

    with block_helpers.cleaning_up(names):
        if block.check:
            _execute(block.check, names, f"{block} (check)", helped=True)
        else:
            block_helpers.exercise(names)


def _execute(code: str, names: dict[str, Any], name: str, helped: bool = False) -> None:
    if helped:
        from support import block_helpers

        names["__builtins__"] = {**vars(builtins), **vars(block_helpers)}
    exec(compile(code, name, "exec", dont_inherit=True), names)
    names["__builtins__"] = builtins


if __name__ == "__main__":
    _, place, line = sys.argv
    (wanted,) = [block for block in blocks(ROOT / place) if block.line == int(line)]
    run(wanted)
