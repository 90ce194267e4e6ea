"""Who may use the admin page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import gevent
import pytest
from support.admin_page import AUTH, Page
from support.http import DEADLINE
from support.in_process import listen
from support.two_workers import Pair, two_workers
from werkzeug.security import generate_password_hash

import sockio_gevent as io
from sockio_gevent.admin import logins
from sockio_gevent.admin.passwords import checker
from sockio_gevent.testing import Refused

WRONG = [
    None,
    {},
    {"username": "admin"},
    {"password": "secret"},
    {"username": "admin", "password": "Secret"},
    {"username": "admin", "password": ""},
    {"username": "Admin", "password": "secret"},
    {"username": "", "password": ""},
    {"username": None, "password": None},
    {"username": ["admin"], "password": ["secret"]},
    {"username": "admin", "password": "secret "},
    {"sessionId": ""},
    {"sessionId": None},
    {"sessionId": "guessed"},
    {"sessionId": {"$ne": ""}},
]
HASHES = ["scrypt:1024:8:1", "pbkdf2:sha256:1000", "pbkdf2:sha512:1000"]


def instrumented(**options: Any) -> io.Listener:
    listener = listen()
    listener.instrument(**{"auth": AUTH, **options})
    return listener


@pytest.mark.parametrize("shown", WRONG, ids=repr)
@pytest.mark.parametrize("hashed", [False, True])
def test_wrong_credentials_are_refused_in_the_words_of_the_page(shown: Any, hashed: bool) -> None:
    secret = {"password": "secret"}
    if hashed:
        secret = {"password_hash": generate_password_hash("secret", HASHES[0])}
    with pytest.raises(Refused) as caught:
        Page(instrumented(auth={"username": "admin", **secret}), auth=shown)
    assert caught.value.text == "invalid credentials"


@pytest.mark.parametrize("method", HASHES)
def test_a_hash_of_werkzeug_is_good(method: str) -> None:
    listener = instrumented(
        auth={"username": "ann", "password_hash": generate_password_hash("päss", method)}
    )
    assert Page(listener, auth={"username": "ann", "password": "päss"}).wait("session")
    with pytest.raises(Refused, match="invalid credentials"):
        Page(listener, auth={"username": "ann", "password": "pass"})


def test_the_default_hash_of_werkzeug_is_good() -> None:
    known = {"username": "a", "password_hash": generate_password_hash("b")}
    assert Page(instrumented(auth=known), auth={"username": "a", "password": "b"}).wait("session")


def test_text_without_an_encoding_is_wrong_and_no_failure() -> None:
    for secret in ({"password": "?"}, {"password_hash": generate_password_hash("?", HASHES[0])}):
        check = checker({"username": "?", **secret})
        assert check is not None
        assert not check({"username": "\ud800", "password": "\ud800"})


def test_each_account_of_a_list_may() -> None:
    other = {"username": "ben", "password": "ü"}
    listener = instrumented(auth=[AUTH, other])
    for shown in (AUTH, other):
        assert Page(listener, auth=shown).wait("session")
    with pytest.raises(Refused, match="invalid credentials"):
        Page(listener, auth={"username": "ben", "password": "secret"})


def test_a_function_decides() -> None:
    seen: list[Any] = []

    def check(auth: dict[str, Any]) -> bool:
        seen.append(auth)
        return auth.get("token") == "right"

    listener = instrumented(auth=check)
    with pytest.raises(Refused, match="invalid credentials"):
        Page(listener, auth={"token": "wrong"})
    assert Page(listener, auth={"token": "right", "more": 1}).wait("session")
    assert seen == [{"token": "wrong"}, {"token": "right", "more": 1}]


def test_a_function_that_fails_lets_nobody_in() -> None:
    def check(auth: dict[str, Any]) -> bool:
        raise LookupError("a mistake")

    with pytest.raises(LookupError):
        Page(instrumented(auth=check))


def test_others_are_served_while_a_hash_is_checked() -> None:
    may_go_on = threading.Event()

    def slow(sent: Any) -> bool:
        return may_go_on.wait(DEADLINE)

    known = {"username": "a", "password_hash": generate_password_hash("b", HASHES[0])}
    with patch.object(logins, "checker", lambda auth: slow):
        listener = instrumented(auth=known)
    gevent.spawn(may_go_on.set)  # it runs if the loop does
    assert Page(listener, auth={}).wait("session")


# --- a page comes back ---


def test_a_page_comes_back_with_its_login() -> None:
    listener = instrumented()
    (login,) = Page(listener).wait("session")
    again = Page(listener, auth={"sessionId": login})
    again.wait("config")
    assert again.named("session") == []


def test_a_login_is_good_for_a_day() -> None:
    listener = instrumented()
    (login,) = Page(listener).wait("session")
    with patch.object(logins, "monotonic", lambda: 10**9), pytest.raises(Refused, match="invalid"):
        Page(listener, auth={"sessionId": login})


def test_the_oldest_logins_are_forgotten() -> None:
    listener = instrumented()
    with patch.object(logins, "_MOST_LOGINS", 3):
        found = [Page(listener).wait("session")[0] for _ in range(4)]
    for login in found[1:]:
        Page(listener, auth={"sessionId": login})
    with pytest.raises(Refused, match="invalid credentials"):
        Page(listener, auth={"sessionId": found[0]})


def test_a_login_of_one_listener_is_none_of_another() -> None:
    (login,) = Page(instrumented()).wait("session")
    with pytest.raises(Refused, match="invalid credentials"):
        Page(instrumented(), auth={"sessionId": login})


# --- guesses ---


@pytest.fixture
def same_minute() -> Iterator[None]:
    """All attempts of a test are in one minute, however slow the machine is."""
    with patch.object(logins, "monotonic", lambda: 1000.0):
        yield


def guess(listener: io.Listener, address: str, shown: Any = None) -> str:
    """Show something wrong; return what is said to it."""
    with pytest.raises(Refused) as caught:
        Page(listener, auth=shown or {"username": "admin", "password": "?"}, address=address)
    return str(caught.value.text)


def test_guesses_of_one_address_are_limited_and_those_of_others_go_on(same_minute: None) -> None:
    listener = instrumented()
    said = [guess(listener, "192.0.2.1") for _ in range(12)]
    assert said == ["invalid credentials"] * 10 + ["too many attempts, wait a minute"] * 2
    # Not even the right one, or guessing would go on.
    assert guess(listener, "192.0.2.1", AUTH) == said[-1]
    assert Page(listener, address="192.0.2.2").wait("session")


def test_addresses_of_one_ipv6_network_count_together(same_minute: None) -> None:
    listener = instrumented()
    said = [guess(listener, f"2001:db8::{number:x}") for number in range(11)]
    assert said[-1] == "too many attempts, wait a minute"


def test_guesses_of_all_addresses_together_are_limited(same_minute: None) -> None:
    listener = instrumented()
    (login,) = Page(listener).wait("session")
    said = [guess(listener, f"192.0.2.{number}") for number in range(101)]
    assert said == ["invalid credentials"] * 100 + ["too many attempts, wait a minute"]
    # Who has logged in before comes back all the same.
    assert Page(listener, auth={"sessionId": login}).wait("config")


def test_guesses_are_forgotten_after_a_minute() -> None:
    guesses = logins.Guesses(most_of_one=1)
    with patch.object(logins, "monotonic", lambda: 1000.0):
        assert guesses.begin("a")
        assert not guesses.begin("a")
    with patch.object(logins, "monotonic", lambda: 1060.0):
        assert guesses.begin("a")


def test_right_attempts_do_not_count(same_minute: None) -> None:
    listener = instrumented()
    for _ in range(20):
        Page(listener).client.disconnect()
    assert Page(listener).wait("session")


def test_the_log_says_who_was_refused_and_shows_no_password() -> None:
    lines: list[str] = []
    listener = listen(log=lines.append)
    listener.instrument(auth=AUTH)
    guess(listener, "192.0.2.1", {"username": "admin", "password": "hunter2"})
    assert [line for line in lines if "admin page" in line] == [
        "the admin page is refused to 192.0.2.1: wrong credentials"
    ]
    assert not any("hunter2" in line for line in lines)


# --- several workers ---


@pytest.fixture
def pair() -> Iterator[Pair]:
    with two_workers(listen) as pair:
        yield pair


def test_a_login_is_good_at_each_worker(pair: Pair) -> None:
    for each in (pair.here, pair.there):
        each.instrument(auth=AUTH)
    (login,) = Page(pair.here).wait("session")
    assert Page(pair.there, auth={"sessionId": login}).wait("config")
    with pytest.raises(Refused, match="invalid credentials"):
        Page(pair.there, auth={"sessionId": f"{login}x"})


def test_a_worker_that_came_later_asks_for_the_login(pair: Pair) -> None:
    pair.here.instrument(auth=AUTH)
    (login,) = Page(pair.here).wait("session")
    pair.there.instrument(auth=AUTH)
    assert Page(pair.there, auth={"sessionId": login}).wait("config")
