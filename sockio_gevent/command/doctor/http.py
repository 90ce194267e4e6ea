"""Requests of the doctor, each over a connection of its own."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from time import monotonic
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

__all__ = ["PATIENCE", "Answer", "Failed", "Place", "Server"]

#: How many seconds an answer may take.
PATIENCE = 10.0
_MOST = 1_000_000  # bytes of an answer
_UNKNOWN_SESSION = 1  # a number of an error of Engine.IO
_NONE: Mapping[str, str] = MappingProxyType({})


class Failed(Exception):
    """There was no answer; the text says why."""


class Place(NamedTuple):
    """Where a server is.

    Attributes:
        secure: whether it speaks TLS.
        host: its name or address.
        port: its port.
        prefix: the path before the resource, without a slash at its end.
    """

    secure: bool
    host: str
    port: int
    prefix: str

    @classmethod
    def parse(cls, url: str) -> Place:
        """Read the address of a page of the application.

        Raises:
            ValueError: if it is not one.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not like 'http://host/' or 'https://host/'")
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        return cls(secure, parts.hostname, port, parts.path.rstrip("/"))

    @property
    def origin(self) -> str:
        """The origin of its pages."""
        usual = self.port == (443 if self.secure else 80)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' * self.secure}://{host}{'' if usual else f':{self.port}'}"


class Answer(NamedTuple):
    """An answer to a request.

    Attributes:
        status: its status.
        headers: its headers, with their names in lower case. Several of one name are lines of one.
        text: its body.
        seconds: how long it took.
    """

    status: int
    headers: dict[str, str]
    text: str
    seconds: float

    @property
    def code(self) -> int | None:
        """The number of an error of Engine.IO; ``None`` if it is none."""
        try:
            told = json.loads(self.text)
        except ValueError:
            return None
        return told.get("code") if isinstance(told, dict) else None

    @property
    def is_misdirected(self) -> bool:
        """Whether the request has come to a process that does not know its session."""
        return self.code == _UNKNOWN_SESSION or self.status == 421

    @property
    def kind(self) -> str:
        """Its content type."""
        return self.headers.get("content-type", "")

    @property
    def said(self) -> str:
        """The status and the beginning of the text, for a sentence."""
        from_page = self.kind.startswith("text/html")
        text = " ".join(self.text.split())[:120]
        server = self.headers.get("server")
        by = f" by {server}" if server else ""
        return f"status {self.status}{by}" + (f": {text}" if text and not from_page else "")


class Server:
    """The server that is examined.

    Args:
        place: where it is.
        resource: the option ``resource`` of its listener.
        insecure: whether its certificate is not checked.
    """

    def __init__(self, place: Place, resource: str, insecure: bool) -> None:
        self.place = place
        self._resource = resource.strip("/")
        self._context: ssl.SSLContext | None = None
        if place.secure:
            self._context = ssl.create_default_context()
            if insecure:
                self._context.check_hostname = False
                self._context.verify_mode = ssl.CERT_NONE

    def path(self, rest: str) -> str:
        """A path below the resource."""
        return f"{self.place.prefix}/{self._resource}/{rest}"

    def connect(self, timeout: float) -> HTTPConnection:
        """A connection that is not used yet."""
        host, port = self.place.host, self.place.port
        if self._context is not None:
            return HTTPSConnection(host, port, timeout=timeout, context=self._context)
        return HTTPConnection(host, port, timeout=timeout)

    def begin(
        self,
        method: str,
        path: str,
        body: str | None = None,
        timeout: float = PATIENCE,
        headers: Mapping[str, str] = _NONE,
    ) -> tuple[HTTPConnection, HTTPResponse]:
        """Send a request, and read the head of the answer.

        Raises:
            Failed: if there is none in time.
        """
        connection = self.connect(timeout)
        try:
            connection.request(method, path, None if body is None else body.encode(), dict(headers))
            return connection, connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            raise Failed(_why(error, timeout)) from None

    def ask(
        self,
        method: str,
        path: str,
        body: str | None = None,
        timeout: float = PATIENCE,
        headers: Mapping[str, str] = _NONE,
    ) -> Answer:
        """Send a request, and read the answer.

        Raises:
            Failed: if there is none in time.
        """
        began = monotonic()
        connection, response = self.begin(method, path, body, timeout, headers)
        try:
            text = response.read(_MOST).decode("utf-8", "replace")
        except (OSError, HTTPException) as error:
            raise Failed(_why(error, timeout)) from None
        finally:
            connection.close()
        named: dict[str, str] = {}
        for name, value in response.getheaders():
            before = named.get(name.lower())
            named[name.lower()] = value if before is None else f"{before}\n{value}"
        return Answer(response.status, named, text, monotonic() - began)


def _why(error: Exception, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing came within {timeout:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    return str(error) or type(error).__name__
