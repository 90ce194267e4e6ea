"""What importing the package does, and which module may import which."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

import sockio_gevent

PACKAGE = Path(sockio_gevent.__file__).parent
HEAVY = ["ssl", "gevent.pywsgi", "geventwebsocket", "http.client", "argparse"]
HEAVY += ["sockio_gevent.admin", "sockio_gevent.command", "sockio_gevent.testing"]

AFTER_IMPORT = """
import json, sys
before = set(sys.modules)
import sockio_gevent
new = sorted(set(sys.modules) - before)
import _socket, socket
monkey = sys.modules.get("gevent.monkey")
print(json.dumps({
    "modules": new,
    "patched": sorted(monkey.saved) if monkey else [],
    "socket": socket.socket.__module__,
    "create_connection": socket.create_connection.__module__,
}))
"""
BEFORE_PATCHING = """
import json, warnings
import sockio_gevent
from gevent import monkey
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    monkey.patch_all()
print(json.dumps([str(warning.message) for warning in caught]))
"""


def run(program: str) -> Any:
    command = [sys.executable, "-c", program]
    return json.loads(subprocess.check_output(command, cwd=PACKAGE.parent, timeout=120))


@pytest.fixture(scope="module")
def imported() -> Any:
    return run(AFTER_IMPORT)


def test_importing_patches_nothing(imported: Any) -> None:
    assert imported["patched"] == []
    assert imported["socket"] == "socket"
    assert imported["create_connection"] == "socket"


@pytest.mark.parametrize("module", HEAVY)
def test_importing_leaves_heavy_modules_alone(module: str, imported: Any) -> None:
    assert "sockio_gevent" in imported["modules"]
    assert module not in imported["modules"]


def test_patching_after_the_import_raises_no_warning() -> None:
    assert run(BEFORE_PATCHING) == []


def test_importing_the_command_line_patches_nothing() -> None:
    program = AFTER_IMPORT.replace("import sockio_gevent", "import sockio_gevent.__main__")
    assert "sockio_gevent.command" in run(program)["modules"]
    assert run(program)["patched"] == []


def module_names() -> dict[str, Path]:
    names = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


MODULES = module_names()


def imports_of(source: str, module: str, is_package: bool = False) -> Iterator[str]:
    """All imports of a module, also those for typing and inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            up = node.level - is_package
            base = parts[: len(parts) - up] if node.level else []
            origin = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                yield inner if inner in MODULES else origin


@cache
def imports(module: str) -> frozenset[str]:
    path = MODULES[module]
    return frozenset(imports_of(path.read_text(), module, path.name == "__init__.py"))


def within(module: str, names: set[str]) -> bool:
    """Whether a module is one of these, or inside one."""
    parts = module.split(".")
    return any(".".join(parts[: i + 1]) in names for i in range(len(parts)))


WIRE = "sockio_gevent.wire"
OUTSIDE = {"gevent", "geventwebsocket", "greenlet", "select", "selectors", "socket", "ssl", "time"}
# From the bottom to the top: a module or a folder imports only what stands in a row before
# its own. A module that is not listed here fails a test.
LAYERS = [
    {"compiled", "version"},
    {"wire"},
    {"errors", "hub", "refusal"},
    {"monitoring"},
    {"options"},
    {"cluster", "events", "ext"},
    {"dialects", "server"},
    {"transports"},
    {"session"},
    {"mounting"},
    {"gateway"},
    {"kept"},
    {"recovery", "rooms"},
    {"acknowledgements", "elsewhere"},
    {"space"},
    {"asking", "server_side"},
    {"target"},
    {"client_facts", "remote_client"},
    {"client"},
    {"clients"},
    {"namespace"},
    {"namespaces", "returning"},
    {"adapters", "connecting", "event_handlers"},
    {"handlers"},
    {"admin"},
    {"attachment"},
    {"listener"},
    {"testing"},
    {"command", "ext.flask_socketio"},
    {"__main__"},
]


