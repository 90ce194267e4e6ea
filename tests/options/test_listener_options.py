"""The options of a listener: defaults, checks, and errors that suggest a name."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import FrozenInstanceError, fields
from functools import partial
from typing import Any

import pytest
from support.labels import label

from sockio_gevent.options import suggestions
from sockio_gevent.options.listener_options import Options
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS, TransportOptions
from sockio_gevent.wire.websocket_extensions import PerMessageDeflate

STREAMING = ["websocket", "flashsocket", "htmlfile", "xhr-multipart", "server-events"]
POLLING = ["xhr-polling", "jsonp-polling"]


def read(**given: Any) -> Options:
    return Options.read(given)


def times(transport: str, **given: Any) -> TransportOptions:
    return read(transport_options={transport: given}).transport_options[transport]


def test_the_defaults_are_those_of_the_protocol_page() -> None:
    options = read()
    assert options.resource == "socket.io"
    assert options.handshake == "plain"
    assert options.origins is None
    assert options.log is None
    assert set(KNOWN_TRANSPORTS) - set(options.transports) == {"jsonp-polling"}
    assert sorted(options.transport_options) == sorted(STREAMING + POLLING)
    assert sorted(KNOWN_TRANSPORTS) == sorted(STREAMING + POLLING)


@pytest.mark.parametrize("transport", STREAMING)
def test_a_stream_has_heartbeats_and_is_not_kept_without_a_connection(transport: str) -> None:
    assert read().transport_options[transport] == TransportOptions(10.0, 8.0, 0.0, None)


@pytest.mark.parametrize("transport", POLLING)
def test_polling_has_no_heartbeats_but_an_end_of_each_poll(transport: str) -> None:
    defaults = read().transport_options[transport]
    assert defaults.heartbeat_interval is None
    assert defaults.close_timeout == 8.0
    assert defaults.duration == 20.0


def test_options_cannot_be_changed_later() -> None:
    with pytest.raises(FrozenInstanceError):
        read().resource = "other"  # type: ignore[misc]


GOOD: list[tuple[str, Any, Any]] = [
    ("resource", "live", "live"),
    ("resource", "/live/", "live"),
    ("resource", "a/b-c_d.e~f", "a/b-c_d.e~f"),
    ("transports", ["xhr-polling"], ("xhr-polling",)),
    ("transports", ("xhr-polling", "websocket"), ("xhr-polling", "websocket")),
    ("transports", ["websocket", "websocket"], ("websocket",)),
    ("log", None, None),
    ("log", False, False),
    ("log", True, True),
    ("log", print, print),
    ("log", logging.getLogger("mine"), logging.getLogger("mine")),
    ("origins", None, None),
    ("origins", "*:*", "*:*"),
    ("origins", ["https://a.com"], ["https://a.com"]),
    ("origins", ("self", "null"), ("self", "null")),
    ("origins", {"self"}, {"self"}),
    ("origins", isinstance, isinstance),
    ("hosts", None, None),
    ("hosts", "example.com", "example.com"),
    ("hosts", ["a.com:80", "*.a.com"], ["a.com:80", "*.a.com"]),
    ("hosts", {"[::1]"}, {"[::1]"}),
    ("authorize", None, None),
    ("authorize", bool, bool),
    ("authorize", print, print),
    ("same_peer", None, None),
    ("same_peer", False, None),
    ("same_peer", "address", "address"),
    ("same_peer", "cookie:sid", "cookie:sid"),
    ("same_peer", "cookie:__Host-sid", "cookie:__Host-sid"),
    ("same_peer", id, id),
    ("handshake", "plain", "plain"),
    ("handshake", "json", "json"),
    ("per_message_deflate", False, False),
    ("per_message_deflate", True, PerMessageDeflate()),
    ("per_message_deflate", {}, PerMessageDeflate(3, 1024, 15, False)),
    ("per_message_deflate", {"level": 9, "threshold": 0}, PerMessageDeflate(9, 0)),
    (
        "per_message_deflate",
        {"window_bits": 9, "context_takeover": True},
        PerMessageDeflate(window_bits=9, context_takeover=True),
    ),
    ("per_message_deflate", PerMessageDeflate(level=1), PerMessageDeflate(level=1)),
    ("max_message_size", 1, 1),
    ("max_buffer", 10**9, 10**9),
    ("max_message_rate", 0.5, 0.5),
    ("max_header_count", 99, 99),
    ("on_connection", print, print),
    ("on_client_connect", print, print),
    ("on_client_message", print, print),
    ("on_client_disconnect", print, print),
]


@pytest.mark.parametrize(("name", "value", "kept"), GOOD, ids=repr)
def test_a_good_value_is_taken(name: str, value: Any, kept: Any) -> None:
    assert getattr(read(**{name: value}), name) == kept


async def later(environ: dict[str, Any]) -> bool:
    return True


def bit_by_bit(environ: dict[str, Any]) -> Any:
    yield True


class Later:
    async def __call__(self, environ: dict[str, Any]) -> bool:
        return True


OF_ONE = (
    "max_body_size",
    "max_payload_messages",
    "max_requests_per_session",
    "max_sessions",
    "max_sessions_per_address",
)
SECONDS = ("handshake_timeout", "keepalive_timeout", "body_timeout", "handler_timeout")


@pytest.mark.parametrize("name", [*OF_ONE, *SECONDS, "max_message_rate"])
def test_limits_can_be_switched_off(name: str) -> None:
    assert getattr(read(**{name: None}), name) is None
    assert getattr(read(**{name: 1}), name) == 1


WRONG_KIND: list[tuple[str, Any]] = [
    ("resource", None),
    ("resource", b"socket.io"),
    ("transports", "websocket"),
    ("transports", None),
    ("transports", {"websocket": True}),
    ("transport_options", None),
    ("transport_options", [("websocket", {})]),
    ("log", "file.log"),
    ("log", 1),
    ("origins", 1),
    ("origins", {"https://a.com": True}),
    ("origins", [1]),
    ("origins", later),
    ("origins", bit_by_bit),
    ("hosts", 1),
    ("hosts", [1]),
    ("hosts", bool),
    ("authorize", True),
    ("authorize", "login"),
    ("authorize", lambda: True),
    ("authorize", lambda environ, start_response: True),
    ("origins", lambda origin: True),
    ("origins", lambda: True),
    ("same_peer", lambda: "x"),
    ("context", lambda environ: None),
    ("log", lambda: None),
    ("log", lambda level, line: None),
    ("authorize", later),
    ("authorize", partial(later)),
    ("authorize", bit_by_bit),
    ("authorize", Later()),
    ("same_peer", True),
    ("same_peer", ["address"]),
    ("same_peer", later),
    *(("per_message_deflate", value) for value in (None, 1, "yes", [])),
    ("max_message_size", "1"),
    ("max_message_size", 1.5),
    ("max_message_size", None),
    ("max_message_size", True),
    ("max_buffer", "1"),
    *((name, value) for name in OF_ONE for value in ("1", 1.5, True, [])),
    *((name, value) for name in SECONDS for value in ("1", True, [])),
    ("max_message_rate", "1"),
    ("max_message_rate", True),
    ("max_header_size", None),
    ("max_header_count", None),
    ("max_header_count", 1.5),
    ("on_connection", "connected"),
    ("on_client_connect", 1),
    ("on_client_message", []),
    ("on_client_disconnect", "gone"),
]
NO_SENSE: list[tuple[str, Any]] = [
    ("same_peer", ""),
    ("same_peer", "adress"),
    ("same_peer", "cookie"),
    ("same_peer", "cookie:"),
    ("same_peer", "cookie:a b"),
    ("same_peer", "cookie:a=b"),
    ("same_peer", "cookies:sid"),
    ("resource", ""),
    ("resource", "/"),
    ("resource", "a//b"),
    ("resource", "a b"),
    ("resource", "a?b"),
    ("resource", "a%20b"),
    ("resource", "é"),
    ("resource", "socket.io\n"),
    ("transports", []),
    ("transports", ["carrier-pigeon"]),
    ("transports", [None]),
    ("transports", ["websocket", "jsonp-pollin"]),
    ("transport_options", {"carrier-pigeon": {}}),
    ("origins", "example.com"),
    ("hosts", ""),
    ("hosts", []),
    ("hosts", "*"),
    ("hosts", "https://example.com"),
    ("origins", ["self", "https://a.com/path"]),
    ("handshake", "xml"),
    ("handshake", None),
    ("handshake", ["plain"]),
    ("max_message_size", 0),
    ("max_message_size", -1),
    ("max_buffer", 0),
    *((name, value) for name in OF_ONE for value in (0, -1)),
    *((name, value) for name in SECONDS for value in (0, -1, math.inf, math.nan)),
    *(("max_message_rate", value) for value in (0, -1.0, math.inf, math.nan)),
    ("max_header_size", 0),
    ("max_header_count", 0),
    ("max_header_count", 100),
]


@pytest.mark.parametrize(("name", "value"), WRONG_KIND, ids=label)
def test_a_value_of_the_wrong_kind_is_refused_by_the_options_name(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=rf"option '{name}'"):
        read(**{name: value})


@pytest.mark.parametrize(("name", "value"), NO_SENSE, ids=repr)
def test_a_value_that_makes_no_sense_is_refused_by_the_options_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"option '{name}'"):
        read(**{name: value})


@pytest.mark.parametrize("value", [0, "1", -5, "xml"], ids=repr)
def test_a_refusal_shows_the_value(value: Any) -> None:
    name = "handshake" if value == "xml" else "max_buffer"
    with pytest.raises((TypeError, ValueError), match=rf"not {re.escape(repr(value))}$"):
        read(**{name: value})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("orgins", "origins"),
        ("Origins", "origins"),
        ("transportOptions", "transport_options"),
        ("transport", "transports"),
        ("ressource", "resource"),
        ("maxBuffer", "max_buffer"),
        ("perMessageDeflate", "per_message_deflate"),
        ("on_conection", "on_connection"),
        ("onClientMessage", "on_client_message"),
    ],
)
def test_an_unknown_option_is_refused_and_the_nearest_name_is_suggested(
    name: str, meant: str
) -> None:
    with pytest.raises(TypeError, match=rf"no option '{name}': did you mean '{meant}'\?"):
        read(**{name: None})


ELSEWHERE = {
    "max_http_buffer_size": "'max_message_size'",
    "maxHttpBufferSize": "'max_message_size'",
    "cors_allowed_origins": "'origins'",
    "cors": "'origins'",
    "message_queue": "'cluster', with the same address of a Redis",
    "pingInterval": "'ping_interval', in seconds",
    "pingTimeout": "'ping_timeout', in seconds",
    "adapter": "'cluster'",
    "async_mode": "always gevent",
    "path": "'resource'",
    "allowEIO3": "'dialects'",
    "httpCompression": "'per_message_deflate' compresses WebSockets",
}


@pytest.mark.parametrize(("name", "answer"), ELSEWHERE.items(), ids=ELSEWHERE)
def test_an_option_of_another_library_is_answered_with_what_to_use_here(
    name: str, answer: str
) -> None:
    with pytest.raises(TypeError) as caught:
        read(**{name: 1})
    assert str(caught.value).startswith(f"no option {name!r}: ")
    assert answer in str(caught.value)


def test_the_options_that_an_answer_names_exist() -> None:
    """Among the options, and among the times of a transport."""
    times = {each.name for each in fields(TransportOptions)}
    known = {each.name for each in fields(Options)} | times
    assert set(suggestions._TIMES_OF_NODE.values()) <= known
    for answer in suggestions._ANSWERS.values():
        assert set(re.findall("'([a-z_]+)'", answer)) <= known


def test_no_own_option_has_such_an_answer() -> None:
    assert not [each.name for each in fields(Options) if suggestions.answer_to(each.name)]


def test_an_option_without_a_near_name_is_refused_and_all_are_listed() -> None:
    with pytest.raises(TypeError, match=r"no option 'zzz': there are resource, transports, .*log"):
        read(zzz=1)


def test_a_misspelt_transport_is_refused_and_the_nearest_name_is_suggested() -> None:
    with pytest.raises(ValueError, match=r"'web-socket': did you mean 'websocket'\?"):
        read(transports=["web-socket"])
    with pytest.raises(ValueError, match=r"'jsonp': did you mean 'jsonp-polling'\?"):
        read(transport_options={"jsonp": {}})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("heartbeat_interval", 5),
        ("heartbeat_interval", 0.5),
        ("heartbeat_interval", None),
        ("timeout", 3),
        ("close_timeout", 2.5),
        ("close_timeout", 0),
    ],
)
def test_a_time_of_a_stream_can_be_set(key: str, value: Any) -> None:
    assert getattr(times("websocket", **{key: value}), key) == value


@pytest.mark.parametrize(("key", "value"), [("duration", 1.5), ("close_timeout", 0)])
def test_a_time_of_polling_can_be_set(key: str, value: Any) -> None:
    assert getattr(times("jsonp-polling", **{key: value}), key) == value


def test_times_that_were_not_given_keep_their_defaults() -> None:
    options = read(transport_options={"websocket": {"timeout": 3}, "xhr-polling": {"duration": 1}})
    assert options.transport_options["websocket"] == TransportOptions(10.0, 3, 0.0, None)
    assert options.transport_options["xhr-polling"].close_timeout == 8.0
    assert options.transport_options["htmlfile"] == TransportOptions()


def test_two_listeners_do_not_share_their_times() -> None:
    times("websocket", timeout=3)
    assert read().transport_options["websocket"].timeout == 8.0


@pytest.mark.parametrize(
    ("transport", "key", "value", "error"),
    [
        ("websocket", "timeout", "8", TypeError),
        ("websocket", "timeout", None, TypeError),
        ("websocket", "timeout", True, TypeError),
        ("websocket", "timeout", 0, ValueError),
        ("websocket", "timeout", -1, ValueError),
        ("websocket", "timeout", math.nan, ValueError),
        ("websocket", "timeout", math.inf, ValueError),
        ("websocket", "heartbeat_interval", 0, ValueError),
        ("websocket", "close_timeout", -0.1, ValueError),
        ("websocket", "close_timeout", None, TypeError),
        ("xhr-polling", "duration", 0, ValueError),
        ("xhr-polling", "duration", None, TypeError),
    ],
)
def test_a_bad_time_is_refused_by_its_place(
    transport: str, key: str, value: Any, error: type[Exception]
) -> None:
    place = re.escape(f"transport_options['{transport}']['{key}']")
    with pytest.raises(error, match=place):
        times(transport, **{key: value})


@pytest.mark.parametrize(
    ("transport", "key", "meant"),
    [
        ("websocket", "heartbeatInterval", "heartbeat_interval"),
        ("websocket", "closeTimeout", "close_timeout"),
        ("xhr-polling", "durations", "duration"),
    ],
)
def test_a_misspelt_time_is_refused_and_the_nearest_name_is_suggested(
    transport: str, key: str, meant: str
) -> None:
    with pytest.raises(TypeError, match=rf"did you mean '{meant}'\?"):
        times(transport, **{key: 1})


@pytest.mark.parametrize(
    ("transport", "key"),
    [("websocket", "duration"), ("xhr-polling", "heartbeat_interval"), ("xhr-polling", "timeout")],
)
def test_a_time_that_the_transport_does_not_have_is_refused(transport: str, key: str) -> None:
    with pytest.raises(TypeError, match="no option"):
        times(transport, **{key: 1})


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("level", 0, ValueError),
        ("level", 10, ValueError),
        ("level", "6", TypeError),
        ("level", None, TypeError),
        ("threshold", -1, ValueError),
        ("threshold", True, TypeError),
        ("window_bits", 8, ValueError),
        ("window_bits", 16, ValueError),
        ("window_bits", 9.5, TypeError),
        ("context_takeover", 1, TypeError),
        ("context_takeover", None, TypeError),
    ],
)
def test_a_bad_detail_of_compression_is_refused_by_its_place(
    key: str, value: Any, error: type[Exception]
) -> None:
    place = re.escape(f"per_message_deflate['{key}']")
    with pytest.raises(error, match=place):
        read(per_message_deflate={key: value})
    with pytest.raises(error, match=place):
        read(per_message_deflate=PerMessageDeflate(**{key: value}))


@pytest.mark.parametrize(
    ("key", "meant"), [("windowBits", "window_bits"), ("contextTakeover", "context_takeover")]
)
def test_a_misspelt_detail_of_compression_is_refused_and_the_nearest_name_is_suggested(
    key: str, meant: str
) -> None:
    with pytest.raises(TypeError, match=rf"did you mean '{meant}'\?"):
        read(per_message_deflate={key: 1})


def test_the_times_of_a_transport_must_be_a_dict() -> None:
    with pytest.raises(TypeError, match=r"transport_options\['websocket'\]"):
        read(transport_options={"websocket": 8})
