"""The private parts of gevent that this package uses, by names of what they do.

gevent may change them in any version. So no other module names them, and each is
checked for: those of sockets and hubs when this module is imported, those of the
server when a server is passed to ``listen()``. tests/hub/test_gevent_private.py
finds a use elsewhere.

What a subclass uses or overrides cannot be called from here; :data:`INHERITED`
says which file uses what. These files also rely on attributes of ``WSGIHandler``
and ``Input`` that have public names but no documentation, such as ``wsgi_input``
and ``chunk_length``; server/http/accepting.py replaces ``do_read`` of a server, and
an object of server/http/discard_body.py takes the place of an ``Input``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from operator import attrgetter
from pkgutil import resolve_name
from typing import Any

import gevent
from gevent import monkey

__all__ = [
    "INHERITED",
    "TESTED",
    "bare_socket",
    "check_server_parts",
    "forget_descriptor",
    "hub_if_any",
    "is_encrypted",
    "no_log_class",
    "pause_accepting",
    "read_watcher",
    "tls_object",
    "unused_read_watcher",
    "wait_readable",
]

#: The versions of gevent that the tests run with; setup.cfg requires the same.
TESTED = ">=23.9.1,<27"

_HUB_IF_ANY = "gevent._hub_local:get_hub_if_exists"
_OF_SOCKETS = (
    _HUB_IF_ANY,
    "gevent.socket:socket._sock",
    "gevent.socket:socket._read_event",
    "gevent.socket:socket._wait",
)
_OF_SERVERS = (
    "gevent.pywsgi:_NoopLog",
    "gevent.pywsgi:WSGIServer._start_accepting_if_started",
)

#: What subclasses of classes of ``gevent.pywsgi`` use or override, by the file they are in.
INHERITED = {
    "server/http/access_log.py": ("WSGIHandler._log_error", "WSGIHandler._print_unexpected_exc"),
    "server/http/body.py": (
        "_InvalidClientInput",
        "Input._chunked_read",
        "Input._discard",
        "Input._do_read",
        "Input._send_100_continue",
    ),
    "server/http/fast_path.py": (
        "Input._discard",
        "WSGIHandler._orig_status",
        "WSGIHandler._sendall",
    ),
    "server/http/head_limits.py": (
        "WSGIHandler._handle_client_error",
        "WSGIHandler._headers",
        "WSGIHandler._send_error_response_if_possible",
    ),
}


def _check(parts: Iterable[str]) -> None:
    """Raise ``ImportError`` if the installed gevent lacks one of these."""
    missing = []
    for part in parts:
        try:
            resolve_name(part)
        except (AttributeError, ImportError):
            missing.append(part.replace(":", "."))
    if missing:
        raise ImportError(
            f"gevent {gevent.__version__} has no {', '.join(missing)}, which sockio_gevent needs. "
            f"Install a version that it was tested with: pip install 'gevent{TESTED}'"
        )


def check_server_parts() -> None:
    """Check that the server of the installed gevent has all that is used of it.

    Raises:
        ImportError: if something is missing; it says which version to install.
    """
    inherited = {name for names in INHERITED.values() for name in names}
    _check([*_OF_SERVERS, *(f"gevent.pywsgi:{name}" for name in sorted(inherited))])


_check(_OF_SOCKETS)

#: The hub of this thread; ``None`` if it has none, and it gets none by this.
hub_if_any: Callable[[], Any] = resolve_name(_HUB_IF_ANY)

#: The socket below a gevent socket. It never waits, and wakes nobody.
bare_socket: Callable[[Any], Any] = attrgetter("_sock")

#: What encrypts for a gevent TLS socket; ``None`` once that is closed.
tls_object: Callable[[Any], Any] = attrgetter("_sslobj")

#: What tells the loop's readers of a gevent socket; ``None`` once the socket is closed.
#: If it is closed while the watcher runs, gevent calls ``throw`` of the object that the
#: watcher's callback is a method of.
read_watcher: Callable[[Any], Any] = attrgetter("_read_event")


def is_encrypted(socket: Any) -> bool:
    """Whether TLS stands between a gevent socket and its peer."""
    return getattr(socket, "_sslobj", None) is not None


def unused_read_watcher(socket: Any) -> Any:
    """The read watcher of a gevent socket, or ``None`` if somebody waits with it."""
    watcher = socket._read_event
    return watcher if watcher is not None and watcher.callback is None else None


def forget_descriptor(socket: Any) -> None:
    """Make the loop forget a socket that another process has, too, before it is closed here.

    epoll forgets a file when the last process closes it (epoll(7), questions 6). Until then the
    loop would be woken for the other process, and would begin anew with all sockets each time.
    """
    loop = gevent.get_hub().loop
    if getattr(loop, "backend", None) != "epoll":
        return
    # Monkey-patching removes it. An epoll object closes its file, so it gets a copy.
    poller = monkey.get_original("select", "epoll").fromfd(os.dup(loop.fileno()))
    try:
        poller.unregister(bare_socket(socket).fileno())
    except (OSError, ValueError):
        pass  # the loop has never watched it
    finally:
        poller.close()


def wait_readable(socket: Any) -> None:
    """Wait until a gevent socket has something to read, for as long as its timeout allows."""
    socket._wait(socket._read_event)


def pause_accepting(server: Any, seconds: float) -> None:
    """Have a gevent server accept no connections for a while; its ``stop()`` ends the pause."""
    server.stop_accepting()
    server._timer = server.loop.timer(seconds)
    server._timer.start(server._start_accepting_if_started)


def no_log_class() -> type:
    """The class of the log that a ``WSGIServer`` has if it has none."""
    # Not on top: importing the package must not import a server.
    from gevent import pywsgi

    return pywsgi._NoopLog  # type: ignore[no-any-return]
