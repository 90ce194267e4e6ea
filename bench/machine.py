"""The machine: its facts, and which cores the servers and the load use."""

from __future__ import annotations

import os
import platform
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cores", "cpu_model", "facts", "pinned", "raise_file_limit"]


@dataclass(frozen=True)
class Cores:
    """A core for the servers and one for the load.

    Attributes:
        server: its number; ``None`` where processes cannot be pinned.
        load: the same.
    """

    server: int | None
    load: int | None

    @classmethod
    def choose(cls) -> Cores:
        """Two of the cores that this process may use, on different hardware if possible."""
        if not hasattr(os, "sched_setaffinity"):
            return cls(None, None)
        # The last first: the lower numbers get more of the interrupts.
        load, *others = sorted(os.sched_getaffinity(0))
        if not others:
            return cls(load, load)
        apart = [core for core in others if core not in siblings(load)]
        return cls((apart or others)[-1], load)

    @property
    def shared(self) -> bool:
        """Whether both are the same."""
        return self.server is not None and self.server == self.load

    @property
    def problem(self) -> str:
        """Why figures are less exact on this machine, if they are."""
        if self.server is None:
            return "processes cannot be pinned to a core on this system: figures may wander"
        if self.shared:
            return "there is only one core: server and load share it, all figures are lower"
        if self.server in siblings(self.load or 0):
            return "both cores share their hardware: figures are lower and wander"
        return ""


def siblings(core: int) -> set[int]:
    """The numbers of the cores that share their hardware with this one, itself included."""
    path = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    try:
        parts = [part.partition("-") for part in path.read_text().strip().split(",")]
    except OSError:
        return {core}
    return {
        number for first, _, last in parts for number in range(int(first), int(last or first) + 1)
    }


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Within this context, this thread and the processes that it starts run on one core."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def raise_file_limit(wanted: int) -> int:
    """Allow this process and those that it starts so many open files.

    Returns:
        How many are allowed then; perhaps fewer.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit


def cpu_model() -> str:
    """The name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def facts(cores: Cores) -> dict[str, str]:
    """The facts about the machine that a reader of the figures should know."""
    pinning = f"server on core {cores.server}, load on core {cores.load}"
    return {
        "processor": f"{cpu_model()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}",
        "cores": "not pinned" if cores.server is None else pinning,
        "load": f"uvloop on {platform.python_implementation()} {platform.python_version()}",
    }
