"""Messages of Engine.IO both ways, over each transport of both versions."""

from __future__ import annotations

import json
import zlib

import pytest
from support.engineio import (
    ALL,
    JSONP,
    POLLING,
    Base64,
    Kind,
    Polling,
    WebSocket,
    open_session,
    wait_polling,
)
from support.framing import TRICKY
from support.http import Ended
from support.waiting import wait_until

kinds = pytest.mark.parametrize("kind", ALL, ids=repr)
polls = pytest.mark.parametrize("kind", POLLING, ids=repr)
plain = pytest.mark.parametrize("version", [4, 3])

BINARY = [b"", b"\x00", b"\x04", b"4\xff\x1e", bytes(range(256)), b"\xf0" * 5000]


@kinds
def test_any_text_is_echoed_as_it_is(engine_echo, kind):
    served = engine_echo()
    opened, _ = open_session(served, kind)
    for text in TRICKY:
        opened.send(text)
        assert opened.receive() == text
    assert [event[1] for event in served.happened("message")] == TRICKY


@kinds
def test_bytes_are_echoed_as_bytes(engine_echo, kind):
    served = engine_echo()
    opened, _ = open_session(served, kind)
    for data in BINARY:
        opened.send(data)
        assert opened.receive() == data
    seen = [event[1] for event in served.happened("message")]
    assert seen == BINARY
    assert {type(each) for each in seen} == {bytes}


@kinds
def test_text_and_bytes_in_one_payload_keep_their_order(engine_echo, kind):
    opened, _ = open_session(engine_echo(), kind)
    messages = ["one", b"\x01\x02", "😀", b"", "\u2028", *TRICKY]
    opened.send(*messages)
    assert [opened.receive() for _ in messages] == messages


@kinds
def test_what_is_sent_before_a_read_comes_in_order(engine, kind):
    opened, client = open_session(engine(), kind)
    for number in range(50):
        client.send(str(number) if number % 3 else bytes([number]))
    received = [opened.receive() for _ in range(50)]
    assert received == [str(number) if number % 3 else bytes([number]) for number in range(50)]


@kinds
def test_a_waiting_client_gets_a_message_at_once(engine, kind):
    opened, client = open_session(engine(), kind)
    if opened.name != "websocket":
        opened.begin_poll()
        wait_polling(client)
    client.send("now")
    assert opened.packet() == "4now"


@kinds
def test_json_values_are_sent_as_their_text(engine, kind):
    opened, client = open_session(engine(), kind)
    client.send({"a": [1, None, "é"]})
    assert json.loads(opened.receive()) == {"a": [1, None, "é"]}


@kinds
def test_a_large_message_goes_both_ways(engine_echo, kind):
    opened, _ = open_session(engine_echo(), kind)
    for message in ("é" * 150_000, bytes(range(256)) * 800):
        opened.send(message)
        assert opened.receive() == message


