"""Files that are served below the resource: read once, plain and compressed."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256

from ..dialects.base import Route
from ..refusal import Header, Refusal
from ..server.http.request import Request
from ..wire.accept_encoding import accepts_gzip

__all__ = ["File", "Files"]

_TAG = re.compile(r'(?:W/)?("[^"]*")')


class Files:
    """Some files at some addresses. Only what is in here is served, so no path leads elsewhere.

    Args:
        resource: the option of this name.
        files: the files by their names below the resource.
    """

    def __init__(self, resource: str, files: Mapping[str, File]) -> None:
        self._files = dict(files)
        self._routes = {f"/{resource}/{name}": Route(name, "", "") for name in files}

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


class File:
    """One file, plain and compressed.

    Args:
        data: what is in it.
        content_type: its content type.
        headers: more headers of the answer.
    """

    __slots__ = ("_content_type", "_gzip", "_gzip_tag", "_headers", "_plain", "_plain_tag")

    def __init__(self, data: bytes, content_type: str, headers: Sequence[Header] = ()) -> None:
        self._content_type = content_type
        self._headers = headers
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
            *self._headers,
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
