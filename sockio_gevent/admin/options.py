"""The options of :meth:`~sockio_gevent.Listener.instrument`, and their checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..namespaces import full_name
from ..options import checks
from ..options.suggestions import did_you_mean
from . import files, passwords

__all__ = ["DEVELOPMENT", "PRODUCTION", "AdminOptions"]

PRODUCTION = "production"
DEVELOPMENT = "development"

# The page takes a server for dead if it hears nothing of it for ten seconds.
_LONGEST_INTERVAL = 5.0

_MISSING: Any = object()


@dataclass(frozen=True)
class AdminOptions:
    """The options of the admin page.

    Attributes:
        auth: who may use the page: a dict with ``username`` and ``password``, or with
            ``username`` and ``password_hash``; a list of such dicts; or a function of what the
            page has sent, a dict, that returns true for those who may. ``False`` for everybody,
            which is for the mode ``'development'`` only. It has to be given.
        mode: ``'production'`` shows servers, namespaces and counts. ``'development'`` shows each
            client, its rooms and its events, too, and so costs more.
        namespace: the namespace that the page connects to. The application has no other use for it.
        read_only: whether the page may only look, and not emit, join, leave and disconnect.
        server_id: the name of this server on the page; ``None`` for that of the machine. Where
            there may be several workers, the number of the process is added.
        server_stats_interval: seconds between two reports of a server, at most 5.
        ui_directory: the folder of the page, such as
            ``'node_modules/@socket.io/admin-ui/ui/dist'``, which is served at
            ``/<resource>/admin/``. ``None``: the page is served elsewhere.
    """

    auth: Any = field(default=_MISSING, repr=False)  # it may have a password
    mode: str = PRODUCTION
    namespace: str = "/admin"
    read_only: bool = False
    server_id: str | None = None
    server_stats_interval: float = 2.0
    ui_directory: str | None = None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> AdminOptions:
        """Check the values that the user gave, and fill in the defaults.

        Raises:
            TypeError: if there is no such option, or its value is of the wrong kind.
            ValueError: if the kind is right but the value makes no sense, or ``auth`` is missing.
        """
        known = tuple(each.name for each in fields(cls))
        for name in given:
            if name not in known:
                raise TypeError(f"no option {name!r}: {did_you_mean(name, known)}")
        options = cls(**{name: _CHECKS[name](name, value) for name, value in given.items()})
        if options.auth is _MISSING or options.auth is None:
            raise ValueError(
                "option 'auth' is missing: give {'username': …, 'password': …}, or a function; "
                "auth=False lets everybody in, in the mode 'development' only"
            )
        if options.auth is False and options.mode == PRODUCTION:
            raise ValueError(
                "option 'auth' is False, so everybody could use the admin page: that is for the "
                "mode 'development' only"
            )
        return options


def _mode(name: str, value: object) -> str:
    if value not in (PRODUCTION, DEVELOPMENT):
        known = f"{PRODUCTION!r} or {DEVELOPMENT!r}"
        raise ValueError(f"option {name!r} must be {known}, not {value!r}")
    return str(value)


def _namespace(name: str, value: Any) -> str:
    found = full_name(value)
    if found == "/":
        raise ValueError(f"option {name!r}: '/' is the namespace of all clients")
    return found


def _server_id(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise checks.wrong(name, value, "a name or None")
    return value


def _interval(name: str, value: object) -> float:
    seconds = float(checks.seconds(name, value))
    if seconds > _LONGEST_INTERVAL:
        raise ValueError(
            f"option {name!r} must be at most {_LONGEST_INTERVAL:g} seconds, not {value!r}: "
            "the page takes a server for dead that says nothing"
        )
    return seconds


_CHECKS: dict[str, checks.Check] = {
    "auth": passwords.check,
    "mode": _mode,
    "namespace": _namespace,
    "read_only": checks.switch,
    "server_id": checks.optional(_server_id),
    "server_stats_interval": _interval,
    "ui_directory": checks.optional(files.check),
}
