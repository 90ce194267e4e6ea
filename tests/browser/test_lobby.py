"""The example with Flask: a lobby that users enter under their names."""

import signal
import time

from support.http import DEADLINE
from support.page import PATIENT

SERVER = "example/flask_app.py"


def wait_text(page, selector, text):
    """Wait for an element of this kind whose text is exactly this."""
    page.wait_for_function(
        """([selector, text]) => [...document.querySelectorAll(selector)]
             .some(each => each.textContent === text)""",
        arg=[selector, text],
    )


def texts(page, selector):
    return page.locator(selector).all_text_contents()


def come_in(new_page, url, name, **options):
    page = new_page(url, before=PATIENT, **options)
    page.fill("#name", name)
    page.click("text=Come in")
    page.wait_for_selector("#status[data-state=connected]")
    return page


def say(page, words):
    page.fill("#words", words)
    page.click("#say button")


def test_people_in_the_lobby_see_and_hear_each_other(start, new_page):
    server = start(SERVER)
    ada = come_in(new_page, server.url, "Ada")
    assert ada.is_visible("#alone")
    bob = come_in(new_page, server.url, "Bob")
    wait_text(ada, "#status", "2 people are here")
    assert not ada.is_visible("#alone")
    assert texts(ada, ".name bdi") == ["Ada", "Bob"]
    assert texts(bob, ".name bdi") == ["Bob", "Ada"], "oneself first"
    say(ada, "hello, Bob")
    for page in (ada, bob):
        wait_text(page, ".says", "hello, Bob")
    assert texts(bob, ".says") == ["", "hello, Bob"]
    assert "Ada says: hello, Bob" in texts(bob, "#news p")
    bob.close()
    wait_text(ada, "#status", "Only you are here")
    assert texts(ada, ".name bdi") == ["Ada"]


def test_names_and_words_are_never_markup(start, new_page):
    server = start(SERVER)
    name, words = "<b>Bob</b>&lt;", "</script><img src=x onerror=alert(1)>"
    bob, ada = (come_in(new_page, server.url, each) for each in (name, "Ada"))
    say(bob, words)
    for page in (ada, bob):
        wait_text(page, ".says", words)
        wait_text(page, ".name bdi", name)
        assert page.locator("main b, main img, main script, header b").count() == 0
    assert bob.text_content("#me") == name


def test_logging_out_leads_all_windows_to_the_door(start, new_page):
    server = start(SERVER)
    ada = come_in(new_page, server.url, "Ada")
    second = ada.context.new_page()
    second.goto(server.url)
    second.wait_for_selector("#status[data-state=connected]")
    assert texts(second, ".name bdi") == ["Ada"]
    ada.click("#logout")
    for page in (ada, second):
        page.wait_for_selector("#name")
    # A page may have been made before the server had ended all sessions.
    end = time.monotonic() + DEADLINE
    while "Nobody is here yet." not in ada.inner_text("main"):
        assert time.monotonic() < end
        ada.reload()


def test_a_name_that_is_taken_is_explained_at_the_door(start, new_page):
    server = start(SERVER)
    come_in(new_page, server.url, "Ada")
    page = new_page(server.url)
    page.fill("#name", "ada")
    page.click("text=Come in")
    page.wait_for_selector("#problem")
    assert page.get_attribute("#name", "aria-describedby") == "problem"
    assert page.input_value("#name") == "ada"


def test_after_a_restart_that_forgets_all_logins_the_page_goes_to_the_door(start, new_page):
    server = start(SERVER)
    page = come_in(new_page, server.url, "Ada")
    server.stop(signal.SIGKILL)
    page.wait_for_selector("#status:not([data-state=connected])")
    server.start()
    page.wait_for_selector("#name")


def test_the_lobby_fits_a_phone(start, new_page):
    server = start(SERVER)
    page = come_in(new_page, server.url, "W" * 30, viewport={"width": 360, "height": 640})
    say(page, "x" * 200)
    wait_text(page, ".says", "x" * 200)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.is_visible("#words")
    assert page.is_visible("#logout")
