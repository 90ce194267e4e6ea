"""The example with files, in real browser windows with the released client."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.npm import bundle
from support.processes import ROOT

SERVER = "example/files.py"
RELEASE = "socket.io-client-4.8"


@pytest.fixture
def server(start, released_packages):
    folder = Path(released_packages / bundle(released_packages, RELEASE)).parent
    return start(SERVER, "--client-directory", str(folder))


def enter(new_page, url, name, room="lobby", **options):
    page = new_page(url, **options)
    page.fill("#name", name)
    page.fill("#room", room)
    page.click("text=Enter")
    page.wait_for_selector("#inside:not([hidden])")
    return page


def wait_people(page, *names):
    page.wait_for_function(
        "names => document.getElementById('people').textContent === names", arg=", ".join(names)
    )


def fetch(page, name):
    with page.expect_download() as download:
        page.click(f"#files .file:has-text('{name}') button")
    assert download.value.suggested_filename == name
    return Path(download.value.path()).read_bytes()


def test_a_file_arrives_as_it_was_at_all_in_the_room(server, new_page, tmp_path):
    ann, ben = enter(new_page, server.url, "Ann"), enter(new_page, server.url, "Ben")
    eve = enter(new_page, server.url, "Eve", "attic")
    wait_people(ann, "Ann", "Ben")
    data = bytes(range(256)) * 1200
    first, second = tmp_path / "numbers.bin", tmp_path / "<b>é.txt"
    first.write_bytes(data)
    second.write_bytes(b"short")
    ann.set_input_files("#choose", [first, second])
    for page in (ann, ben):
        page.wait_for_selector("#files .file:has-text('é.txt')")
        assert fetch(page, "numbers.bin") == data
        assert page.locator("#files .name").all_text_contents() == ["numbers.bin", "<b>é.txt"]
        assert page.locator("#under-way .file").count() == 0
    late = enter(new_page, server.url, "Cid")
    assert fetch(late, "numbers.bin") == data
    assert eve.locator("#files .file").count() == 0
    ben.close()
    wait_people(ann, "Ann", "Cid")


def test_progress_is_shown_to_the_sender_and_to_the_others(server, new_page, tmp_path):
    ann, ben = enter(new_page, server.url, "Ann"), enter(new_page, server.url, "Ben")
    wait_people(ann, "Ann", "Ben")
    for page in (ann, ben):
        # Between two polls a page cannot get a volatile event.
        page.wait_for_function("socket.io.engine.transport.name === 'websocket'")
        page.evaluate(
            """() => {
              window.seen = [];
              new MutationObserver(() => {
                const bar = document.querySelector('#under-way progress');
                if (bar) window.seen.push(bar.value);
              }).observe(document.getElementById('under-way'),
                         {childList: true, subtree: true, attributes: true});
            }"""
        )
    file = tmp_path / "large.bin"
    file.write_bytes(bytes(1024 * 1024))
    ann.set_input_files("#choose", file)
    for page in (ann, ben):
        page.wait_for_selector("#files .file")
        seen = page.evaluate("seen")
        assert seen == sorted(seen)
        assert any(0 < value < 1 for value in seen)


def test_a_name_of_blanks_is_refused_with_what_is_missing(server, new_page):
    page = new_page(server.url)
    page.fill("#name", "  ")
    page.click("text=Enter")
    page.wait_for_selector("#problem:has-text('write your name')")
    assert page.evaluate("document.activeElement.id") == "name"
    page.fill("#name", "Ann")
    page.click("text=Enter")
    wait_people(page, "Ann")
    assert page.inner_text("#problem") == ""


def test_the_page_is_in_its_room_again_when_the_server_is(server, new_page):
    page = enter(new_page, server.url, "Ann", viewport={"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    server.stop(signal.SIGKILL)
    page.wait_for_selector("#status[data-state=connecting]")
    server.start()
    page.wait_for_selector("#status[data-state=connected]")
    enter(new_page, server.url, "Ben")
    wait_people(page, "Ann", "Ben")


def test_the_program_stops_cleanly_with_a_page_open(server, new_page):
    enter(new_page, server.url, "Ann")
    assert server.stop(signal.SIGINT) == 0
    lines = server.log()
    assert not any("Traceback" in line or "WARNING" in line for line in lines)
    assert sum(" ended: the server goes away" in line for line in lines) == 1


def test_without_the_client_the_program_says_what_to_install(tmp_path):
    command = [sys.executable, str(ROOT / SERVER), "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert ended.returncode == 2
    assert re.fullmatch(r"files.py: option 'client_directory'.*npm install.*\n", ended.stderr)
