"""A program in the style of Flask-SocketIO; in it only the import would differ."""

import argparse
import logging
from threading import Lock

from flask import Flask, copy_current_request_context, request, session

from sockio_gevent.ext.flask_socketio import (
    ConnectionRefusedError,  # noqa: A004 - its name there
    Namespace,
    SocketIO,
    call,
    close_room,
    disconnect,
    emit,
    join_room,
    leave_room,
    rooms,
    send,
)

app = Flask(__name__)
app.config["SECRET_KEY"] = "for tests"
socketio = SocketIO(app, async_mode=None, cors_allowed_origins="*", ping_timeout=60)
lock = Lock()
ticker = None


def tick(start):
    for number in range(start, start + 3):
        socketio.sleep(0)
        socketio.emit("tick", {"number": number})


@app.get("/")
def index():
    return f"async_mode is {socketio.async_mode}"


@app.get("/login/<name>")
def login(name):
    session["name"] = name
    return "welcome"


@app.get("/broken")
def broken():
    raise ZeroDivisionError("broken on purpose")


@socketio.event
def connect(auth):
    global ticker
    if auth and auth.get("token") == "wrong":
        raise ConnectionRefusedError("wrong token", {"try": "again"})
    with lock:
        if ticker is None:
            ticker = socketio.start_background_task(tick, 1)
    emit("welcome", {"name": session.get("name", "stranger"), "sid": request.sid})


@socketio.on("disconnect")
def left(reason):
    socketio.emit("left", {"sid": request.sid, "reason": reason})


@socketio.on("message")
def said(text):
    send(text, broadcast=True)


@socketio.on("json")
def structured(data):
    send(data, json=True)
    return len(data)


@socketio.event
def count(data):
    session["count"] = session.get("count", 0) + data["by"]
    emit("counted", session["count"])


@socketio.event
def join(data):
    join_room(data["room"])
    emit("in", {"rooms": sorted(rooms())}, to=data["room"])


@socketio.event
def leave(data):
    leave_room(data["room"])
    return sorted(rooms())


@socketio.on("close")
def close(data):
    emit("closing", to=data["room"])
    close_room(data["room"])


@socketio.event
def to_others(room, text):
    emit("heard", text, to=room, include_self=False)


@socketio.event
def ask(question):
    return call("question", question, timeout=60)


@socketio.event
def goodbye():
    @copy_current_request_context
    def leave_now():
        disconnect()

    emit("goodbye", callback=leave_now)


@socketio.event
def picture(data):
    emit("picture", data[::-1])


@socketio.on("*")
def other(event, *arguments):
    emit("other", (event, list(arguments)))


class Admin(Namespace):
    def on_connect(self, auth):
        return bool(auth) and auth.get("password") == "secret"

    def on_who(self):
        return request.namespace, self.namespace

    def on_shout(self, text):
        self.emit("shouted", text)

    def on_fail(self):
        raise ValueError("failed on purpose")


socketio.on_namespace(Admin("/admin"))


@socketio.on_error("/admin")
def failed(error):
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--debug", action="store_true")
    parser.add_argument("--reload", action="store_true")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    socketio.run(app, port=options.port, debug=options.debug, use_reloader=options.reload)
