"""What mends a proxy, in words and in lines of nginx's configuration."""

from __future__ import annotations

__all__ = [
    "BODY",
    "BUFFERING",
    "COMPRESSION",
    "ORIGIN",
    "OTHER_DIALECT",
    "PATH",
    "SEVERAL",
    "SILENCE",
    "SLASHES",
    "UPGRADE",
    "Advice",
]

#: A sentence, and the lines.
Advice = tuple[str, ...]

#: No mistake: the application does not want these clients.
OTHER_DIALECT = "the server does not take these clients: see its option 'dialects'"

UPGRADE: Advice = (
    "A proxy has to pass the upgrade on, over HTTP/1.1:",
    "proxy_http_version 1.1;",
    "proxy_set_header Upgrade $http_upgrade;",
    'proxy_set_header Connection "upgrade";',
)
BUFFERING: Advice = (
    "A proxy gathers the answer. It has to pass on what comes, and must not ignore the header "
    "X-Accel-Buffering:",
    "proxy_buffering off;",
)
COMPRESSION: Advice = (
    "A proxy compresses the stream, and holds it back until there is enough to compress:",
    "gzip off;",
)
SILENCE: Advice = (
    "A proxy cuts connections that are silent. It has to wait longer than the server is silent:",
    "proxy_read_timeout {seconds:.0f}s;",
)
SEVERAL: Advice = (
    "Requests of one session reach different processes that do not know each other. The option "
    "'cluster' of listen() brings them together; or keep each client on one:",
    "upstream … { hash $remote_addr consistent; … }",
)
ORIGIN: Advice = (
    "The server does not know under which address its pages are. The proxy has to tell it, and "
    "listen() needs trusted_proxies=1; or name the origin in the option 'origins':",
    "proxy_set_header Host $http_host;",
    "proxy_set_header X-Forwarded-Host $http_host;",
    "proxy_set_header X-Forwarded-Proto $scheme;",
)
BODY: Advice = (
    "A proxy takes no large POST. Polling clients send up to six times max_message_size:",
    "client_max_body_size 7m;",
)
SLASHES: Advice = (
    "A proxy changes addresses with two slashes, which released clients of Socket.IO 0.6 use. It "
    "has to leave them alone, or to make one slash of them without a redirect:",
    "merge_slashes off;",
)
PATH: Advice = (
    "Is the address right, with the prefix of the application? Is a listener running there, and "
    "does the proxy pass these addresses on? If it has the option 'resource', say --resource:",
    "location /socket.io/ { proxy_pass http://…; }",
)
