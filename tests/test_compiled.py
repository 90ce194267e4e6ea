"""The rules for compiled modules, and when the package is compiled."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from support.processes import ROOT

from sockio_gevent.compiled import FORM, mypyc_attr, trait
from sockio_gevent.wire import packet

# Bases that the compiler knows. It would give any other class, and its subclass, one layout
# too many.
KNOWN = {"Enum", "Exception", "Generic", "NamedTuple", "Protocol", "ValueError"}


def setup(*arguments: str, **variables: str) -> str:
    """Run ``setup.py``, and return what it says."""
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout + done.stderr


@cache
def compiled_modules() -> list[Path]:
    program = "import sys; sys.argv[1:] = ['--version']; import setup; print(*setup.sources())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "SOCKIO_PURE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [ROOT / name for name in done.stdout.splitlines()[-1].split()]


def classes() -> Iterator[tuple[Path, ast.ClassDef]]:
    for path in compiled_modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                yield path, node


def test_a_compiled_class_extends_only_what_the_compiler_knows() -> None:
    names = {node.name for _, node in classes()}
    wrong = [
        f"{path.name}: {node.name}({ast.unparse(base)})"
        for path, node in classes()
        for base in node.bases
        if ast.unparse(base).partition("[")[0] not in names | KNOWN
        and "@mypyc_attr(native_class=False)" not in ast.unparse(node)
    ]
    assert wrong == []


def test_no_compiled_class_extends_a_class_of_a_library_without_types() -> None:
    wrong = []
    for path in compiled_modules():
        tree = ast.parse(path.read_text())
        untyped = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("gevent")
            for alias in node.names
        }
        wrong += [
            f"{path.name}: {node.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            and any(ast.unparse(base).partition(".")[0] in untyped for base in node.bases)
        ]
    assert wrong == []


def test_two_exceptions_in_one_compiled_function_have_two_names() -> None:
    wrong = []
    for path in compiled_modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                kinds: dict[str, set[str]] = {}
                for each in ast.walk(node):
                    if isinstance(each, ast.ExceptHandler) and each.name and each.type:
                        kinds.setdefault(each.name, set()).add(ast.unparse(each.type))
                wrong += [f"{path.name}: {node.name}" for kind in kinds.values() if len(kind) > 1]
    assert wrong == []


def test_no_compiled_class_is_an_abstract_base_class() -> None:
    # Compiled classes share the cache of the first one, so isinstance() would be wrong.
    wrong = [
        node.name for _, node in classes() for base in node.bases if "ABC" in ast.unparse(base)
    ]
    assert wrong == []


def test_a_trait_has_no_slots_of_its_own() -> None:
    # In pure Python, a class with two bases that have slots cannot be made; and without the
    # declaration its objects would have a dictionary.
    traits = [node for _, node in classes() if "trait" in map(ast.unparse, node.decorator_list)]
    assert traits
    assert [node.name for node in traits if "__slots__ = ()" not in ast.unparse(node)] == []


def test_the_form_is_that_of_the_modules_that_run() -> None:
    assert packet.__file__.endswith(".py") == (FORM == "pure")


def test_pure_python_needs_nothing_of_the_compiler() -> None:
    @mypyc_attr(allow_interpreted_subclasses=True)
    class Plain:
        pass

    assert trait(Plain) is Plain
    assert Plain.__name__ == "Plain"


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"SOCKIO_PURE": "1"}, "the variable SOCKIO_PURE is set"),
        ({"SOCKIO_PURE": "0", "CC": "no-such-compiler"}, "there is no C compiler 'no-such"),
    ],
    ids=["asked for", "no compiler"],
)
def test_a_build_that_cannot_compile_says_why(
    variables: dict[str, str], reason: str, tmp_path: Path
) -> None:
    said = setup("build_ext", "--build-lib", str(tmp_path), **variables)
    assert f"pure Python, not compiled: {reason}" in said
    assert list(tmp_path.rglob("*.so")) == []