@kinds
def test_a_broadcast_reaches_the_others_whatever_they_speak(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    others = [open_session(served, each)[0] for each in ALL]
    client.broadcast("to the others")
    client.send("to you")
    assert opened.receive() == "to you"
    assert [each.receive() for each in others] == ["to the others"] * len(others)
    served.listener.broadcast(b"\x00\x01")
    assert [each.receive() for each in [opened, *others]] == [b"\x00\x01"] * (len(others) + 1)


# The forms of payloads.


@polls
def test_a_post_is_answered_with_ok_as_html(engine, kind):
    opened, _ = open_session(engine(), kind)
    answer = opened.send("hello")
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.headers["content-type"] == "text/html; charset=UTF-8"
    assert "no-store" in answer.headers["cache-control"]


def poll(opened):
    """The bare answer to a poll."""
    opened.begin_poll()
    return opened.get.finish()


def test_polls_of_version_3_are_text_as_long_as_all_clients_read_that_alike(engine):
    opened, client = open_session(engine(), Kind(Polling, 3))
    client.send("text")
    answer = poll(opened)
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    assert answer.text == "5:4text"
    client.send("é")
    answer = poll(opened)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.body == b"\x00\x03\xff4\xc3\xa9"
    client.send("é")
    client.send(b"\x01")
    answer = poll(opened)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.body == b"\x00\x03\xff4\xc3\xa9\x01\x02\xff\x04\x01"


def test_a_client_without_binary_payloads_says_so_once_or_each_time(engine):
    served = engine()
    opened, client = open_session(served, Kind(Base64, 3))
    opened.more_query = ""  # the session was opened with it
    client.send(b"\x01\x02\x03")
    answer = poll(opened)
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    assert answer.text == "6:b4AQID"
    opened, client = open_session(served, Kind(Polling, 3))
    client.send(b"\x01\x02\x03")
    opened.more_query = "&b64=1"
    assert poll(opened).text == "6:b4AQID"


def test_packets_of_version_4_are_separated(engine):
    opened, client = open_session(engine(), Polling)
    client.send("é")
    client.send(b"\x01\x02\x03")
    client.send("")
    answer = poll(opened)
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    assert answer.body == "4é\x1ebAQID\x1e4".encode()


@plain
def test_jsonp_calls_the_function_of_the_page(engine, version):
    opened, client = open_session(engine(), Kind(JSONP, version))
    client.send("</script>\u2028")
    opened.more_query = "&j=123"
    answer = poll(opened)
    payload = "4\\u003c/script\\u003e\\u2028"
    assert answer.text == f'___eio[123]("{"" if version == 4 else "11:"}{payload}");'
    assert answer.headers["content-type"] == "text/javascript; charset=UTF-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


@plain
def test_line_breaks_in_a_form_of_jsonp_are_told_from_backslashes(engine_echo, version):
    opened, _ = open_session(engine_echo(), Kind(JSONP, version))
    for text in ("a\nb", "a\\nb", "\\", "\n\n\\n"):
        opened.send(text)
        assert opened.receive() == text


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", "", "x/y"])
def test_a_payload_of_version_4_is_text_whatever_its_content_type(engine_echo, kind):
    opened, _ = open_session(engine_echo(), Polling)
    assert opened.put_body("4é".encode(), kind).status == 200
    assert opened.receive() == "é"


# Compression.


@polls
@pytest.mark.parametrize("message", ["text" * 1000, bytes(range(256)) * 10], ids=["text", "bytes"])
def test_a_large_poll_is_compressed_for_a_client_that_takes_it(engine, kind, message):
    opened, client = open_session(engine(), kind)
    opened.get._headers = {"Accept-Encoding": "gzip, deflate"}
    client.send(message)
    answer = poll(opened)
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(answer.body)
    answer.body = zlib.decompress(answer.body, 16 + zlib.MAX_WBITS)
    packet = message if isinstance(message, bytes) else f"4{message}"
    assert opened.decode(answer) == [packet]


@polls
@pytest.mark.parametrize("accepted", [None, "deflate", "gzip;q=0", "identity"])
def test_a_large_poll_is_not_compressed_for_others(engine, kind, accepted):
    opened, client = open_session(engine(), kind)
    opened.get._headers = {} if accepted is None else {"Accept-Encoding": accepted}
    client.send("text" * 1000)
    answer = poll(opened)
    assert "content-encoding" not in answer.headers
    assert opened.decode(answer) == ["4" + "text" * 1000]


@polls
def test_a_small_poll_is_not_compressed(engine, kind):
    opened, client = open_session(engine(), kind)
    opened.get._headers = {"Accept-Encoding": "gzip"}
    client.send("text" * 200)
    assert "content-encoding" not in poll(opened).headers


def test_a_long_poll_is_compressed_in_pieces(engine):
    opened, client = open_session(engine(), Polling)
    opened.get._headers = {"Accept-Encoding": "gzip"}
    message = "".join(str(number) for number in range(60_000))
    client.send(message)
    answer = poll(opened)
    assert zlib.decompress(answer.body, 16 + zlib.MAX_WBITS).decode() == f"4{message}"


# Ends.


@kinds
def test_a_client_can_close_its_session(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    opened.send("last words")
    opened.leave()
    served.wait("disconnect")
    assert served.wait("message")[1] == "last words"
    assert not client.connected
    assert served.listener.stats()["closes"]["client_closed"] == 1


@polls
def test_a_close_packet_answers_the_waiting_poll(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    opened.begin_poll()
    wait_polling(client)
    assert opened.put("1").status == 200
    assert opened.finish_poll() == ["6"]
    served.wait("disconnect")
    with pytest.raises(Ended, match="400"):
        opened.packet()


@plain
def test_a_close_packet_closes_a_websocket(engine, version):
    served = engine()
    opened, _ = open_session(served, Kind(WebSocket, version))
    opened.put("1")
    assert opened.wait_closed() == 1000
    served.wait("disconnect")
    assert served.listener.stats()["closes"]["client_closed"] == 1


@kinds
def test_what_follows_a_close_packet_is_not_taken(engine, kind):
    served = engine()
    opened, _ = open_session(served, kind)
    opened.put("4before", "1", "4after")
    served.wait("disconnect")
    assert [event[1] for event in served.happened("message")] == ["before"]


@kinds
def test_the_application_can_disconnect_a_client_and_its_last_words_arrive(engine, kind):
    served = engine()
    opened, client = open_session(served, kind)
    if opened.name != "websocket":
        opened.begin_poll()
        wait_polling(client)
    client.send("last words")
    client.disconnect()
    assert opened.receive() == "last words"
    with pytest.raises(Ended, match=r"close packet|1000"):
        opened.receive()
    served.wait("disconnect")
    assert not client.connected
    wait_until(lambda: not served.listener.clients)


@kinds
def test_a_mistake_ends_the_session_and_messages_before_it_arrive(engine, kind):
    served = engine()
    opened, _ = open_session(served, kind)
    answer = opened.put("4before", "0", "4after")
    served.wait("disconnect")
    assert [event[1] for event in served.happened("message")] == ["before"]
    served.wait_line("protocol error: no packet: '0'")
    assert served.listener.stats()["closes"]["protocol_error"] == 1
    if opened.name == "websocket":
        assert opened.wait_closed() == 1002
    else:
        assert answer.status == 400


@polls
@pytest.mark.parametrize("body", [b"", b"x", b"\xff", b"d=", b"99:4a"], ids=repr)
def test_a_bad_payload_ends_the_session(engine, kind, body):
    served = engine()
    opened, client = open_session(served, kind)
    answer = opened.put_body(body)
    assert answer.status == 400
    assert json.loads(answer.body)["code"] == 3
    served.wait("disconnect")
    assert served.happened("message") == []
    assert not client.connected
    with pytest.raises(Ended, match="400"):
        opened.packet()
