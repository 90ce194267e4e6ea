"""Flash policy files: on a port of their own, and in place of a first HTTP request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
from gevent.server import StreamServer

from ...monitoring.log import Log
from ...monitoring.throttled_log import ThrottledLog
from ...wire.flash_policy import REQUEST
from .accepting import accept_with_pauses

__all__ = ["TIMEOUT", "answer_policy_request", "start_policy_server"]

TIMEOUT = 5.0  # seconds that a client has to send the request and take the answer

Policy = Callable[[Any], bytes]


def answer_policy_request(socket: Any, rfile: Any, policy: Policy, log: ThrottledLog) -> None:
    """Answer a client that asks for a policy file; the caller closes the socket.

    Args:
        socket: the gevent socket of the connection.
        rfile: a buffered reader of it.
        policy: makes the policy file for this socket.
        log: the log for failures.
    """
    try:
        with gevent.Timeout(TIMEOUT):
            if rfile.read(len(REQUEST)) == REQUEST:
                socket.sendall(policy(socket))
                return
            problem = "no policy request"
    except gevent.Timeout:
        problem = f"not done within {TIMEOUT} s"
    except OSError:
        problem = "the client has gone"
    log.info("policy", "a Flash policy file was not served: %s", problem)


def start_policy_server(host: str, port: int, policy: Policy, log: Log) -> StreamServer | None:
    """Answer policy requests on a port of their own.

    Args:
        host: the address to listen on.
        port: the port; Flash asks first at 843, which needs privileges.
        policy: makes the policy file for a socket.
        log: the log for failures.

    Returns:
        The running server, or ``None`` if the port cannot be used.
    """
    throttled_log = ThrottledLog(log)

    def handle(socket: Any, address: Any) -> None:
        with socket.makefile("rb") as rfile:
            answer_policy_request(socket, rfile, policy, throttled_log)

    server = StreamServer((host, port), handle, spawn=1000)
    accept_with_pauses(server, log)
    try:
        server.start()
    except OSError as error:
        log.warning(
            "no Flash policy files on port %d (%s): they are served on the main port only; "
            "flash_policy_port=None says that this is meant",
            port,
            error.strerror,
        )
        return None
    return server
