"""Pages of a browser, each of which a test finds as if it were new."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from .http import DEADLINE

# Milliseconds between two looks of a page at what a test waits for. Otherwise it looks before it
# draws, and draws 60 times in a second for that.
_LOOK = 50
_FORGET = "window.name = ''; localStorage.clear(); sessionStorage.clear()"


class Pages:
    """Keeps pages for other tests: a new one has a process of its own, which takes longer to start
    than a page to load.

    Not those in which a WebSocket has failed: Chromium lets the next ones of their process wait for
    seconds. What stays is the cache of files.

    Args:
        browser: Playwright's.
    """

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        # By the script that runs in them first: it cannot be taken back.
        self._free: defaultdict[str | None, list[Any]] = defaultdict(list)
        self._taken: list[tuple[str | None, Any, Any]] = []
        # Those without a message from the server: each server greets its clients.
        self._unconnected: set[Any] = set()

    def take(
        self,
        on_error: Callable[[str], object],
        before: str | None = None,
        keep: bool = True,
        **options: Any,
    ) -> Any:
        """An empty page in a browser context of its own.

        Args:
            on_error: called with the message of each error in the page.
            before: a script that runs before those of the page.
            keep: whether other tests may have it afterwards; not if something is done to it that
                cannot be taken back, as with ``route_web_socket()``.
            **options: of the context; such a page is not kept.
        """
        keep = keep and not options
        free = self._free[before] if keep else []
        page = free.pop() if free else self._new(before, options)

        def fail(error: Any) -> None:
            on_error(error.message)

        page.on("pageerror", fail)
        self._taken.append((before, page, fail if keep else None))
        return page

    def _new(self, before: str | None, options: dict[str, Any]) -> Any:
        context = self._browser.new_context(**options)
        context.set_default_timeout(1000 * DEADLINE)
        page = context.new_page()
        page.on("websocket", self._watch)
        page.wait_for_function = partial(page.wait_for_function, polling=_LOOK)
        if before is not None:
            page.add_init_script(before)
        return page

    def give_back(self, keep: bool) -> None:
        """Take back all pages that were taken.

        Args:
            keep: whether they may be used again; not after a test that has failed.
        """
        while self._taken:
            before, page, fail = self._taken.pop()
            if keep and fail is not None and self._cleared(page, fail):
                self._free[before].append(page)
            else:
                page.context.close()
        self._unconnected.clear()

    def _watch(self, websocket: Any) -> None:
        self._unconnected.add(websocket)
        websocket.once("framereceived", lambda frame: self._unconnected.discard(websocket))

    def _cleared(self, page: Any, fail: Any) -> bool:
        """Take back what was done to a page; return whether another test may have it."""
        from playwright.sync_api import Error

        if page.context.pages != [page]:
            return False
        with suppress(Error):  # where there is no storage, in about:blank
            page.evaluate(_FORGET)
        # By its answer, all errors and WebSockets have been reported that there were before.
        page.remove_listener("pageerror", fail)
        page.unroute_all(behavior="ignoreErrors")
        page.goto("about:blank")
        page.context.clear_cookies()
        page.context.set_offline(False)
        return not self._unconnected