# It is for applications, and is written upon the public names only.
FLASK_SOCKETIO = "ext.flask_socketio"
PUBLIC = {"sockio_gevent", "sockio_gevent.testing"}


def part_of(module: str) -> str:
    """The module, or the folder that it is in, that stands in a layer."""
    inner = module.partition(".")[2]
    if within(inner, {FLASK_SOCKETIO}):
        return FLASK_SOCKETIO
    return inner.partition(".")[0]


def layer_of(module: str) -> int:
    """The row in which a module, or the folder that it is in, stands."""
    name = part_of(module)
    return next(number for number, layer in enumerate(LAYERS) if name in layer)


def test_each_module_stands_in_one_layer() -> None:
    names = sorted({part_of(module) for module in MODULES if module != "sockio_gevent"})
    assert sorted(name for layer in LAYERS for name in layer) == names


@pytest.mark.parametrize("module", [name for name in MODULES if name != "sockio_gevent"])
def test_a_module_imports_nothing_from_its_own_layer_or_above(module: str) -> None:
    own = part_of(module)
    others = {
        name
        for name in imports(module) - {"sockio_gevent"}
        if name in MODULES and part_of(name) != own
    }
    upward = {name for name in others if layer_of(name) >= layer_of(module)}
    assert not upward, f"{module} imports {upward}"


@pytest.mark.parametrize("module", [name for name in MODULES if within(name, {WIRE})])
def test_pure_modules_import_neither_gevent_nor_sockets(module: str) -> None:
    assert not {name for name in imports(module) if within(name, OUTSIDE)}


def test_no_module_imports_the_package_that_all_are_in() -> None:
    importers = [name for name in MODULES if "sockio_gevent" in imports(name)]
    assert [name for name in importers if part_of(name) != FLASK_SOCKETIO] == []


@pytest.mark.parametrize("module", [name for name in MODULES if part_of(name) == FLASK_SOCKETIO])
def test_the_api_of_flask_socketio_imports_public_names_only(module: str) -> None:
    ours = {name for name in imports(module) if within(name, {"sockio_gevent"})}
    assert {name for name in ours if part_of(name) != FLASK_SOCKETIO} <= PUBLIC
    # An underscore before a name of another object than itself.
    private = re.findall(
        r"\b(?!self\b|client\b|session\b)\w+\._[a-z]\w*", MODULES[module].read_text()
    )
    assert set(private) <= {"socketio._dispatch", "werkzeug._reloader"}


def test_no_imports_go_in_a_circle() -> None:
    graph = {name: {other for other in imports(name) if other in MODULES} for name in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {error.args[1]}")


@pytest.mark.parametrize(
    ("source", "module", "found"),
    [
        ("import socket", "client", "socket"),
        ("import os, gevent.event as e", "client", "gevent.event"),
        ("from gevent import spawn", "client", "gevent"),
        ("from .listener import Listener", "client", "sockio_gevent.listener"),
        ("from . import listener", "client", "sockio_gevent.listener"),
        ("from ..client import Client", "wire.payload", "sockio_gevent.client"),
        ("from ..wire import classic", "server.request", "sockio_gevent.wire.classic"),
        ("def f():\n from ..client import Client", "wire.payload", "sockio_gevent.client"),
        ("if TYPE_CHECKING:\n from .client import X", "options", "sockio_gevent.client"),
        ("from sockio_gevent.client import X", "wire.form", "sockio_gevent.client"),
        ("from sockio_gevent import client", "wire.form", "sockio_gevent.client"),
    ],
)
def test_the_check_finds_every_kind_of_import(source: str, module: str, found: str) -> None:
    assert found in set(imports_of(source, f"sockio_gevent.{module}"))


def test_imports_of_a_package_are_resolved_inside_it() -> None:
    found = set(imports_of("from .base import Transport", "sockio_gevent.transports", True))
    assert found == {"sockio_gevent.transports.base"}
