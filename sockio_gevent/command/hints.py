"""Hints for options that other servers have, and for commands that are misspelt."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

__all__ = ["hint"]

_COMMANDS = ("doctor", "emit")
_ADDRESS = "say --host and --port"
_WORKERS = "say --workers"
_GREENLETS = "requests are served in greenlets here, without a limit"
_LOG = "there is no access log here; --log-level says what else is logged"

# Of gunicorn, uvicorn, waitress and Flask.
_ELSEWHERE = {
    "--bind": _ADDRESS,
    "-b": _ADDRESS,
    "--listen": _ADDRESS,
    "-p": "say --port",
    "-w": _WORKERS,
    "--processes": _WORKERS,
    "--threads": _GREENLETS,
    "--worker-class": _GREENLETS,
    "-k": _GREENLETS,
    "--worker-connections": _GREENLETS,
    "--cert": "say --certfile and --keyfile",
    "--key": "say --certfile and --keyfile",
    "--ssl-certfile": "say --certfile",
    "--ssl-keyfile": "say --keyfile",
    "--access-logfile": _LOG,
    "--access-log": _LOG,
    "--error-logfile": "the log goes to stderr here",
    "--debug": "say --log-level debug, or --reload",
    "--app": "the application is named without an option: module:application",
    "--daemon": "have a supervisor such as systemd run it",
    "-D": "have a supervisor such as systemd run it",
}


def hint(arguments: Sequence[str]) -> str | None:
    """The hint for the first option that only other servers have, or for a misspelt command.

    Args:
        arguments: the command line.

    Returns:
        A line that names the option or the command; ``None`` if there is none.
    """
    # An application is one word, and options follow.
    if len(arguments) > 1 and not arguments[0].startswith("-") and arguments[1][:1] != "-":
        meant = get_close_matches(arguments[0], _COMMANDS, 1, 0.75)
        if meant:
            return f"there is no command {arguments[0]!r}: did you mean {meant[0]!r}?"
    for argument in arguments:
        long = argument.startswith("--")
        # The value of a short option may follow without a space: -w4.
        name = argument.partition("=")[0] if long else argument[:2]
        if name in _ELSEWHERE:
            return f"there is no option {name}: {_ELSEWHERE[name]}"
    return None
