"""The files of browser clients, served below the resource.

Ours, for classic clients, is ``classic.js``; and ``socket.io.js``, unless the option
``client_directory`` has a file of that name.
"""

from __future__ import annotations

import gzip
import re
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from ..dialects.base import Route
from ..options.client_directory import BUNDLES, CLASSIC, MAIN
from ..options.listener_options import Options
from ..refusal import Refusal
from ..server.http.request import Request
from ..wire.accept_encoding import accepts_gzip

__all__ = ["ClientFiles"]

_SCRIPT = "text/javascript; charset=UTF-8"
_MAP = "application/json"
_TAG = re.compile(r'(?:W/)?("[^"]*")')


class ClientFiles:
    """The files of one listener. Only what is in here is served, so no path leads elsewhere.

    Args:
        options: the options of the listener.
    """

    def __init__(self, options: Options) -> None:
        # Read now: later there may be no file descriptor left.
        found: dict[str, _File] = {}
        if "classic" in options.dialects:
            found[CLASSIC] = found[MAIN] = _own()
        if options.client_directory is not None:
            found.update(_read(Path(options.client_directory)))
        self._files = found
        self._routes = {f"/{options.resource}/{name}": Route(name, "", "") for name in found}

    def match(self, path: str, query: str) -> Route | None:
        """Read an address; ``None`` if there is no file; see :meth:`Dialect.match`."""
        return self._routes.get(path)

    def answer(self, route: Route, request: Request) -> list[bytes]:
        """Answer a request.

        Raises:
            Refusal: if it is neither a GET nor a HEAD.
        """
        if request.method not in ("GET", "HEAD"):
            raise Refusal("405 Method Not Allowed", "GET only", ("Allow", "GET, HEAD"))
        return self._files[route.name].answer(request)

    def refusal(self, refusal: Refusal) -> tuple[str, bytes]:
        """The answer to a refused request: its content type and its body."""
        return "text/plain; charset=UTF-8", refusal.text.encode() + b"\n"


class _File:
    """One file, plain and compressed.

    Args:
        data: what is in it.
        content_type: its content type.
    """

    __slots__ = ("_content_type", "_gzip", "_gzip_tag", "_plain", "_plain_tag")

    def __init__(self, data: bytes, content_type: str) -> None:
        self._content_type = content_type
        self._plain = data
        self._gzip = gzip.compress(data, mtime=0)
        # Strong tags name exact bytes, so each encoding has its own (RFC 9110 section 8.8.3).
        digest = sha256(data).hexdigest()[:32]
        self._plain_tag, self._gzip_tag = f'"{digest}"', f'"{digest}-gzip"'

    def answer(self, request: Request) -> list[bytes]:
        """Answer a GET or HEAD; 304 if the browser has the file already."""
        request.answer_given()
        zipped = accepts_gzip(request.environ.get("HTTP_ACCEPT_ENCODING", ""))
        tag = self._gzip_tag if zipped else self._plain_tag
        body = self._gzip if zipped else self._plain
        headers = [
            ("ETag", tag),
            # The address contains no version. So browsers must ask each time; they
            # usually get a 304.
            ("Cache-Control", "public, no-cache"),
            ("Vary", "Accept-Encoding"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        wanted = request.environ.get("HTTP_IF_NONE_MATCH", "")
        if wanted.strip() == "*" or tag in _TAG.findall(wanted):
            request.start_response("304 Not Modified", headers)
            return []
        if zipped:
            headers.append(("Content-Encoding", "gzip"))
        headers.append(("Content-Type", self._content_type))
        headers.append(("Content-Length", str(len(body))))
        request.start_response("200 OK", headers)
        return [] if request.method == "HEAD" else [body]


@cache
def _own() -> _File:
    """Our own client, which all listeners serve."""
    return _File(files("sockio_gevent").joinpath("static/socket.io.js").read_bytes(), _SCRIPT)


def _read(folder: Path) -> dict[str, _File]:
    """The files of the option ``client_directory``, by their names."""
    found = {}
    for name in BUNDLES:
        file = folder / name
        if file.is_file():
            found[name] = _File(file.read_bytes(), _MAP if name.endswith(".map") else _SCRIPT)
    return found
