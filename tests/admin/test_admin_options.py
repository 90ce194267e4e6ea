"""The options of instrument(): what is refused, and how it is said."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.admin_page import AUTH, Page
from support.in_process import listen

from sockio_gevent.admin.options import AdminOptions
from sockio_gevent.testing import Refused

BCRYPT = "$2b$10$heqvAkYMez.Va6Et2uXInOnkCT6/uQj1brkrbyG3LpopDklcq7ZOS"


@pytest.mark.parametrize("mode", ["production", "development"])
def test_without_auth_it_does_not_start(mode: str) -> None:
    for given in ({}, {"auth": None}):
        with pytest.raises(ValueError, match="option 'auth' is missing"):
            listen().instrument(mode=mode, **given)


def test_everybody_may_use_it_in_development_only() -> None:
    with pytest.raises(ValueError, match="for the mode 'development' only"):
        listen().instrument(auth=False)
    listener = listen()
    listener.instrument(auth=False, mode="development")
    assert Page(listener, auth=None).wait("config")


@pytest.mark.parametrize(
    ("given", "kind", "problem"),
    [
        ({"auth": True}, TypeError, "not a bool"),
        ({"auth": "secret"}, TypeError, "not a str"),
        ({"auth": []}, ValueError, "is empty"),
        ({"auth": ["secret"]}, TypeError, "has a str where a dict must be"),
        ({"auth": {"username": "a"}}, ValueError, "either 'password' or 'password_hash'"),
        ({"auth": {"password": "a"}}, ValueError, "needs 'username'"),
        ({"auth": {**AUTH, "password_hash": "x"}}, ValueError, "either 'password' or"),
        ({"auth": {"username": "a", "password": ""}}, ValueError, "'password' is empty"),
        ({"auth": {"username": "a", "password": b"x"}}, TypeError, "must be a str, not a bytes"),
        ({"auth": {**AUTH, "pasword": "x"}}, TypeError, "did you mean 'password'"),
        ({"auth": {"type": "basic", **AUTH}}, TypeError, "no key 'type'"),
        ({"auth": {"username": "a", "password": BCRYPT}}, ValueError, "looks like a hash"),
        ({"auth": {"username": "a", "password_hash": BCRYPT}}, ValueError, "is none of"),
        ({"auth": {"username": "a", "password_hash": "scrypt:3:8:1$s$ab"}}, ValueError, "none of"),
        ({"auth": {"username": "a", "password_hash": "pbkdf2:sha7$s$ab"}}, ValueError, "none of"),
        ({"auth": lambda: True}, TypeError, "called with"),
        ({"auth": AUTH, "mode": "prod"}, ValueError, "'production' or 'development'"),
        ({"auth": AUTH, "namespace": "/"}, ValueError, "the namespace of all clients"),
        ({"auth": AUTH, "namespace": 1}, TypeError, "a str or a compiled pattern"),
        ({"auth": AUTH, "read_only": 1}, TypeError, "True or False"),
        ({"auth": AUTH, "server_id": ""}, TypeError, "a name or None"),
        ({"auth": AUTH, "server_stats_interval": 0}, ValueError, "not a time to wait"),
        ({"auth": AUTH, "server_stats_interval": 6}, ValueError, "at most 5 seconds"),
        ({"auth": AUTH, "readonly": True}, TypeError, "did you mean 'read_only'"),
        ({"auth": AUTH, "serverId": "a"}, TypeError, "did you mean 'server_id'"),
        ({"auth": AUTH, "ui_directory": 1}, TypeError, "the path of a folder"),
        ({"auth": AUTH, "ui_directory": "nowhere"}, ValueError, "npm install @socket.io/admin-ui"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else None,
)
def test_a_mistake_is_refused_at_once(given: Any, kind: type[Exception], problem: str) -> None:
    listener = listen()
    with pytest.raises(kind, match=re.escape(problem)):
        listener.instrument(**given)
    # Nothing was done, so the right call works.
    listener.instrument(auth=AUTH)


def test_an_error_does_not_show_the_password() -> None:
    for auth in ("hunter2", [AUTH, "hunter2"], {"username": "a", "password": ["hunter2"]}):
        with pytest.raises(TypeError) as caught:
            listen().instrument(auth=auth)
        assert "hunter2" not in str(caught.value)


def test_the_options_do_not_show_the_password() -> None:
    assert AUTH["password"] not in repr(AdminOptions.read({"auth": AUTH}))


def test_it_is_called_once() -> None:
    listener = listen()
    listener.instrument(auth=AUTH)
    with pytest.raises(RuntimeError, match="called before"):
        listener.instrument(auth=AUTH, namespace="/other")


@pytest.mark.parametrize("dialects", [("classic",), ("engine.io",)], ids="+".join)
def test_it_needs_clients_of_socket_io(dialects: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"does not have 'socket\.io'"):
        listen(dialects=dialects).instrument(auth=AUTH)


def test_a_namespace_of_the_application_is_not_taken() -> None:
    listener = listen()
    listener.of("/admin")
    with pytest.raises(ValueError, match="has a namespace '/admin' already"):
        listener.instrument(auth=AUTH)
    listener.instrument(auth=AUTH, namespace="control")
    assert Page(listener, namespace="/control").wait("config")


def test_without_it_there_is_no_such_namespace() -> None:
    with pytest.raises(Refused, match="Invalid namespace"):
        Page(listen())
