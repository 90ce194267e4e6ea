"""Answers to options that Flask-SocketIO, python-socketio and Socket.IO have.

A user who knows those libraries may write them out of habit. The nearest name
of an option here may mean something else, so the answer says what to use.
"""

from __future__ import annotations

from difflib import get_close_matches

__all__ = ["answer_to", "did_you_mean", "near_miss"]

_TIMES = "here each transport has its times: 'transport_options', with {}"

_ANSWERS = {
    "adapter": "here it is 'cluster'",
    "allow_eio3": "all versions are let in; 'dialects' says which generations may connect",
    "allow_request": "here it is 'authorize'",
    "allow_upgrades": "'transports' says which there are; clients choose by themselves",
    "async_handlers": "handlers of one client run one at a time; gevent.spawn() runs more at once",
    "async_mode": "it is always gevent",
    "always_connect": "here 'authorize' decides who connects",
    "client_manager": "here it is 'cluster'",
    "close_timeout": _TIMES.format("'close_timeout'"),
    "compression_threshold": "'per_message_deflate' compresses WebSockets; a proxy can do the rest",
    "connection_state_recovery": "here it is 'recovery', a number of seconds",
    "cookie": "sessions have no cookie",
    "cors": "here it is 'origins'",
    "cors_allowed_origins": "here it is 'origins'",
    "cors_credentials": "pages of the option 'origins' may always send cookies",
    "engineio_logger": "here it is 'log'",
    "engineio_options": "all options are keyword arguments of listen()",
    "heartbeat_interval": "it is 'ping_interval'; classic clients have 'transport_options'",
    "heartbeat_timeout": "it is 'ping_timeout'; classic clients have 'transport_options'",
    "http_compression": "long polls are compressed; 'per_message_deflate' compresses WebSockets",
    "json": "here it is 'serializer'",
    "logger": "here it is 'log'",
    "manage_session": "Flask's session is that of the request: app.request_context(client.environ)",
    "max_http_buffer_size": "here it is 'max_message_size'",
    "message_queue": "here it is 'cluster', with the same address of a Redis; the workers of one "
    "machine need none",
    "namespaces": "here it is 'socket.of(name)', for each namespace",
    "path": "here it is 'resource'",
    "policy_server": "here it is 'flash_policy_port'",
    "polling_duration": _TIMES.format("'duration'"),
    "serve_client": "'client_directory' names the folder with Node's browser client",
}
_BY_LETTERS = {name.replace("_", ""): answer for name, answer in _ANSWERS.items()}
# Of Node, where they are in milliseconds.
_TIMES_OF_NODE = {
    "connectTimeout": "connect_timeout",
    "pingInterval": "ping_interval",
    "pingTimeout": "ping_timeout",
    "upgradeTimeout": "upgrade_timeout",
}


def answer_to(name: str) -> str:
    """What to use here in place of an option of another library; empty for other names.

    Args:
        name: the name, in snake_case or in camelCase.
    """
    if name in _TIMES_OF_NODE:
        return f"here it is {_TIMES_OF_NODE[name]!r}, in seconds"
    return _BY_LETTERS.get(name.replace("_", "").lower(), "")


def did_you_mean(name: str, known: tuple[str, ...]) -> str:
    """Say which of the known names was probably meant."""
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), by_lower, 1, 0.5)
    return f"did you mean {by_lower[close[0]]!r}?" if close else f"there are {', '.join(known)}"


def near_miss(name: str, known: tuple[str, ...]) -> str:
    """The known name of which this one is probably a misspelling; empty if there is none."""
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), by_lower, 1, 0.85)
    return by_lower[close[0]] if close else ""
