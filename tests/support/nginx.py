"""nginx with the configuration of the documentation, in front of another server."""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .missing import missing
from .ports import reserve
from .servers import Server
from .waiting import wait_until

CONFIGURATION = Path(__file__).parents[2] / "docs/nginx.conf"

# Many configurations have this in place of the map.
EVERY_REQUEST_SAYS_UPGRADE = (
    "proxy_set_header Connection $sockio_connection;",
    'proxy_set_header Connection "upgrade";',
)

# One upstream after the other, with connections that are kept.
ROUND_ROBIN = {
    "    hash $remote_addr consistent;\n": "    keepalive 8;\n",
    '    ""      close;': '    ""      "";',
}

# Debian's nginx.conf, with all paths in one folder and without privileges.
MAIN = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush on;
    gzip on;
    include conf.d/*.conf;
}
"""


def find_nginx() -> str:
    """Find the program; if it is missing, the test is skipped or fails."""
    # Debian keeps it in a folder that only root has in its path.
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    return shutil.which("nginx", path=path) or missing("no nginx on the path or in /usr/sbin")


class Nginx(Server):
    """nginx; what it has printed is what the server behind it has.

    Args:
        folder: where it runs.
        certificate: for its TLS.
        upstreams: the servers behind it.
        changes: what is written in place of a part of the configuration.
        configuration: its file.
        tls: whether clients are to speak TLS; it can do both at once.
    """

    proxied = True

    def __init__(
        self,
        folder: Path,
        certificate: Any,
        *upstreams: Server,
        changes: Mapping[str, str] = MappingProxyType({}),
        tls: bool = False,
        configuration: Path = CONFIGURATION,
    ) -> None:
        self.upstream = upstreams[0]
        # No other program gets these ports until nginx has them.
        self._reserved = [reserve(), reserve()]
        plain_port, tls_port = (each.getsockname()[1] for each in self._reserved)
        servers = "".join(f"server 127.0.0.1:{each.port};" for each in upstreams)
        text, count = re.subn(r"(?m)^    server \S+:\d+;", servers, configuration.read_text())
        assert count == 1
        used_here = {"listen 80;": f"listen 127.0.0.1:{plain_port};"}
        if "ssl" in text:
            used_here |= {
                "listen 443 ssl;": f"listen 127.0.0.1:{tls_port} ssl;",
                "/etc/ssl/certs/example.com.pem": str(certificate.certfile),
                "/etc/ssl/private/example.com.key": str(certificate.keyfile),
            }
        for written, used in (*used_here.items(), *changes.items()):
            assert text.count(written) == 1, written
            text = text.replace(written, used)
        (folder / "conf.d").mkdir()
        (folder / "conf.d/sockio.conf").write_text(text)
        (folder / "nginx.conf").write_text(MAIN)
        command = [find_nginx(), "-p", str(folder), "-c", "nginx.conf"]
        super().__init__(command, folder, certificate=certificate if tls else None)
        self.port = tls_port if tls else plain_port

    def listening(self) -> Nginx:
        """Wait until it accepts connections."""

        def listens() -> bool:
            assert self.process.poll() is None, f"nginx does not run: {self}"
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except ConnectionRefusedError:
                return False
            return True

        wait_until(listens, "nginx listens", self)
        for each in self._reserved:
            each.close()
        return self

    def found(self, pattern: str) -> list[re.Match[str]]:
        """The lines of the server behind it that match."""
        return self.upstream.found(pattern)

    def problems(self) -> list[str]:
        """The lines of both that no operator wants to see."""
        return super().problems() + self.upstream.problems()
