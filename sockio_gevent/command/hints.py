"""Hints for options that other servers have, and that users may expect here."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["hint"]

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
    """The hint for the first option that only other servers have.

    Args:
        arguments: the command line.

    Returns:
        A line that names the option; ``None`` if there is none.
    """
    for argument in arguments:
        long = argument.startswith("--")
        # The value of a short option may follow without a space: -w4.
        name = argument.partition("=")[0] if long else argument[:2]
        if name in _ELSEWHERE:
            return f"there is no option {name}: {_ELSEWHERE[name]}"
    return None
