"""WebSocket clients of other projects: picows and websockets, on asyncio in another thread."""

import asyncio

import gevent
import picows
from support import framing
from support.http import DEADLINE, LONG
from websockets.asyncio.client import connect


def in_a_thread(coroutine):
    """Run asyncio beside the server, which has this thread."""
    with gevent.Timeout(DEADLINE):
        return gevent.get_hub().threadpool.apply(asyncio.run, (coroutine,))


SIZES = [0, 1, 125, 126, 127, 65535, 65536, 300_000]
TEXTS = [*framing.TRICKY, *("x" * size for size in SIZES)]


def test_websockets_agrees(echo):
    served = echo()

    async def session():
        url = f"ws://127.0.0.1:{served.port}/socket.io/websocket"
        patience = {"open_timeout": LONG, "close_timeout": LONG, "ping_interval": None}
        async with connect(url, proxy=None, **patience) as socket:
            await socket.recv()
            received = []
            for text in TEXTS:
                await socket.send(framing.encode(text))
                received += framing.decode(await socket.recv())
            # Fragmented, and many in flight.
            await socket.send(["~m~", "6~m~", "pie", "ces"])
            received += framing.decode(await socket.recv())
            for number in range(1000):
                await socket.send(framing.encode(str(number)))
            for _ in range(1000):
                received += framing.decode(await socket.recv())
            await (await socket.ping())
        return received, socket.close_code

    received, code = in_a_thread(session())
    assert received == [*TEXTS, "pieces", *map(str, range(1000))]
    assert code == 1000


def test_picows_agrees(echo):
    served = echo()

    class Session(picows.WSListener):
        def __init__(self):
            self.received = []
            self.done = asyncio.get_running_loop().create_future()

        def on_ws_frame(self, transport, frame):
            if frame.msg_type == picows.WSMsgType.TEXT:
                self.received += framing.decode(frame.get_payload_as_utf8_text())
                if len(self.received) == 1:
                    for text in TEXTS:
                        transport.send(picows.WSMsgType.TEXT, framing.encode(text).encode())
                    transport.send_ping(b"ping")
            elif frame.msg_type == picows.WSMsgType.PONG:
                self.received.append(frame.get_payload_as_bytes())
            elif frame.msg_type == picows.WSMsgType.CLOSE:
                self.received.append(frame.get_close_code())
                transport.disconnect()
            if len(self.received) == 2 + len(TEXTS):
                transport.send_close(picows.WSCloseCode.OK)

        def on_ws_disconnected(self, transport):
            self.done.set_result(self.received[1:])

    async def session():
        url = f"ws://127.0.0.1:{served.port}/socket.io/websocket"
        patience = {"websocket_handshake_timeout": LONG}
        _, listener = await picows.ws_connect(Session, url, enable_auto_pong=False, **patience)
        return await listener.done

    received = in_a_thread(session())
    assert (
        received == [*TEXTS, b"ping", 1000]
        or received == [b"ping", *TEXTS, 1000]
        or sorted(map(str, received)) == sorted(map(str, [*TEXTS, b"ping", 1000]))
    )
