"""A server for pages under test: an empty page with a client file, and answers to tricky strings.

A text is answered with {"is": its place in TRICKY, or -1}, and {"ask": place}
with the text itself, so that each direction is checked alone. To {"later":
seconds} it says "later", but not before three heartbeats have been echoed.
{"note": text} is logged. {"end": 1}
ends the session, and {"close": 1} the listener. To {"who": 1} it says what the client has shown
when it connected.

Pages with the cookie "out" are refused with the status and the text of --refuse.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import gevent
from gevent.pywsgi import WSGIServer
from support.framing import TRICKY

import sockio_gevent as io
from sockio_gevent.client import session_of
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--client", help="serve this file as /client.js")
parser.add_argument("--resource", default="socket.io")
parser.add_argument("--handshake", default="plain")
parser.add_argument("--origins", default="*:*")
parser.add_argument("--transports", help="those that are enabled, with commas between")
parser.add_argument("--refuse", type=int, default=401)
parser.add_argument("--deflate", default="false", help="per_message_deflate, as JSON")
parser.add_argument("--send-away", action="store_true", help="end each session as it begins")
arguments = parser.parse_args()
logging.basicConfig(level=logging.INFO, stream=sys.stdout)


def application(environ, start_response):
    if environ["PATH_INFO"] == "/client.js":
        start_response("200 OK", [("Content-Type", "text/javascript; charset=UTF-8")])
        return [Path(arguments.client).read_bytes()]
    script = "/client.js" if arguments.client else f"/{arguments.resource}/socket.io.js"
    start_response("200 OK", [("Content-Type", "text/html; charset=UTF-8")])
    return [f"<!doctype html><title>page</title><script src={script}></script>".encode()]


# Many heartbeats, and time for their echoes: the browser may be busy.
streaming = ("websocket", "server-events", "flashsocket", "htmlfile", "xhr-multipart")
times = {name: {"heartbeat_interval": 0.3, "timeout": 60} for name in streaming}

enabled = arguments.transports.split(",") if arguments.transports else KNOWN_TRANSPORTS


def authorize(environ):
    if "out=1" in environ.get("HTTP_COOKIE", ""):
        raise io.Refusal(arguments.refuse, "log in first")
    return True


server = WSGIServer(("127.0.0.1", arguments.port), application, log=None)
socket = io.listen(
    server,
    resource=arguments.resource,
    origins=arguments.origins,
    handshake=arguments.handshake,
    flash_policy_port=None,
    transports=enabled,
    authorize=authorize,
    max_buffer=64 * 1024 * 1024,
    transport_options=times,
    per_message_deflate=json.loads(arguments.deflate),
)


def send_later(client):
    # The fourth is sent when the third has been echoed. Polling has none.
    while client.connected and client.transport in times and session_of(client)._heartbeats < 4:
        gevent.sleep(0.02)
    client.send("later")


@socket.on("connection")
def connection(client):
    if arguments.send_away:
        client.disconnect()


@socket.on("clientMessage")
def message(value, client):
    if isinstance(value, str):
        client.send({"is": TRICKY.index(value) if value in TRICKY else -1})
    elif "ask" in value:
        client.send(TRICKY[value["ask"]])
    elif "note" in value:
        logging.info("note %s", value["note"])
    elif "close" in value:
        gevent.spawn(socket.close)
    elif "end" in value:
        client.disconnect()
    elif "who" in value:
        client.send({"auth": client.auth, "query": client.environ["QUERY_STRING"]})
    elif "later" in value:
        gevent.spawn_later(value["later"], send_later, client)
    else:
        client.send(value)


server.start()
print(f"http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
