"""A Flask program: started by itself, or by the command flask."""

from gevent import monkey

monkey.patch_all()

import argparse

from flask import Flask, current_app, request, session

import sockio_gevent as io

app = Flask(__name__)
app.secret_key = "for tests"
socket = io.listen(app)


@app.get("/")
def index():
    return f"hello from {current_app.import_name}"


@app.post("/login")
def login():
    session["name"] = request.form["name"]
    return "welcome"


@socket.on("connection")
def connected(client):
    with current_app.request_context(client.environ):
        client.send(f"hello, {session.get('name', 'stranger')}")


@socket.on("clientMessage")
def message(text, client):
    client.send(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--debug", action="store_true")
    options = parser.parse_args()
    app.run(port=options.port, debug=options.debug, use_reloader=False)
