"""The option ``cluster``: what it may be."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from redis import ConnectionError  # noqa: A004
from redis.sentinel import MasterNotFoundError, Sentinel

import sockio_gevent as io
from sockio_gevent.cluster import redis_client, redis_servers
from sockio_gevent.options.listener_options import Options


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("auto", "auto"),
        (None, None),
        ("/run/chat", "/run/chat"),
        ("/run/chat/", "/run/chat"),
        (Path("/run/chat"), "/run/chat"),
        ("redis://:secret@localhost:6379/0", "redis://:secret@localhost:6379/0"),
        ("rediss://localhost", "rediss://localhost"),
        ("redis+sentinel://a,b:1/service/0", "redis+sentinel://a,b:1/service/0"),
        ("valkeys+cluster://a,b", "valkeys+cluster://a,b"),
    ],
)
def test_it_says_how_workers_find_each_other(given: Any, kept: Any) -> None:
    assert Options.read({"cluster": given}).cluster == kept


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (True, TypeError, "must be 'auto', None, the address of a Redis, or the path"),
        (4, TypeError, "must be 'auto', None, the address of a Redis, or the path"),
        ("run/chat", ValueError, "must be 'auto', None, the address of a Redis, or the path"),
        ("off", ValueError, "must be 'auto', None, the address of a Redis, or the path"),
        ("", ValueError, "must be 'auto', None, the address of a Redis, or the path"),
        ("/run/\0", ValueError, "must be 'auto', None, the address of a Redis, or the path"),
        ("http://:secret@localhost", ValueError, "cannot meet over 'http': addresses of Redis"),
        ("unix+cluster:///x", ValueError, "cannot meet over 'unix.cluster': addresses of Redis"),
        ("redis+other://x", ValueError, "cannot meet over 'redis.other': addresses of Redis"),
    ],
)
def test_anything_else_is_refused_at_the_start(given: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=f"option 'cluster'.*{text}"):
        io.listen(lambda environ, start_response: [], cluster=given)


def listen(**options: Any) -> io.Listener:
    return io.listen(lambda environ, start_response: [], **options)


def test_redis_needs_sockets_that_are_patched() -> None:
    with pytest.raises(RuntimeError, match=r"call gevent\.monkey\.patch_all\(\) before"):
        listen(cluster="redis://localhost")


def test_redis_needs_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ImportError, match=r"pip install 'sockio_gevent\[redis\]'"):
        listen(cluster="redis://localhost")


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("redis://localhost:port", "port"),
        ("redis+sentinel://localhost", "ends with the name of their service"),
        ("redis+sentinel://localhost:port/service", "^a port in the address .* is no number"),
        ("redis+sentinel://user:sesame/x@localhost/service", "%2F for /"),
        ("redis+sentinel://localhost/service/first", "number of a database .* is no number"),
        ("redis+sentinel://localhost,,other/service", "a host that is empty"),
        ("redis+cluster://localhost/1", "has only the database 0"),
    ],
)
def test_a_wrong_address_of_redis_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str, text: str
) -> None:
    monkeypatch.setattr("sockio_gevent.cluster.redis_client.check_redis", lambda: None)
    with pytest.raises(ValueError, match=text) as raised:
        listen(cluster=address)
    assert "sesame" not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("redis://user:sesame@localhost:1/2", "redis://localhost:1/2"),
        ("redis://localhost?password=sesame", "redis://localhost"),
        ("redis+sentinel://:sesame@a,b:1/s?sentinel_password=x@sesame", "redis+sentinel://a,b:1/s"),
        ("redis+sentinel://a/s?sentinel_password=x@sesame", "redis+sentinel://…"),
        ("redis://:sesa/sesame@localhost", "redis://localhost"),
        ("redis://:sesame?sesame@localhost", "redis://…"),
    ],
)
def test_an_address_is_shown_without_its_passwords(address: str, seen: str) -> None:
    assert redis_client.shown(address) == seen


def test_the_error_of_sentinels_does_not_tell_their_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def find(sentinels: Any, service: str) -> Any:
        raise MasterNotFoundError(f"none for {service}: password=sesame")

    monkeypatch.setattr(Sentinel, "discover_master", find)
    pool = redis_servers.pool_of_sentinels("redis+sentinel://localhost/service")
    with pytest.raises(ConnectionError, match="no sentinel names a master of 'service'") as raised:
        pool.get_connection()
    error: BaseException | None = raised.value
    while error is not None:
        assert "sesame" not in str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_an_address_of_several_servers_says_all_that_one_of_one_server_says() -> None:
    scheme, hosts, path, options = redis_servers._read(
        "rediss+sentinel://user:p%40ss@[::1]:1,b,c:3/service/2?ssl_ca_certs=/x&sentinel_password=y",
        26379,
    )
    assert (scheme, hosts, path) == ("rediss", [("::1", 1), ("b", 26379), ("c", 3)], "service/2")
    assert options["username"] == "user"
    assert options["password"] == "p@ss"
    assert options["ssl_ca_certs"] == "/x"
    assert options["sentinel_password"] == "y"
