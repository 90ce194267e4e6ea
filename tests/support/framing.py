"""A second implementation of the framing, as a browser would see it: over UTF-16 code units."""

TRICKY = [
    "",
    "~m~",
    "~m~5~m~hello",
    "~",
    "~x~",
    "a\rb",
    "a\nb",
    "a\r\nb",
    "a\x00b",
    "line\u2028separator",
    "paragraph\u2029separator",
    "</script><!--",
    "é",
    "😀",
    "a😀~m~1~m~😀b",
    "\ufeffbom",
    "&=+%20 %",
    "\ud7ff\ue000\uffff\U00010000\U0010ffff",
]


def encode(*messages: str) -> str:
    return "".join(f"~m~{len(text.encode('utf-16-le')) // 2}~m~{text}" for text in messages)


def decode(payload: str) -> list[str]:
    units = payload.encode("utf-16-le")
    mark = "~m~".encode("utf-16-le")
    messages = []
    while units:
        assert units.startswith(mark), payload
        length, _, units = units[len(mark) :].partition(mark)
        size = 2 * int(length.decode("utf-16-le"))
        assert size <= len(units), payload
        messages.append(units[:size].decode("utf-16-le"))
        units = units[size:]
    return messages
