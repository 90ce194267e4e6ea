"""The engine that follows the code: atheris, in a process of its own for each harness.

Run as a program, it is that process: ``python -m fuzzing.guided <harness> …``,
followed by arguments of libFuzzer.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from .harnesses import load
from .inputs import LONGEST, REGRESSIONS, first_inputs

__all__ = ["is_installed", "run"]

_SLOWEST = 10  # seconds for one input
_MEMORY = 1024  # MiB
_COUNT = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


def is_installed() -> bool:
    """Whether atheris is there."""
    return find_spec("atheris") is not None


def run(name: str, seconds: float, folder: Path = REGRESSIONS) -> tuple[int, list[Path]]:
    """Check inputs for so long.

    Args:
        name: the name of the harness.
        seconds: how long.
        folder: the inputs that find something are kept below it.

    Returns:
        How many inputs there were, and the files of those that found something.
    """
    kept = folder / name
    kept.mkdir(parents=True, exist_ok=True)
    before = set(kept.iterdir())
    with tempfile.TemporaryDirectory() as temporary:
        corpus, tokens = Path(temporary, "corpus"), Path(temporary, "tokens")
        corpus.mkdir()
        harness = load(name)
        for number, data in enumerate(first_inputs(name, harness, folder)):
            (corpus / str(number)).write_bytes(data)
        tokens.write_text("".join(f'"{_escaped(token)}"\n' for token in harness.TOKENS))
        command = [
            *(sys.executable, "-m", "fuzzing.guided", name),
            f"-max_total_time={max(1, round(seconds))}",
            f"-max_len={LONGEST}",
            f"-timeout={_SLOWEST}",
            f"-rss_limit_mb={_MEMORY}",
            f"-dict={tokens}",
            f"-artifact_prefix={kept}/",
            "-print_final_stats=1",
            str(corpus),
        ]
        process = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace")
    counted = _COUNT.search(process.stderr)
    found = sorted(set(kept.iterdir()) - before)
    if process.returncode or counted is None:
        # Without its lines about progress.
        lines = process.stderr.splitlines(keepends=True)
        sys.stderr.writelines(line for line in lines if not line.startswith(("#", "INFO")))
    if counted is None and not found:
        raise RuntimeError(f"atheris has ended with {process.returncode}")
    if not any(kept.iterdir()):
        kept.rmdir()
    return 0 if counted is None else int(counted[1]), found


def _escaped(token: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in token)


def _main() -> None:
    import atheris

    name = sys.argv.pop(1)
    # Modules that were loaded before are not followed, so all are loaded here.
    with atheris.instrument_imports(include=["sockio_gevent"]):
        check = load(name).check
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    _main()
