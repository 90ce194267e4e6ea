"""python-socketio on gevent, as its documentation deploys it, with handlers called in place."""

from __future__ import annotations

import socketio
from gevent.pywsgi import WSGIServer
from geventwebsocket.handler import WebSocketHandler
from listening import announce, listen


def main() -> None:
    """Serve until killed."""
    listener = listen()
    # Handlers that do not block need no greenlet a message.
    socket = socketio.Server(async_mode="gevent", async_handlers=False, http_compression=False)

    @socket.on("message")
    def message(sid: str, text: str) -> None:
        if text.startswith("all"):
            socket.send(text, skip_sid=sid)
        else:
            socket.send(text, to=sid)

    @socket.on("binary")
    def binary(sid: str, data: bytes) -> None:
        socket.emit("binary", data, to=sid)

    application = socketio.WSGIApp(socket)
    server = WSGIServer(listener, application, log=None, handler_class=WebSocketHandler)
    server.start()
    announce(listener, "python-socketio", "gevent", "gevent-websocket")
    server.serve_forever()


if __name__ == "__main__":
    main()
