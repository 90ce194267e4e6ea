"""A Bottle program that runs on Bottle's own choice of a gevent server."""

from gevent import monkey

monkey.patch_all()

import argparse
import socket

import bottle
import gevent

import sockio_gevent as io

app = bottle.default_app()
listener = io.listen(app)


@app.get("/")
def index():
    return "hello from Bottle"


@listener.on("clientMessage")
def message(text, client):
    client.send(text)


def announce(port):
    """Print the address once somebody is there: Bottle does so before it listens."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except ConnectionRefusedError:
            gevent.sleep(0.01)
    print(f"http://127.0.0.1:{port}/")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    # Bottle does not tell which port it has taken if it may choose.
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    gevent.spawn(announce, port)
    bottle.run(port=port, server="gevent", quiet=True)
