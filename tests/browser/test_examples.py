"""The smaller examples in real browser windows; the lobby has a file of its own."""

import os
import re
import signal
import subprocess
import sys

import pytest
from support.page import PATIENT
from support.processes import ROOT
from support.python_path import python_path

LOBBY = "example/flask_app.py"
BOARD = "example/bottle_app.py"
PLOT = "example/live_plot.py"
ALL = [LOBBY, BOARD, PLOT]
PHONE = {"width": 360, "height": 640}


def visit(new_page, url, **options):
    page = new_page(url, before=PATIENT, **options)
    page.wait_for_selector("#status[data-state=connected]")
    return page


def wait_text(page, selector, text):
    """Wait for an element of this kind whose text is exactly this."""
    page.wait_for_function(
        """([selector, text]) => [...document.querySelectorAll(selector)]
             .some(each => each.textContent === text)""",
        arg=[selector, text],
    )


def texts(page, selector):
    return page.locator(selector).all_text_contents()


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


# ---- the drawing board ----

# Whether something is drawn at a place, given in the units of the board.
INK = """([x, y]) => {
  const board = document.getElementById('board');
  const data = board.getContext('2d').getImageData(
    x * board.width / 1200, y * board.height / 800, 1, 1).data;
  return data[3] > 0;
}"""


def draw(page, *places):
    box = page.locator("#board").bounding_box()
    points = [
        (box["x"] + x * box["width"] / 1200, box["y"] + y * box["height"] / 800) for x, y in places
    ]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=5)
    page.mouse.up()


def test_a_drawing_is_seen_by_the_others_and_by_newcomers(start, new_page):
    server = start(BOARD)
    one, two = visit(new_page, server.url), visit(new_page, server.url, viewport=PHONE)
    wait_text(one, "#status", "2 people are here")
    draw(one, (200, 200), (600, 200), (600, 600))
    newcomer = visit(new_page, server.url, color_scheme="dark")
    for page in (one, two, newcomer):
        for place in ([400, 200], [600, 400]):
            page.wait_for_function(INK, arg=place)
        assert not page.evaluate(INK, [400, 400])
    newcomer.close()
    wait_text(one, "#status", "2 people are here")


def test_colours_differ_and_wiping_wipes_for_all(start, new_page):
    server = start(BOARD)
    one, two = visit(new_page, server.url), visit(new_page, server.url)
    one.get_by_label("red").check(force=True)
    draw(one, (100, 100), (1000, 100))
    two.wait_for_function(INK, arg=[500, 100])
    red, green, blue = two.evaluate(
        """() => {
          const board = document.getElementById('board');
          return [...board.getContext('2d').getImageData(
            500 * board.width / 1200, 100 * board.height / 800, 1, 1).data].slice(0, 3);
        }"""
    )
    assert red > 2 * green
    assert red > 2 * blue
    two.click("#wipe")
    for page in (one, two):
        page.wait_for_function(f"place => !({INK})(place)", arg=[500, 100])


def test_the_keyboard_draws_too(start, new_page):
    server = start(BOARD)
    one, two = visit(new_page, server.url), visit(new_page, server.url)
    one.focus("#board")
    one.keyboard.press("ArrowDown")
    one.keyboard.press("Space")
    for _ in range(10):
        one.keyboard.press("ArrowLeft")
    one.keyboard.press("Space")
    one.keyboard.press("ArrowUp")
    two.wait_for_function(INK, arg=[500, 412])
    assert not two.evaluate(INK, [500, 400])


def test_the_board_fits_a_phone(start, new_page):
    page = visit(new_page, start(BOARD).url, viewport=PHONE)
    assert fits(page)
    assert page.is_visible("#wipe")
    box = page.locator("#board").bounding_box()
    assert box["width"] > 300
    assert box["width"] == pytest.approx(1.5 * box["height"], abs=2)


# ---- the live plot ----


def number(page, plot):
    return float(re.match(r"[\d.]+", page.text_content(f"#{plot} .total"))[0])


def wait_sessions(page, count):
    wait_text(page, "#sessions .total", str(count))


