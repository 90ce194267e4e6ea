"""python-socketio on uvicorn and uvloop, with handlers called in place."""

from __future__ import annotations

import socketio
import uvicorn
from listening import announce, listen


def main() -> None:
    """Serve until killed."""
    listener = listen()
    # Handlers that do not block need no task a message.
    socket = socketio.AsyncServer(async_mode="asgi", async_handlers=False, http_compression=False)

    @socket.on("message")
    async def message(sid: str, text: str) -> None:
        if text.startswith("all"):
            await socket.send(text, skip_sid=sid)
        else:
            await socket.send(text, to=sid)

    @socket.on("binary")
    async def binary(sid: str, data: bytes) -> None:
        await socket.emit("binary", data, to=sid)

    config = uvicorn.Config(
        socketio.ASGIApp(socket),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="error",
        ws_per_message_deflate=False,
    )
    announce(listener, "python-socketio", "uvicorn", "uvloop", "websockets")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
