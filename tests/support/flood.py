"""A client in its own process that sends frames as fast as it can until it is killed."""

from __future__ import annotations

import socket
import sys

port, data = int(sys.argv[1]), bytes.fromhex(sys.argv[2])
client = socket.create_connection(("127.0.0.1", port))
client.sendall(
    b"GET /socket.io/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
client.recv(65536)
data *= 256 * 1024 // len(data)
client.setblocking(False)
print("flooding", flush=True)
position = 0
while True:
    try:
        position += client.send(memoryview(data)[position:])
        position %= len(data)
    except BlockingIOError:
        pass
    try:
        if not client.recv(1024 * 1024):
            break
    except BlockingIOError:
        pass
