"""The types of the browser client: TypeScript takes right programs, and finds mistakes."""

from __future__ import annotations

import re
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
from support.npm import node, unpacked

TYPESCRIPT = "typescript@5.9.3"
STATIC = Path(str(files("sockio_gevent"))) / "static"
TYPES = (STATIC / "socket.io.d.ts").read_text()
SCRIPT = (STATIC / "socket.io.js").read_text()

RIGHT = """
const socket = new io.Socket(null, {
  auth: done => done({token: 't0ken', list: [1, null]}),
  query: {page: 1},
  transports: ['websocket', 'xhr-polling', 'of-my-own'],
  transportOptions: {'xhr-polling': {timeout: 65000}},
  maxReconnectionAttempts: Infinity,
});
interface Credentials { token: string; name?: string }
const credentials: Credentials = {token: 't0ken'};
new io.Socket(null, {auth: credentials});
new io.Socket(null, {auth: done => done(credentials)});
class Own extends io.Transport {
  static check(xdomain: boolean) { return !xdomain; }
  open() { this.onData(this.url('http', '/own')); }
  write(payload: string) { if (this.ended) this.onEnd({reason: 'connection_lost'}); }
  close() {}
}
io.Transport['of-my-own'] = Own;
io.Transport.inherit(function (this: io.Transport) { io.Transport.call(this, socket); }, 'older');
new io.Socket();
new io.Socket('example.com', {auth: 'token', port: 8080});
socket.on('connect', function () { this.send(`over ${this.transport!.type}`); });
socket.on('message', message => console.log(message.anything))
  .once('disconnect', (reason, text) => { if (reason === 'going_away') console.log(text.trim()); });
socket.on('reconnecting', (delay, attempt) => console.log(delay.toFixed(), attempt.toFixed()));
socket.connect(() => console.log(io.version)).send({any: ['thing']}).disconnect();
"""
WRONG = {
    "socket.on('conect', () => {});": "conect",
    "socket.on('disconnect', reason => reason === 'lost');": "no overlap",
    "socket.on('connect', (one: number) => {});": "not assignable",
    "new io.Socket(null, {maxReconnectAttempts: 3});": "maxReconnectAttempts",
    "new io.Socket(null, {auth: () => () => {}, resource: 7});": "number",
    "socket.connected = true;": "read-only",
    "new io.Socket(null, {auth: undefined, query: 7});": "number",
    "class Own extends io.Transport { open() { this.onDate(''); } }": "onDate",
    "socket.emit('chat');": "emit",
}


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of the compiler, without a program."""
    package = unpacked(TYPESCRIPT, tmp_path_factory.mktemp("typescript"))
    return [node(), str(package / "bin/tsc"), "--noEmit", "--strict", "--lib", "es2020,dom"]


def compile_with(compiler: list[str], folder: Path, program: str) -> str:
    (folder / "socket.io.d.ts").write_text(TYPES)
    (folder / "page.ts").write_text(f'/// <reference path="socket.io.d.ts" />\n{program}')
    done = subprocess.run([*compiler, "page.ts"], cwd=folder, capture_output=True, text=True)
    return done.stdout


def test_a_right_program_is_taken(compiler: list[str], tmp_path: Path) -> None:
    assert compile_with(compiler, tmp_path, RIGHT) == ""


def test_each_mistake_is_found(compiler: list[str], tmp_path: Path) -> None:
    program = "declare const socket: io.Socket;\n" + "\n".join(WRONG)
    said = compile_with(compiler, tmp_path, program)
    found = dict(re.findall(r"^page\.ts\((\d+),\d+\): error (.*)$", said, re.M))
    for number, (line, part) in enumerate(WRONG.items(), 3):
        assert part in found.get(str(number), ""), f"{line}\n{said}"


def test_the_types_have_the_options_and_events_of_the_script() -> None:
    defaults = re.search(r"merge\(\{\n(.*?)\n    \}, options\)", SCRIPT, re.S)
    assert defaults is not None
    options = {*re.findall(r"^      (\w+):", defaults[1], re.M), "port"}
    declared = re.search(r"interface SocketOptions \{\n(.*?)\n  \}", TYPES, re.S)
    assert declared is not None
    assert set(re.findall(r"^    (\w+)\?:", declared[1], re.M)) == options
    known = re.search(r"var EVENTS = \[(.*?)\]", SCRIPT, re.S)
    events = re.search(r"interface Events \{\n(.*?)\n  \}", TYPES, re.S)
    assert known is not None
    assert events is not None
    assert re.findall(r"^    (\w+):", events[1], re.M) == re.findall(r"'(\w+)'", known[1])
    reasons = re.search(r"var REASONS = \[(.*?)\]", SCRIPT, re.S)
    typed = re.search(r"type Reason = (.*?);", TYPES, re.S)
    assert reasons is not None
    assert typed is not None
    assert re.findall(r"'(\w+)'", typed[1]) == re.findall(r"'(\w+)'", reasons[1])
