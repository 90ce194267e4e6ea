"""Checks what a release consists of, and installs each part in a fresh environment.

``tox -e package`` runs it. The compiled wheel is installed in the environment that runs this
script; the archive of the sources and the pure wheel get environments of their own.

Usage: ``python tests/support/try_package.py <folder> <other>``, with the archive and the pure
wheel in the folder, and the compiled wheel in the other one, from which it is copied
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from importlib.metadata import version
from pathlib import Path

from trove_classifiers import classifiers

ROOT = Path(__file__).resolve().parents[2]
SMOKE = Path(__file__).with_name("smoke.py")
# What the package needs when it runs, besides its modules.
STATIC = {"py.typed", "static/socket.io.js", "static/socket.io.d.ts"}
NOT_RELEASED = {".gitignore"}


def only(folder: Path, pattern: str) -> Path:
    """The one file of a folder whose name is like this."""
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise SystemExit(f"not one {pattern} in {folder}: {found}")
    return found[0]


def check_sources(archive: Path) -> None:
    """Check that the archive has all files of the project."""
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    missing = set(listed.stdout.split()) - names - NOT_RELEASED
    if missing:
        raise SystemExit(f"{archive.name} lacks {sorted(missing)}: see MANIFEST.in")


def check_wheel(wheel: Path, *, compiled: bool) -> None:
    """Check the files and the metadata of a wheel."""
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
        (path,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        metadata = message_from_bytes(opened.read(path))
    package = {name.partition("/")[2] for name in names if name.startswith("sockio_gevent/")}
    if not package >= STATIC:
        raise SystemExit(f"{wheel.name} lacks {sorted(STATIC - package)}: see setup.cfg")
    if {name.partition("/")[0] for name in names if name.endswith(".py")} != {"sockio_gevent"}:
        raise SystemExit(f"{wheel.name} has modules of other packages")
    if any(name.endswith(".so") for name in names) != compiled:
        raise SystemExit(f"{wheel.name} is {'not ' * compiled}compiled")
    unknown = set(metadata.get_all("Classifier", [])) - classifiers
    if unknown:
        raise SystemExit(f"{wheel.name} has unknown classifiers: {sorted(unknown)}")


def try_fresh(part: Path) -> None:
    """Install a part in an environment of its own, and run it there."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        python = f"{folder}/bin/python"
        install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
        # The compiled form was tried already, and takes long to make.
        environ = {**os.environ, "SOCKIO_PURE": "1"}
        subprocess.run([*install, "--no-compile", part], check=True, env=environ)
        smoke(python, "pure")


def smoke(python: str, form: str) -> None:
    """Run what is installed there, with nothing of the checkout in its path."""
    done = subprocess.run([python, "-I", SMOKE, form], stdout=subprocess.PIPE, check=True)
    said = json.loads(done.stdout)
    print(f"{form}: {said}")


def main(folder: Path, other: Path) -> None:
    """Check all parts."""
    name = f"sockio_gevent-{version('sockio_gevent')}"
    sources = only(folder, f"{name}.tar.gz")
    pure = only(folder, f"{name}-py3-none-any.whl")
    compiled = Path(shutil.copy(only(other, f"{name}-cp3*.whl"), folder))
    check_sources(sources)
    check_wheel(pure, compiled=False)
    check_wheel(compiled, compiled=True)
    smoke(sys.executable, "compiled")
    with ThreadPoolExecutor() as threads:
        list(threads.map(try_fresh, (sources, pure)))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
