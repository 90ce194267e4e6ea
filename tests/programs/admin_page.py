"""A server with the admin page, and with pages of clients for it to watch.

``/?script=<name>`` is a page with one of the served clients. ``join`` is an event of the clients.
"""

from gevent import monkey

monkey.patch_all()  # for Redis

import argparse
from typing import Any
from urllib.parse import parse_qs

from gevent.pywsgi import WSGIServer

import sockio_gevent as io

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--client", required=True, help="the folder of the browser client")
parser.add_argument("--page", required=True, help="the folder of the admin page")
parser.add_argument("--mode", default="development")
parser.add_argument("--name", default="server")
parser.add_argument("--cluster", help="the option of this name")
arguments = parser.parse_args()


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=UTF-8")])
    (name,) = parse_qs(environ["QUERY_STRING"]).get("script", ["socket.io.js"])
    return [f"<!doctype html><title>page</title><script src=/socket.io/{name}></script>".encode()]


server = WSGIServer(("127.0.0.1", arguments.port), application, log=None)
socket = io.listen(
    server,
    client_directory=arguments.client,
    cluster=arguments.cluster,
    flash_policy_port=None,
    log=print,
)
socket.instrument(
    auth={"username": "admin", "password": "secret"},
    mode=arguments.mode,
    server_id=arguments.name,
    ui_directory=arguments.page,
)


@socket.on("join")
def join(client: io.Client, room: str) -> str:
    client.join(room)
    return "joined"


server.start()
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
