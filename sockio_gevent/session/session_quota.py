"""The session quota: how many sessions there may be, in all and from one address."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv6Address
from typing import Any

from ..hub.per_hub import thread_lock
from ..monitoring.reasons import Limit
from ..options.limits import OverLimit
from ..options.listener_options import Options

__all__ = ["SessionQuota", "counted_as"]

_RETRY = ("Retry-After", "10")  # seconds


def counted_as(address: str | None) -> str:
    """What counts as one address: an IPv4 address, or a network of IPv6.

    An IPv6 client usually has all addresses of a network of 64 bits (RFC 6177).

    Returns:
        Empty for addresses of this machine, whose sessions are not counted: they may come
        through a proxy, from many clients.
    """
    if not address or address.startswith("127."):
        return ""
    if ":" not in address:
        return address
    try:
        # A % comes before the name of a network interface.
        parsed = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return counted_as(str(parsed.ipv4_mapped))
    return "" if parsed.is_loopback else parsed.packed[:8].hex()


class SessionQuota:
    """Counts the sessions of one listener; any thread may count.

    A session counts from when it is opened until it has closed, which may be
    a while after its end.

    Args:
        options: the options of the listener.
    """

    __slots__ = ("_by_network", "_lock", "_most", "_most_of_one", "_total")

    def __init__(self, options: Options) -> None:
        self._most = options.max_sessions
        self._most_of_one = options.max_sessions_per_address
        self._lock = thread_lock()
        self._total = 0
        self._by_network: Counter[str] = Counter()

    def check(self, environ: dict[str, Any]) -> None:
        """Check that one more session may begin.

        Args:
            environ: the WSGI environ of its request.

        Raises:
            OverLimit: if it may not.
        """
        if self._most is not None and self._total >= self._most:
            text = f"there are {self._total} sessions already"
            raise OverLimit(Limit.SESSIONS, "503 Service Unavailable", text, _RETRY)
        if self._most_of_one is None:
            return
        count = self._by_network.get(counted_as(environ.get("REMOTE_ADDR")), 0)
        if count >= self._most_of_one:
            text = f"there are {count} sessions from this address already"
            raise OverLimit(Limit.ADDRESS, "429 Too Many Requests", text, _RETRY)

    def enter(self, environ: dict[str, Any]) -> str:
        """Count one more session; return the argument for :meth:`leave`."""
        network = ""
        if self._most_of_one is not None:
            network = counted_as(environ.get("REMOTE_ADDR"))
        with self._lock:
            self._total += 1
            if network:
                self._by_network[network] += 1
        return network

    def leave(self, network: str) -> None:
        """Count one session less."""
        with self._lock:
            self._total -= 1
            if network:
                self._by_network[network] -= 1
                if not self._by_network[network]:
                    del self._by_network[network]
