"""Real browsers without a driver: they open an address, and the page reports what happens.

Every name leads to this machine, so pages of several sites come from one
server. Browsers send no ``Sec-Fetch-*`` to names over plain HTTP, which they
do send to ``localhost`` and ``127.0.0.1``.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from gevent.pywsgi import WSGIServer

import sockio_gevent as io

from .http import DEADLINE
from .missing import missing

BROWSERS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "firefox": ("firefox-esr", "firefox"),
}
# The browser looks up no names and fetches nothing elsewhere, and plain HTTP stays plain.
_PREFERENCES = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.security.https_first": False,
    "dom.security.https_only_mode": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disableIPv6": True,
    "network.dns.forceResolve": "127.0.0.1",
    "network.proxy.type": 0,
    "services.settings.server": "data:,",
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


def executable(browser: str, *preferred: str) -> str:
    """Where it is installed; a program that is preferred comes first."""
    programs = (*preferred, *BROWSERS[browser])
    path = next(filter(None, map(shutil.which, programs)), None)
    if path is None:
        missing(f"no {browser}: none of {', '.join(programs)} is on the path")
    return path


def _command(browser: str, folder: Path, url: str) -> list[str]:
    path = executable(browser)
    if browser == "firefox":
        lines = [f"user_pref({json.dumps(n)}, {json.dumps(v)});" for n, v in _PREFERENCES.items()]
        (folder / "user.js").write_text("\n".join(lines))
        return [path, "--headless", "--no-remote", "--profile", str(folder), url]
    return [
        path,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--host-resolver-rules=MAP * 127.0.0.1",
        f"--user-data-dir={folder}",
        url,
    ]


class Visit:
    """A browser that has opened an address.

    Args:
        browser: one of :data:`BROWSERS`.
        folder: an empty folder for what it keeps.
        url: the address.
    """

    def __init__(self, browser: str, folder: Path, url: str) -> None:
        self._process = subprocess.Popen(
            _command(browser, folder, url),
            env={**os.environ, "HOME": str(folder), "MOZ_DISABLE_CONTENT_SANDBOX": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def end(self) -> None:
        """End it and all its processes."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Site:
    """A server with a listener, and with pages of whatever hosts.

    Pages have ``report(what)`` and ``url(host, path)``. What they report
    arrives in the order in which it was sent by one page.

    Args:
        **options: of the listener.

    Attributes:
        pages: the scripts of the pages, by their paths.
        reports: what was reported so far.
    """

    def __init__(self, **options: Any) -> None:
        self.pages: dict[str, str] = {}
        self.headers: list[tuple[str, str]] = []
        self.reports: list[Any] = []
        self.lines: list[str] = []
        self._changed = Event()
        self.server = WSGIServer(("127.0.0.1", 0), self._answer, log=None)
        options = {"log": self.lines.append, "flash_policy_port": None, **options}
        self.listener = io.listen(self.server, **options)
        self.server.start()

    def url(self, host: str, path: str) -> str:
        """The address of something on a host."""
        return f"http://{host}:{self.server.server_port}{path}"

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        path = environ["PATH_INFO"]
        if path == "/report":
            self.reports.append(json.loads(environ["wsgi.input"].read()))
            self._changed.set()
            start_response("204 No Content", [("Access-Control-Allow-Origin", "*")])
            return []
        if path not in self.pages:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return []
        start_response("200 OK", [("Content-Type", "text/html; charset=UTF-8"), *self.headers])
        return [self.html(self.pages[path]).encode()]

    def html(self, script: str) -> str:
        """A page with this script, to be served or kept as a file."""
        return _PAGE.replace("SCRIPT", script).replace("PORT", str(self.server.server_port))

    def wait_report(self, count: int = 1) -> list[Any]:
        """Wait for so many reports; return all that there are."""
        with gevent.Timeout(DEADLINE, AssertionError(f"{self.reports}, {self.lines}")):
            while len(self.reports) < count:
                self._changed.clear()
                self._changed.wait()
        return self.reports

    def stop(self) -> None:
        """Serve no longer."""
        self.listener.close(0.5)
        self.server.stop(1)


_PAGE = """<!doctype html><meta charset=utf-8><title>page</title><body><script>
var url = (host, path) => 'http://' + host + ':PORT' + path;
var report = what => {
  // Waits until it has arrived, so that nothing overtakes it.
  var request = new XMLHttpRequest();
  request.open('POST', url(location.hostname || 'any.test', '/report'), false);
  request.send(JSON.stringify(what));
};
SCRIPT
</script>"""
