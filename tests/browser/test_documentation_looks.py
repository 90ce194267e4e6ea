"""The pages of the documentation in a browser, wide and narrow, and their search."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from support.documentation import ROOT

pytest.importorskip("furo")

PAGES = sorted(path.stem for path in (ROOT / "docs").glob("*.rst"))
PHONE = {"width": 375, "height": 700}

# Elements that are wider than what shows them. Code may be scrolled.
TOO_WIDE = """() => [...document.querySelectorAll('.table-wrapper, body, .content')]
  .filter(each => each.scrollWidth > each.clientWidth + 1)
  .map(each => each.className + ': ' + each.innerText.slice(0, 60))"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the pages, built and served."""
    from sphinx.application import Sphinx

    folder = tmp_path_factory.mktemp("documentation")
    docs = str(ROOT / "docs")
    Sphinx(docs, docs, str(folder), str(folder / ".doctrees"), "html", status=None).build()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("width", [1280, 1920])
def test_the_contents_of_a_page_are_beside_it(built: str, new_page: Any, width: int) -> None:
    page = new_page(f"{built}/options.html", viewport={"width": width, "height": 800})
    contents = page.locator(".toc-drawer").bounding_box()
    text = page.locator("article").bounding_box()
    assert contents["x"] >= text["x"] + text["width"]
    assert contents["x"] + contents["width"] <= width
    assert not page.locator(".toc-content-icon").is_visible()
    assert page.evaluate(TOO_WIDE) == []


def test_no_page_and_no_table_is_wider_than_a_phone(built: str, new_page: Any) -> None:
    page = new_page(f"{built}/index.html", viewport=PHONE)
    found = {}
    for name in PAGES:
        page.goto(f"{built}/{name}.html")
        found[name] = page.evaluate(TOO_WIDE)
    assert {name: wide for name, wide in found.items() if wide} == {}


@pytest.mark.parametrize("word", ["celery", "online", "rooms", "mobile", "Flask-SocketIO", "nginx"])
def test_the_search_finds_what_people_look_for(built: str, new_page: Any, word: str) -> None:
    page = new_page(f"{built}/search.html?q={word}")
    page.wait_for_selector("#search-results ul.search li a")
