"""Random streams of requests, as many clients and some attackers send them."""

from __future__ import annotations

from random import Random

from .fast_path import PATH

METHODS = ["GET", "GET", "GET", "POST", "POST", "POST", "OPTIONS", "PUT", "DELETE", "HEAD", "X-Y"]
TARGETS = [
    PATH,
    PATH,
    PATH,
    f"{PATH}?a=b&c",
    f"{PATH}?",
    "/page",
    "/page/%41%2f%C3%A9?x=%20",
    "/",
    "//page",
    f"http://example.com{PATH}",
    "http://example.com:8080?x",
    "HTTPS://[::1]/page",
    "*",
]
LINES = [
    "Host: a",
    "host: example.com:8080",
    "Connection: keep-alive",
    "Connection: keep-alive",
    "Connection: close",
    "Connection: upgrade",
    "Connection: keep-alive, Upgrade",
    "Upgrade: h2c",
    "Upgrade: websocket",
    "X-A: b",
    "X-A:",
    "X-A:\tb c\t ",
    "X-A: voil\xc3\xa0",
    "X_A: b",
    "X.A!: b",
    "Cookie: a=b",
    "Cookie: c=d; e",
    "Content-Type: text/plain",
    "Accept: */*",
    "Expect: something",
]
# A request that is hidden in a body, in the hope that a server reads it.
HIDDEN = [b"", b"abc", b"\r\n", b"0\r\n\r\n", f"GET {PATH} HTTP/1.1\r\n\r\n".encode()]
SALT = [bytes([each]) for each in b"\r\n\t :;,%+-_0\0\x0b\x1c\x7f\x80\x85\xa0\xffaA/?#"]
SALT += [b"", b"\r\n", b"\n\n", b"\r\r\n", b" \r\n", b"\r\n ", b"HTTP/1.1", b"chunked"]


def stream(random: Random) -> bytes:
    """All bytes of one connection; about a half of the streams are well formed."""
    data = bytearray().join(_request(random) for _ in range(random.randint(1, 6)))
    for _ in range(random.choice([0, 0, 0, 1, 1, 2])):
        at = random.randrange(len(data) + 1)
        end = at + random.choice([0, 0, 1, 2])
        data[at:end] = random.choice([*SALT, bytes(data[at:end]) * 2])
    if not random.randrange(10):
        del data[random.randrange(len(data) + 1) :]
    return bytes(data)


def segments(random: Random, data: bytes) -> list[bytes]:
    """The same in one or several parts, which come one after another."""
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.choice([0, 0, 1, 2, 5])))
    return [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def _request(random: Random) -> bytes:
    method, target = random.choice(METHODS), random.choice(TARGETS)
    version = random.choice(["1.1"] * 9 + ["1.0"])
    lines = random.sample(LINES, random.randint(0, 4))
    body = b""
    match random.choice(["none", "length", "length", "chunks", "chunks", "both"]):
        case "length" if method != "HEAD":
            body = random.choice(HIDDEN) * random.choice([1, 1, 2, 400])
            lines.append(f"Content-Length: {len(body)}")
        case "chunks" if version == "1.1":
            lines.append(random.choice(["Transfer-Encoding: chunked", "transfer-encoding:Chunked"]))
            body = _chunks(random)
        case "both" if not random.randrange(20):
            lines += ["Content-Length: 5", "Transfer-Encoding: chunked"]
            body = b"0\r\n\r\n"
    random.shuffle(lines)
    head = "\r\n".join([f"{method} {target} HTTP/{version}", *lines, "", ""])
    return head.encode("latin-1") + body


def _chunks(random: Random) -> bytes:
    chunks = b""
    for _ in range(random.randint(0, 3)):
        chunk = random.choice(HIDDEN[1:])
        size = random.choice([b"%x", b"%X", b"000%x", b"%x;a=b", b'%x;a="\t\xe9"']) % len(chunk)
        chunks += size + b"\r\n" + chunk + b"\r\n"
    return chunks + random.choice([b"0\r\n", b"00\r\n", b"0;a\r\n", b"0\r\nX-B: c\r\n"]) + b"\r\n"
