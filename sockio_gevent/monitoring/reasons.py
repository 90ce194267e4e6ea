"""Why sessions and connections end."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

__all__ = [
    "ANSWERED",
    "GOES_AWAY",
    "NONE_TAKEN",
    "NOT_ALL_TAKEN",
    "NOT_READ",
    "CloseReason",
    "End",
    "Limit",
]

#: The answers to a POST whose session ended before its messages were handled. Code compares
#: them by identity; clients recognise them by these words.
NONE_TAKEN = "the session ended before any of the messages was taken"
NOT_ALL_TAKEN = "the session ended before all messages were taken"
#: The answer to a POST whose messages could not be read, by a mistake of the server.
NOT_READ = "an error has occurred in the server: it could not read the messages"


class CloseReason(Enum):
    """Why a session ended; the values are the names in the statistics."""

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


class Limit(Enum):
    """The limits; the values are the options that set them, and the names in the statistics."""

    MESSAGE_SIZE = "max_message_size"
    BODY_SIZE = "max_body_size"
    PAYLOAD_MESSAGES = "max_payload_messages"
    MESSAGE_RATE = "max_message_rate"
    REQUESTS = "max_requests_per_session"
    JSON_ELEMENTS = "max_json_elements"
    JSON_DEPTH = "max_json_depth"
    ROOMS = "max_rooms_per_client"
    NAMESPACES = "max_namespaces_per_session"
    PENDING_ACKS = "max_pending_acks"
    BUFFER = "max_buffer"
    MEMORY = "max_memory"
    SESSIONS = "max_sessions"
    ADDRESS = "max_sessions_per_address"
    HEADER_SIZE = "max_header_size"
    HEADER_COUNT = "max_header_count"
    HANDSHAKE = "handshake_timeout"
    BODY_TIME = "body_timeout"
    HANDLER = "handler_timeout"

    def of(self, text: str) -> str:
        """The text for the log, with the option that an operator can change."""
        return f"{text} (option {self.value!r})"


class End(NamedTuple):
    """Why a session or a connection ended.

    Attributes:
        reason: the reason, for the statistics.
        text: the same in words, with the details, for the log.
        limit: the limit that was exceeded, if that was the reason.
    """

    reason: CloseReason
    text: str
    limit: Limit | None = None


GOES_AWAY = End(CloseReason.SERVER, "the server goes away")

#: The end of an HTTP answer that was written completely.
ANSWERED = End(CloseReason.LOST, "the answer is over")
