"""The stories for the workers of gunicorn, which tell each other by files who has gone."""

from __future__ import annotations

import sys
from pathlib import Path
from time import monotonic
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parents[1]))

import gevent
from story_server import nothing_else, tell_engineio_stories, tell_stories

import sockio_gevent as io


class GoneByFile:
    """An event of all workers."""

    def __init__(self, name: str) -> None:
        self._file = Path(f"gone-{quote(name, safe='')}")

    def set(self) -> None:
        self._file.touch()

    def wait(self, seconds: float) -> bool:
        end = monotonic() + seconds
        while not self._file.exists() and monotonic() < end:
            gevent.sleep(0.01)
        return self._file.exists()


class Gone(dict[str, GoneByFile]):
    """The events of all sessions that may go."""

    def __missing__(self, name: str) -> GoneByFile:
        return GoneByFile(name)


TRANSPORTS = ("xhr-polling", "websocket", "jsonp-polling")

stories = io.listen(nothing_else, transports=TRANSPORTS)
tell_stories(stories, Gone())
bare = {"resource": "engine.io", "dialects": ("classic", "engine.io")}
engineio = io.listen(stories, transports=TRANSPORTS, **bare)
tell_engineio_stories(engineio, Gone())
application = engineio
