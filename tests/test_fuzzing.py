"""A short run of each harness; and a check that each finds a planted mistake.

What Hypothesis makes of the same seed is not always the same: it uses the constants of all modules
that the process has loaded. So the first inputs of a harness have to find the planted mistakes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzzing import blind, guided
from fuzzing import inputs as fuzzing_inputs
from fuzzing.__main__ import main
from fuzzing.harnesses import (
    NAMES,
    engineio,
    form,
    handshake,
    head,
    hixie,
    json_text,
    load,
    origins,
    packet,
    payload,
    policy,
    routes,
    socketio,
    websocket,
)
from fuzzing.machine import ClassicMachine, EngineIOMachine
from sockio_gevent.acknowledgements import Pending
from sockio_gevent.compiled import FORM
from sockio_gevent.handlers import Handlers
from sockio_gevent.hub.handler_queue import HandlerQueue
from sockio_gevent.monitoring.reasons import CloseReason
from sockio_gevent.namespaces import Namespaces
from sockio_gevent.rooms import Rooms
from sockio_gevent.session import session
from sockio_gevent.session.engineio_session import EngineIOSession
from sockio_gevent.session.session import Session
from sockio_gevent.session.session_quota import SessionQuota
from sockio_gevent.transports.engineio_websocket import Trial

EXAMPLES = 100

REGRESSIONS = [
    pytest.param(name, data, id=f"{name}: {file}")
    for name in NAMES
    for file, data in fuzzing_inputs.regressions(name).items()
]


@pytest.mark.parametrize("name", NAMES)
def test_no_input_of_a_short_run_fails(name: str) -> None:
    harness = load(name)
    tried = blind.run_examples(name, harness, EXAMPLES)
    assert tried > len(harness.SEEDS)


@pytest.mark.parametrize(("name", "data"), REGRESSIONS)
def test_inputs_that_failed_once_do_not_fail_again(name: str, data: bytes) -> None:
    load(name).check(data)


def test_each_folder_of_regressions_belongs_to_a_harness() -> None:
    assert {folder.name for folder in fuzzing_inputs.REGRESSIONS.iterdir()} <= set(NAMES)


@pytest.mark.parametrize("machine", [ClassicMachine, EngineIOMachine])
def test_sessions_lose_nothing_in_any_order_of_events(machine: Any) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=40,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def changed(original: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda *arguments: change(original(*arguments))


def forgets_the_last(events: list[Any]) -> list[Any]:
    return events[:-1] if len(events) > 2 else events


class ForgetfulFrameParser(websocket.FrameParser):
    def feed(self, data: bytes) -> list[Any]:
        return forgets_the_last(super().feed(data))


class CarelessDeflate(websocket.DeflateRfc6455):
    def _check_reserved(self, first: int) -> None:
        pass


class ForgetfulHixieParser(hixie.HixieParser):
    def feed(self, data: bytes) -> list[Any]:
        return forgets_the_last(super().feed(data))


class ForeignOrigins(origins.Origins):
    def allows(self, environ: dict[str, Any]) -> bool:
        return super().allows(environ) or environ.get("HTTP_HOST", "-") in environ.get(
            "HTTP_ORIGIN", ""
        )


class UnboundedDecoder(socketio.Decoder):
    def _hold(self, size: int) -> None:
        self.held += size


# The place of a planted mistake, and the wrong code for it.
MISTAKES: dict[str, tuple[object, str, Any]] = {
    "websocket": (websocket, "FrameParser", ForgetfulFrameParser),
    "websocket that takes any reserved bit": (websocket, "DeflateRfc6455", CarelessDeflate),
    "hixie": (hixie, "HixieParser", ForgetfulHixieParser),
    "payload": (payload, "encode_text", lambda text: f"~m~{len(text)}~m~{text}".encode()),
    "json_text": (json_text, "decode_json", json_text.json.loads),
    "engineio that counts bytes": (
        engineio.wire,
        "length_prefixed",
        lambda packet: b"%d:%b" % (len(packet), packet),
    ),
    "engineio that knows no backslash": (
        engineio.wire,
        "undo_form",
        lambda text: text.replace("\\n", "\n"),
    ),
    "engineio that reads a ping as a message": (
        engineio.wire,
        "decode_binary_payload",
        lambda body, most: decode_binary(body.replace(b"\xff\2", b"\xff\4"), most),
    ),
    "socketio without a bound": (socketio, "Decoder", UnboundedDecoder),
    "socketio that changes the order of attachments": (
        socketio,
        "encode",
        changed(socketio.encode, lambda packet: (packet[0], packet[1][::-1])),
    ),
    "packet": (
        packet,
        "script_string",
        changed(packet.script_string, lambda data: data.replace(b"\\u003c", b"<")),
    ),
    "form": (form, "decode_form", changed(form.decode_form, lambda text: text.strip())),
    "handshake": (
        handshake,
        "key_number",
        changed(handshake.key_number, lambda number: number or None),
    ),
    "head": (
        head,
        "read_request_head",
        lambda prefixes, data: read_head(prefixes, data.replace(b"+", b"")),
    ),
    "policy": (
        policy,
        "policy_file",
        changed(policy.policy_file, lambda file: file.replace(b"&lt;", b"<")),
    ),
    "routes": (routes, "match", lambda resource, path: load_match(resource, path.rstrip("/"))),
    "routes of files": (
        routes,
        "is_known",
        lambda resource, path: load_known(resource, path.rstrip("/")),
    ),
    "origins": (origins, "Origins", ForeignOrigins),
    "sessions that lose": (
        Session,
        "detach",
        lambda self, downlink, end, undelivered=(): detach(self, downlink, end),
    ),
    "sessions out of order": (
        Session,
        "detach",
        lambda self, downlink, end, undelivered=(): detach(self, downlink, end, undelivered[::-1]),
    ),
    "sessions that hear twice": (
        Session,
        "receive",
        lambda self, payloads: receive(self, [*payloads, *payloads]),
    ),
    "sessions that do not hear the last": (session, "_DROPPING", frozenset(CloseReason)),
    "sessions that go on to hear": (session, "_DROPPING", frozenset()),
    "sessions without a beginning": (Handlers, "_connected", lambda self, client: None),
    "sessions that do two things at once": (
        HandlerQueue,
        "busy",
        property(lambda self: False, lambda self, busy: None),
    ),
    "sessions without time": (Session, "due", lambda self, now: None),
    "upgrades whose sessions lose what a poll gives back": (
        Session,
        "_take_back",
        lambda self, undelivered: take_back(self, ()),
    ),
    "upgrades that change the order": (
        Session,
        "_take_back",
        lambda self, undelivered: take_back(self, undelivered[::-1]),
    ),
    "upgrades that send twice": (
        EngineIOSession,
        "finish_upgrade",
        lambda self, downlink: finish_upgrade(doubled(self), downlink),
    ),
    "upgrades that do not hear what comes behind": (
        Trial,
        "_finish",
        lambda self, rest: finish_trial(self, ()),
    ),
    "upgrades whose polls go on while a client probes": (
        EngineIOSession,
        "begin_upgrade",
        lambda self: None,
    ),
    "upgrades that are kept when they were given up": (
        EngineIOSession,
        "give_up_upgrade",
        lambda self, upgrade: None,
    ),
    "upgrades whose sessions end and leave the probe open": (
        Trial,
        "end_session",
        lambda self, owed, code, reason: None,
    ),
    "upgrades whose sessions end without their last messages": (
        EngineIOSession,
        "farewell",
        lambda self, end: (),
    ),
    "upgrades whose sessions are not heard": (EngineIOSession, "heard", lambda self: None),
    "upgrades whose sessions are never let in": (
        EngineIOSession,
        "let_in",
        lambda self, namespace: None,
    ),
    "upgrades whose sessions never leave a namespace": (
        Handlers,
        "leaves",
        lambda self, session, namespace, cost: None,
    ),
    "upgrades whose clients are told nothing": (
        Handlers,
        "_acknowledge",
        lambda self, client, event, ack_id, answer: None,
    ),
    "upgrades whose sessions await answers for ever": (Pending, "lose", lambda self, session: None),
    "upgrades whose sessions take an answer twice": (
        Pending,
        "take",
        lambda self, session, number: peek_pending(self, session, number),
    ),
    "upgrades whose sessions leave rooms behind": (
        Rooms,
        "_drop",
        lambda self, name, session_id: None,
    ),
    "upgrades whose sessions leave namespaces behind": (
        Namespaces,
        "_forget",
        lambda self, name, parent: None,
    ),
    "upgrades whose sessions keep their places": (
        SessionQuota,
        "leave",
        lambda self, network: None,
    ),
}


def doubled(session: Any) -> Any:
    """A session that sends again what waits in it."""
    session._outbox += session._outbox
    session._waiting *= 2
    return session


def peek_pending(pending: Any, session: Any, number: int) -> Any:
    return pending._awaited.get(session.session_id, {}).get(number)


take_back = Session._take_back
finish_upgrade = EngineIOSession.finish_upgrade
finish_trial = Trial._finish
detach = Session.detach
receive = Session.receive
read_head = head.read_request_head
load_match = routes.match
load_known = routes.is_known
decode_binary = engineio.wire.decode_binary_payload


@pytest.mark.skipif(FORM == "compiled", reason="compiled functions cannot be replaced")
@pytest.mark.parametrize("what", MISTAKES)
def test_a_planted_mistake_is_found(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    place, attribute, wrong = MISTAKES[what]
    name = what.split()[0]
    harness = load(name)
    with monkeypatch.context() as patch:
        patch.setattr(place, attribute, wrong)
        with pytest.raises(blind.Found) as found:
            blind.run_examples(name, harness, 1)
        assert found.value.tried <= len(fuzzing_inputs.first_inputs(name, harness))
        with pytest.raises(Exception):  # noqa: B017, PT011
            harness.check(found.value.data)
    harness.check(found.value.data)


class TwoMarks:
    """A harness that fails if two marks stand side by side, as in none of its first inputs."""

    SEEDS = (b"a seed", b"x and x")
    TOKENS = (b"x", b"y")

    @staticmethod
    def check(data: bytes) -> None:
        assert b"xx" not in data


def test_what_no_first_input_shows_is_found_and_made_short() -> None:
    with pytest.raises(blind.Found) as found:
        blind.run_examples("two marks", TwoMarks, 10_000)
    assert found.value.data == b"xx"
    assert found.value.tried > len(TwoMarks.SEEDS)


def test_an_input_that_takes_too_long_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blind, "SLOWEST", 0)
    with pytest.raises(AssertionError, match="3 bytes took"):
        blind.limited(lambda data: None)(b"abc")


def test_the_command_runs_a_harness_for_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["routes", "--engine", "hypothesis", "--seconds", "0.1"]) == 0
    name, tried, what = capsys.readouterr().out.split()
    assert (name, what) == ("routes", "inputs")
    assert int(tried) >= 1


def test_the_command_keeps_the_inputs_that_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(routes, "match", lambda resource, path: None)
    assert main(["routes", "--engine", "hypothesis", "--seconds", "60", "--keep", str(tmp_path)])
    [data] = fuzzing_inputs.regressions("routes", tmp_path).values()
    assert f"found {tmp_path}" in capsys.readouterr().out
    with pytest.raises(AssertionError):
        routes.check(data)
    monkeypatch.undo()
    routes.check(data)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nothing"], "no harness 'nothing'"), (["--engine", "atheris"], "fuzzing/requirements.txt")],
)
def test_the_command_says_which_harness_does_not_exist(
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(guided, "is_installed", lambda: False)
    with pytest.raises(SystemExit):
        main(arguments)
    assert said in capsys.readouterr().err


@pytest.mark.skipif(not guided.is_installed(), reason="atheris is not installed")
def test_the_engine_that_follows_the_code_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["routes", "--engine", "atheris", "--seconds", "1", "--keep", str(tmp_path)]) == 0
    assert int(capsys.readouterr().out.split()[1].replace(",", "")) > 100
