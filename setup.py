"""The compiled form of the package: all metadata is in setup.cfg.

``pip install .`` compiles the modules below with mypyc where a C compiler is at hand. Each of
them stays plain Python, and the same source runs without a compiler. Without one, with
``SOCKIO_PURE=1``, and in an editable install, whose modules are meant to be changed, nothing
is compiled.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
NAME = "sockio_gevent"
# The version that the tests have compiled with; another one may compile something else.
COMPILER = "mypy == 2.4.1"

# What lies on the way of messages. Not command/, testing/, ext/ and mounting/, which take no
# time, and not the classes that applications or gevent extend.
FOLDERS = ("wire", "dialects", "session", "transports", "gateway", "hub", "server/stream")
FILES = (
    "acknowledgements.py",
    "connecting.py",
    "event_handlers.py",
    "handlers.py",
    "kept.py",
    "monitoring/reasons.py",
    "monitoring/statistics.py",
    "options/hosts.py",
    "options/listener_options.py",
    "options/origins.py",
    "options/transport_options.py",
    "recovery.py",
    "returning.py",
    "rooms.py",
    "space.py",
    "server/http/environ.py",
    "server/http/later_answer.py",
    "server/http/plain_answer.py",
    "server/http/plain_connection.py",
    "server/http/push_back.py",
    "server/http/request.py",
    "server/http/request_body.py",
    "server/http/timeouts.py",
    "server/http/upgrade.py",
)
# They extend classes of gevent and gevent-websocket, which the compiler does not know.
LEFT_OUT = (
    "server/stream/websocket.py",
    "session/handler_timeout.py",
    # Its types are checked by the option's own rules.
    "wire/websocket_extensions.py",
)


def say(text: str) -> None:
    """Tell who builds the package what becomes of it."""
    sys.stderr.write(f"{NAME}: {text}\n")


def obstacle() -> str:
    """Why the package cannot be compiled here; empty if it can."""
    if os.environ.get("SOCKIO_PURE", "0") not in ("", "0"):
        return "the variable SOCKIO_PURE is set"
    if any(word in sys.argv for word in ("editable_wheel", "develop")):
        return "an editable install is not compiled"
    if platform.python_implementation() != "CPython":
        return "only CPython runs compiled modules"
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if not shutil.which(compiler):
        return f"there is no C compiler {compiler!r}"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "the C headers of Python are missing (on Debian: the package python3-dev)"
    return ""


def sources() -> list[str]:
    """The modules to compile."""
    package = ROOT / NAME
    found = [package / file for file in FILES]
    for folder in FOLDERS:
        found += sorted((package / folder).glob("*.py"))
    left_out = {package / file for file in LEFT_OUT}
    wanted = [path for path in found if path.name != "__init__.py" and path not in left_out]
    return [str(path.relative_to(ROOT)) for path in wanted]


def extensions() -> list[Any]:
    """The compiled modules; none if they cannot be made here."""
    problem = obstacle()
    if not problem:
        try:
            from mypyc.build import mypycify
        except ImportError:
            problem = f"mypyc is not installed ({COMPILER})"
    if problem:
        say(f"pure Python, not compiled: {problem}")
        return []
    # No strict checks: they are made elsewhere, and the libraries of this package are not
    # installed where it is built.
    options = ["--config-file=", "--ignore-missing-imports"]
    # More than 1 takes twice as long, and makes nothing faster.
    level = os.environ.get("SOCKIO_OPTIMIZATION", "1")
    made: list[Any] = mypycify(
        [*options, *sources()], opt_level=level, debug_level="0", group_name=NAME
    )
    if os.name == "posix":
        for extension in made:
            # The compiler of Python indents its code further and further, and GCC would look at
            # that for twice as long as it takes for all else.
            extension.extra_compile_args.append("-Wno-misleading-indentation")
    return made


class BuildOrGoOn(build_ext):
    """Compiles, and leaves the package pure where that fails."""

    def finalize_options(self) -> None:
        """Run a C compiler on each processor, if nobody says how many.

        One module has all the code. The others, one for each Python module, only open it, and are
        made meanwhile.
        """
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count()

    def run(self) -> None:
        """Compile all modules or none."""
        try:
            super().run()
        except Exception as error:
            say(f"pure Python, not compiled: the C compiler has failed: {error}")
            self.extensions = []
            for made in (*Path(self.build_lib).rglob("*.so"), *Path(self.build_lib).rglob("*.pyd")):
                made.unlink()


# The build asks for its requirements first. Then nothing is compiled yet.
asks = any(word in sys.argv for word in ("egg_info", "dist_info", "sdist"))
setup(
    setup_requires=[] if obstacle() else [COMPILER],
    ext_modules=[] if asks else extensions(),
    cmdclass={"build_ext": BuildOrGoOn},
)
