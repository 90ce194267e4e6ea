"""Who may use the admin page: passwords, guesses, and the logins that a page shows again.

A page that has logged in gets a secret, the id of its login, and shows it when it comes back, to
any worker. A worker that does not know it asks the others, so a new worker needs no list of them.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import gevent
from gevent.lock import Semaphore

from ..client import Client
from ..errors import AckTimeout, Refused
from ..hub.per_hub import thread_lock
from ..monitoring.throttled_log import ThrottledLog
from ..namespace import Namespace
from ..server.http.environ import peer_name
from ..session.session_quota import counted_as
from .passwords import checker, is_slow

__all__ = ["Guesses", "Logins"]

_DURATION = 24 * 60 * 60.0  # seconds
_MOST_LOGINS = 1000
_SECRET_SIZE = 24  # bytes
_LONGEST_ANSWER = 2.0  # seconds that the other workers have to say whether they know a login

_NEW, _KNOWN = "sockio admin login", "sockio admin known"

# How many wrong attempts there may be in a period, from one network and from all together.
_PERIOD = 60.0  # seconds
_MOST_OF_ONE = 10
_MOST_OF_ALL = 100


class Guesses:
    """Counts the attempts of those who are not known yet; any thread may count.

    Args:
        most_of_one: how many attempts one network may have in a minute.
        most_of_all: how many all together may have.
    """

    def __init__(self, most_of_one: int = _MOST_OF_ONE, most_of_all: int = _MOST_OF_ALL) -> None:
        self._most_of_one = most_of_one
        self._most_of_all = most_of_all
        self._lock = thread_lock()
        self._until = 0.0
        self._counts: Counter[str] = Counter()

    def begin(self, network: str) -> bool:
        """Count an attempt, before it is checked; false if there were too many."""
        with self._lock:
            now = monotonic()
            if now >= self._until:
                self._counts.clear()
                self._until = now + _PERIOD
            too_many = self._counts[network] >= self._most_of_one
            if too_many or self._counts.total() >= self._most_of_all:
                return False
            self._counts[network] += 1
            return True

    def was_right(self, network: str) -> None:
        """An attempt was right, and does not count."""
        with self._lock:
            if self._counts[network]:
                self._counts[network] -= 1


class Logins:
    """The middleware of the admin namespace.

    Args:
        auth: the option of this name.
        namespace: the admin namespace.
        log: the throttled log of the listener.
        guesses: counts attempts.
    """

    def __init__(
        self, auth: Any, namespace: Namespace, log: ThrottledLog, guesses: Guesses | None = None
    ) -> None:
        self._check = checker(auth)
        self._is_slow = is_slow(auth)
        self._one_at_a_time = Semaphore()
        self._namespace = namespace
        self._log = log
        self._guesses = guesses or Guesses()
        self._lock = thread_lock()
        # When each ends, by the digest of its id; the oldest first.
        self._ends: dict[str, float] = {}
        self._new: WeakKeyDictionary[Client, str] = WeakKeyDictionary()
        namespace.use(self.let_in)
        namespace.on_server_side(_NEW, self._learn)
        namespace.on_server_side(_KNOWN, self._seconds_left)

    def let_in(self, client: Client) -> None:
        """Refuse a client that shows neither a login nor the right password."""
        if self._check is None:
            return
        sent: Mapping[str, Any] = client.auth if isinstance(client.auth, Mapping) else {}
        login = sent.get("sessionId")
        digest = _digest(login) if isinstance(login, str) and login else None
        if digest is not None and self._seconds_left(digest) is not None:
            return
        network = counted_as(client.environ.get("REMOTE_ADDR"))
        if not self._guesses.begin(network):
            self._warn("too many attempts", client)
            raise Refused("too many attempts, wait a minute")
        if digest is not None and self._is_known_elsewhere(digest):
            self._guesses.was_right(network)
            return
        if not self._is_right(sent):
            if set(sent) - {"sessionId"}:
                self._warn("wrong credentials", client)
            # The page has a text of its own for this one, and asks again.
            raise Refused("invalid credentials")
        self._guesses.was_right(network)
        login = secrets.token_urlsafe(_SECRET_SIZE)
        self._new[client] = login
        self._learn(_digest(login), _DURATION)
        self._namespace.server_side_emit(_NEW, _digest(login), _DURATION)

    def _warn(self, problem: str, client: Client) -> None:
        line = "the admin page is refused to %s: %s"
        self._log.warning(("admin", problem), line, peer_name(client.environ), problem)

    def take_new(self, client: Client) -> str | None:
        """The id of the login that a client has just got; ``None`` if it had one."""
        return self._new.pop(client, None)

    def _is_right(self, sent: Mapping[str, Any]) -> bool:
        assert self._check is not None
        if not self._is_slow:
            return self._check(sent)
        # Others are served meanwhile. Several at once would take much memory.
        with self._one_at_a_time:
            return bool(gevent.get_hub().threadpool.apply(self._check, (sent,)))

    # --- logins ---

    def _learn(self, digest: Any, seconds: Any) -> None:
        """There is a login, here or at another worker."""
        if not isinstance(digest, str) or not isinstance(seconds, int | float):
            return
        with self._lock:
            self._ends[digest] = monotonic() + min(seconds, _DURATION)
            while len(self._ends) > _MOST_LOGINS:
                del self._ends[next(iter(self._ends))]

    def _seconds_left(self, digest: Any) -> float | None:
        """How long a login is good for; ``None`` if this worker does not know it."""
        if not isinstance(digest, str):
            return None
        with self._lock:
            left = self._ends.get(digest, 0.0) - monotonic()
            if left <= 0:
                self._ends.pop(digest, None)
                return None
            return left

    def _is_known_elsewhere(self, digest: str) -> bool:
        try:
            answers = self._namespace.server_side_call(_KNOWN, digest, timeout=_LONGEST_ANSWER)
        except AckTimeout as error:
            answers = error.answers
        for seconds in answers.values():
            if isinstance(seconds, int | float):
                self._learn(digest, seconds)
        return self._seconds_left(digest) is not None


def _digest(login: str) -> str:
    # The id itself is kept nowhere, and does not go over the bus.
    return sha256(login.encode(errors="surrogatepass")).hexdigest()
