"""A certificate for localhost in files, and the TLS context of clients that trust it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import gevent.ssl
import trustme


class Certificate:
    """Issued by an authority that only the tests know.

    Attributes:
        keyfile: the file of its private key.
        certfile: its own file.
        arguments: both, for a command line.
    """

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert("localhost")
        self.keyfile = folder / "key.pem"
        self.certfile = folder / "certificate.pem"
        self.arguments = [f"--keyfile={self.keyfile}", f"--certfile={self.certfile}"]
        issued.private_key_pem.write_to_path(str(self.keyfile))
        issued.cert_chain_pems[0].write_to_path(str(self.certfile))
        self._context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority.configure_trust(self._context)

    def wrap(self, socket: Any) -> Any:
        """Put TLS round the socket of a client."""
        return self._context.wrap_socket(socket, server_hostname="localhost")
