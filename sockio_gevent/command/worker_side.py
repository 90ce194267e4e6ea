"""What a worker and its parent tell each other: by a pipe, and by ending.

The worker tells when it serves, and which source files it has imported. It stops when its parent
has ended, whatever ended it.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from contextlib import suppress
from typing import Any

__all__ = ["READY", "WorkerSide", "split"]

#: What a worker tells when it serves; anything else that it tells is the path of a file.
READY = b""

_SEPARATOR = b"\0"


class WorkerSide:
    """The parent, as a worker sees it.

    Args:
        parent: the number of the parent process.
        told: the end of the pipe to write to.
        life: the end of a pipe which is at its end when the parent has ended.
    """

    def __init__(self, parent: int, told: int, life: int) -> None:
        self.parent = parent
        self._told = told
        self._life = life
        self._watcher: Any = None

    def watch(self) -> None:
        """Stop this process when the parent has ended. Call it when everything is patched."""
        import gevent

        os.set_blocking(self._life, False)
        self._watcher = gevent.get_hub().loop.io(self._life, 1, ref=False)
        self._watcher.start(self._ended)

    def _ended(self) -> None:
        self._watcher.stop()
        os.kill(os.getpid(), signal.SIGTERM)

    def ready(self) -> None:
        """This process serves now."""
        self._tell(*self._files(), READY)

    def failed(self, error: BaseException) -> None:
        """This process cannot serve."""
        files = self._files()
        if isinstance(error, SyntaxError) and error.filename is not None:
            files.add(os.fsencode(error.filename))
        for frame, _ in traceback.walk_tb(error.__traceback__):
            files.add(os.fsencode(frame.f_code.co_filename))
        self._tell(*files)

    def _files(self) -> set[bytes]:
        modules = list(sys.modules.values())
        found = {getattr(module, "__file__", None) for module in modules}
        return {os.fsencode(path) for path in found if path}

    def _tell(self, *what: bytes) -> None:
        with suppress(OSError):  # the parent has ended
            data = b"".join(each + _SEPARATOR for each in what)
            while data:
                data = data[os.write(self._told, data) :]


def split(data: bytes) -> tuple[list[bytes], bytes]:
    """What a worker has told, and the rest, which is not complete."""
    *told, rest = data.split(_SEPARATOR)
    return told, rest
