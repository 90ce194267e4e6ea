"""Why sessions and connections end."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from .limits import Limit

__all__ = ["GOES_AWAY", "NONE_TAKEN", "NOT_ALL_TAKEN", "Cause", "End"]

#: What is wrong with messages that nobody takes any more; compared by identity. Clients
#: know them by these words.
NONE_TAKEN = "the session ended before any of the messages was taken"
NOT_ALL_TAKEN = "the session ended before all messages were taken"


class Cause(Enum):
    """What ended a session; the values are what statistics count by."""

    CLIENT = "client_closed"
    LOST = "connection_lost"
    AWAY = "away_too_long"
    HEARTBEAT = "heartbeat_lost"
    APPLICATION = "disconnected"
    SERVER = "going_away"
    BUFFER = "buffer_full"
    STALLED = "poll_stalled"
    PROTOCOL = "protocol_error"
    LIMIT = "limit_exceeded"
    FAILURE = "failure"


class End(NamedTuple):
    """An end, for counting and for reading.

    Attributes:
        cause: what it counts as.
        text: the same in words, with the details, for the log.
        limit: the limit that was exceeded, if that is why.
    """

    cause: Cause
    text: str
    limit: Limit | None = None


GOES_AWAY = End(Cause.SERVER, "the server goes away")
