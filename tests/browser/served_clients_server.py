"""A server for pages that load the served clients: it sends each message to all.

``/?script=<name>`` is a page with that file, and ``/module`` one that imports the module.
"""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import parse_qs

from gevent.pywsgi import WSGIServer

import sockio_gevent as io

_MODULE = "import {io} from '/socket.io/socket.io.esm.min.js'; window.io = io;"


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=UTF-8")])
    script = f"<script type=module>{_MODULE}</script>"
    if environ["PATH_INFO"] != "/module":
        name = parse_qs(environ["QUERY_STRING"])["script"][0]
        script = f"<script src=/socket.io/{name}></script>"
    return [f"<!doctype html><title>page</title>{script}".encode()]


server = WSGIServer(("127.0.0.1", 0), application, log=None)
socket = io.listen(server, client_directory=sys.argv[1], flash_policy_port=None, log=False)
socket.on("clientMessage", lambda message, client: socket.send(message))
server.start()
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