def test_the_plot_shows_connections_as_they_come_and_go(start, new_page):
    page = visit(new_page, start(PLOT).url)
    wait_sessions(page, 1)
    page.click("#more")
    wait_sessions(page, 7)
    legend = texts(page, "#sessions .legend li")
    assert "websocket 4" in legend
    assert "server-events 1" in legend
    assert "xhr-polling 2" in legend
    # Both directions: the page's extra connections ping, and all get each sample.
    page.wait_for_function(
        """() => [...document.querySelectorAll('#messages .legend b')]
             .every(each => Number(each.textContent) > 0)"""
    )
    assert number(page, "messages") > 0
    paths = page.eval_on_selector_all(
        "#sessions .area", "all => all.filter(each => each.style.visibility !== 'hidden').length"
    )
    assert paths == 3
    page.click("#more")
    wait_sessions(page, 13)
    page.click("text=Close these 12")
    # A polling client cannot close its session: those two last some seconds longer.
    wait_text(page, "#sessions .legend li", "websocket 1")
    assert page.is_disabled("#fewer")


def test_an_earlier_time_can_be_shown(start, new_page):
    page = visit(new_page, start(PLOT).url)
    wait_sessions(page, 1)
    page.click("#more")
    wait_sessions(page, 7)
    page.focus("#messages svg")
    for _ in range(60):
        page.keyboard.press("ArrowLeft")
    page.wait_for_function("document.getElementById('when').textContent")
    assert re.fullmatch(r"Shown: \d+ s ago\.", page.text_content("#when"))
    assert number(page, "sessions") <= 1
    page.keyboard.press("Escape")
    wait_sessions(page, 7)
    assert page.text_content("#when") == ""


# A curve has no attribute `d` before its first sample.
LONG_CURVE = "document.querySelector('#messages .curve[d]')?.getAttribute('d').length > 80"


def test_a_second_page_begins_with_what_was_before(start, new_page):
    server = start(PLOT)
    page = visit(new_page, server.url)
    page.wait_for_function(LONG_CURVE)
    second = visit(new_page, server.url, viewport=PHONE, color_scheme="dark")
    second.wait_for_function(LONG_CURVE)
    assert fits(second)


# ---- all of them ----


@pytest.mark.parametrize("example", ALL)
def test_the_program_stops_cleanly_with_a_page_open(start, new_page, example):
    server = start(example)
    page = new_page(server.url, before=PATIENT)
    if example == LOBBY:
        page.fill("#name", "Ada")
        page.press("#name", "Enter")
    page.wait_for_selector("#status[data-state=connected]")
    assert re.fullmatch(r"Open http://127\.0\.0\.1:\d+/", server.lines[0])
    assert server.stop(signal.SIGINT) == 0
    lines = server.log()
    assert not any("Traceback" in line or "WARNING" in line for line in lines)
    assert sum(" ended: the server goes away" in line for line in lines) == 1


def run(example, *arguments, **environ):
    return subprocess.run(
        [sys.executable, ROOT / example, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environ},
    )


def test_a_port_that_is_in_use_is_reported_in_one_line(start):
    server = start(PLOT)
    ended = run(PLOT, "--port", str(server.port))
    assert ended.returncode == 2
    assert re.fullmatch(r"live_plot.py: cannot listen: .+\n", ended.stderr)


@pytest.mark.parametrize(("example", "name"), [(LOBBY, "Flask"), (BOARD, "Bottle")])
def test_without_its_framework_the_program_says_what_to_install(tmp_path, example, name):
    extra = name.lower()
    missing = f'raise ModuleNotFoundError("No module named {extra!r}", name={extra!r})'
    (tmp_path / f"{extra}.py").write_text(missing)
    ended = run(example, "--port", "0", PYTHONPATH=python_path(tmp_path))
    assert ended.returncode == 2
    program = example.rpartition("/")[2]
    assert ended.stderr == (f"{program}: this needs {name}: pip install 'sockio_gevent[{extra}]'\n")
    assert ended.stdout == ""
