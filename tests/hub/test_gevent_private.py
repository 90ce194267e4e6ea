"""Private parts of gevent stand in one module, and a gevent that lacks one is told of."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import gevent
import pytest
from gevent import pywsgi, socket, ssl
from geventwebsocket.handler import WebSocketHandler
from geventwebsocket.websocket import WebSocket
from support.missing import missing

import sockio_gevent as io
from sockio_gevent.hub import gevent_private
from sockio_gevent.server.http.install import _BYPASSED

PACKAGE = Path(io.__file__).parent
ONLY_HERE = "hub/gevent_private.py"
OTHERS = ("bench", "example", "fuzzing", "tests")  # folders beside the package

# Attributes of other things that begin with an underscore, too.
ALLOWED = {
    "_add_cookies_to_wsgi",  # of werkzeug's client for tests
    "_get_current_object",  # of werkzeug's proxies
    "_ClientFacts__own_of",  # of our own classes, as Python mangles it; so are the next ones
    "_ClientFacts__peek",
    "_ClientFacts__session_of",
    "_ClientFacts__space",
    "_ClientFacts__space_of",
    "_Emitter__forget_handlers",
    "_Emitter__handlers",
    "_Emitter__handlers_of",
    "_delete",  # of threading.Thread
    "_exit",  # of os
    "_getframe",  # of sys
    "_replace",  # of named tuples
    "_run_worker",  # of hupper's Reloader
    "_signals",  # the same
}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def private_names_of(*classes: type) -> set[str]:
    """Private attributes of classes, those that only their methods give to objects included."""
    found = set()
    for base in {base for each in classes for base in each.__mro__ if base is not object}:
        found.update(vars(base))
        for function in vars(base).values():
            code = getattr(function, "__code__", None)
            found.update(names_in(code) if isinstance(code, CodeType) else ())
    return {name for name in found if is_private(name)}


@cache
def names_of_gevent() -> set[str]:
    hub = gevent.get_hub()
    return private_names_of(
        socket.socket,
        ssl.SSLSocket,
        pywsgi.Input,
        pywsgi.WSGIHandler,
        pywsgi.WSGIServer,
        WebSocketHandler,
        WebSocket,
        gevent.Greenlet,
        type(hub),
        type(hub.loop),
    )


@cache
def inheritable() -> set[str]:
    """Private names of a handler, a body and what they inherit from."""
    return private_names_of(pywsgi.Input, WebSocketHandler)


def defined_names(tree: ast.AST) -> set[str]:
    """What a module gives to its own objects."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def imports_from(tree: ast.AST) -> Iterator[str]:
    """What is imported of gevent's private modules, and private names of the others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith("gevent._"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gevent":
            whole = (node.module or "").startswith("gevent._")
            yield from (each.name for each in node.names if whole or is_private(each.name))


def is_own(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def classes_of(trees: Iterable[ast.AST]) -> dict[str, set[str]]:
    """The names of the classes of modules, and those of their bases."""
    return {
        node.name: {each.id for each in node.bases if isinstance(each, ast.Name)}
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }


def inheriting(classes: dict[str, set[str]]) -> set[str]:
    """The names of classes that inherit from a handler or body of gevent."""
    found = {"Input", "WSGIHandler", "WebSocketHandler"}
    while more := {name for name, bases in classes.items() if bases & found} - found:
        found |= more
    return found


def uses(source: str, own: set[str], classes: dict[str, set[str]]) -> set[str]:
    """The private names of others that a module uses.

    Args:
        source: the text of the module.
        own: private names that this project gives to its own objects. One of them
            counts only if gevent has the same name.
        classes: the classes of this project, and their bases.
    """
    tree = ast.parse(source)
    found = set(imports_from(tree))
    heirs = inheriting(classes | classes_of([tree]))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and not is_own(node.value):
            if node.attr in names_of_gevent() or node.attr not in own:
                found.add(node.attr)
        elif isinstance(node, ast.ClassDef) and node.name in heirs:
            used = {
                inner.attr
                for inner in ast.walk(node)
                if isinstance(inner, ast.Attribute) and is_own(inner.value)
            }
            found |= (used | defined_names(node)) & inheritable()
    return found


MODULES = {str(path.relative_to(PACKAGE)): path for path in PACKAGE.rglob("*.py")}


@cache
def names_and_classes() -> tuple[set[str], dict[str, set[str]]]:
    """What the modules of this project give to their own objects, and their classes."""
    trees = [ast.parse(path.read_text()) for path in MODULES.values()]
    return set[str]().union(*map(defined_names, trees)), classes_of(trees)


def inherited_by(file: str) -> set[str]:
    names = gevent_private.INHERITED.get(file, ())
    return {name.rpartition(".")[2] for name in names}


@pytest.mark.parametrize("file", sorted(MODULES))
def test_only_one_module_names_private_parts(file: str) -> None:
    if file != ONLY_HERE:
        source = MODULES[file].read_text()
        assert uses(source, *names_and_classes()) - ALLOWED == inherited_by(file)


def test_files_that_inherit_private_parts_exist() -> None:
    assert set(gevent_private.INHERITED) <= set(MODULES)


@pytest.mark.parametrize("folder", OTHERS)
def test_nothing_else_imports_a_private_part(folder: str) -> None:
    # Not beside the package, which may be installed elsewhere.
    paths = list((Path(__file__).parents[2] / folder).rglob("*.py"))
    assert paths
    for path in paths:
        assert not set(imports_from(ast.parse(path.read_text()))), path


@pytest.mark.parametrize(
    "source",
    [
        "import gevent._socket3",
        "from gevent._hub_local import get_hub",
        "from gevent.pywsgi import _NoopLog",
        "def f():\n    from gevent.pywsgi import _NoopLog",
        "socket._sock.recv(1)",
        "self._socket._sslobj",
        "server._timer = None",
        "something._of_a_new_version()",
        "class Handler(WSGIHandler):\n    def f(self):\n        self._sendall(b'')",
        "class Handler(FastHandler):\n    _headers = None",
        "class Body(Input):\n    def _do_read(self): ...",
    ],
)
def test_no_way_to_use_a_private_part_is_overlooked(source: str) -> None:
    assert uses(source, *names_and_classes())


@pytest.mark.parametrize(
    "source",
    [
        "self._timer = None",
        "listener._gateway.answer()",
        "class Handler(WSGIHandler):\n    _plain_ones = True",
    ],
)
def test_what_is_this_projects_own_is_no_private_part(source: str) -> None:
    assert not uses(source, {"_gateway"}, names_and_classes()[1])


def test_tls_sockets_have_their_private_part() -> None:
    ours, theirs = socket.socketpair()
    with theirs, ours:
        assert not gevent_private.is_encrypted(ours)
        encrypted: Any = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(
            ours, do_handshake_on_connect=False, server_hostname="localhost"
        )
        assert gevent_private.is_encrypted(encrypted)
        assert gevent_private.tls_object(encrypted).pending() == 0
        encrypted.close()


def watched() -> set[int]:
    """The files that the loop has its epoll object watch."""
    lines = Path(f"/proc/self/fdinfo/{gevent.get_hub().loop.fileno()}").read_text().splitlines()
    return {int(line.split()[1]) for line in lines if line.startswith("tfd:")}


def test_the_loop_forgets_a_socket_that_another_process_has() -> None:
    if gevent.get_hub().loop.backend != "epoll":
        missing("what an epoll object watches")
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(b"x")
        gevent_private.wait_readable(ours)
        number = ours.fileno()
        assert number in watched()
        # As if another process had it: epoll forgets a file when the last copy is closed.
        with socket.socket(fileno=os.dup(number)):
            gevent_private.forget_descriptor(ours)
            assert number not in watched()
            ours.close()
            # The next socket gets the number, and is watched like any other.
            again, other = socket.socketpair()
            with again, other:
                for each, peer in ((again, other), (other, again)):
                    peer.sendall(b"y")
                    assert each.recv(1) == b"y"


def test_a_socket_that_the_loop_has_never_watched_is_forgotten_too() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        gevent_private.forget_descriptor(ours)


def test_the_fast_path_knows_the_methods_of_a_handler_by_their_names() -> None:
    assert [name for name in _BYPASSED if not hasattr(pywsgi.WSGIHandler, name)] == []


LACKING = """
import json
import gevent
from gevent import pywsgi, socket
del {part}
try:
    import sockio_gevent
    sockio_gevent.listen(pywsgi.WSGIServer(("127.0.0.1", 0), print))
except ImportError as error:
    print(json.dumps([gevent.__version__, str(error)]))
"""


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("socket.socket.__base__._wait", "gevent.socket.socket._wait"),
        ("gevent._hub_local.get_hub_if_exists", "gevent._hub_local.get_hub_if_exists"),
        ("pywsgi._InvalidClientInput", "gevent.pywsgi._InvalidClientInput"),
        ("pywsgi.WSGIHandler._sendall", "gevent.pywsgi.WSGIHandler._sendall"),
    ],
)
def test_a_gevent_without_a_part_is_named_together_with_one_that_has_it(
    part: str, named: str
) -> None:
    command = [sys.executable, "-c", LACKING.format(part=part)]
    output = subprocess.check_output(command, cwd=PACKAGE.parent, timeout=120)
    version, text = json.loads(output)
    assert text.startswith(f"gevent {version} has no {named}, which sockio_gevent needs. ")
    assert text.endswith(f": pip install 'gevent{gevent_private.TESTED}'")
