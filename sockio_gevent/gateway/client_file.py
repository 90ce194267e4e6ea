"""The file of the browser client, served at ``/socket.io/socket.io.js``."""

from __future__ import annotations

import gzip
import re
from functools import cache
from hashlib import sha256
from importlib.resources import files

from ..server.http.request import Request
from ..wire.accept_encoding import accepts_gzip

__all__ = ["ClientFile", "client_file"]

_TAG = re.compile(r'(?:W/)?("[^"]*")')


class ClientFile:
    """The file, plain and compressed, read once and kept."""

    def __init__(self) -> None:
        self._plain = files("sockio_gevent").joinpath("static/socket.io.js").read_bytes()
        self._gzip = gzip.compress(self._plain, mtime=0)
        # Strong tags name exact bytes, so each encoding has its own (RFC 9110 section 8.8.3).
        digest = sha256(self._plain).hexdigest()[:32]
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
        headers.append(("Content-Type", "text/javascript; charset=UTF-8"))
        headers.append(("Content-Length", str(len(body))))
        request.start_response("200 OK", headers)
        return [] if request.method == "HEAD" else [body]


@cache
def client_file() -> ClientFile:
    """The file that all listeners serve."""
    return ClientFile()
