"""The option ``auth`` of the admin page: names and passwords, plain or hashed."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..options import checks
from ..options.suggestions import did_you_mean

__all__ = ["Check", "check", "checker", "is_slow"]

#: Whether what the page has sent, a dict, is right. It may take long.
Check = Callable[[Mapping[str, Any]], bool]

_SECRETS = ("password", "password_hash")
# The hashes of Werkzeug's generate_password_hash(): method, salt, hexadecimal digits.
_SCRYPT = re.compile(r"scrypt(?::(\d{1,8}):(\d{1,3}):(\d{1,3}))?\$([^$]+)\$([0-9a-f]+)")
_PBKDF2 = re.compile(r"pbkdf2:(sha\d+)(?::(\d{1,8}))?\$([^$]+)\$([0-9a-f]+)")
_LOOKS_HASHED = re.compile(r"\$2[aby]?\$\d\d\$.{53}|(?:scrypt|pbkdf2)[:$].*\$.*\$.*")
_SCRYPT_DEFAULT = (32768, 8, 1)
_PBKDF2_DEFAULT = 1_000_000


def check(name: str, value: Any) -> Any:
    """Check the option ``auth``; see :class:`~sockio_gevent.admin.options.AdminOptions`."""
    if value is None or value is False:
        return value
    if callable(value):
        return checks.called_with("auth")(name, value)
    accounts = [value] if isinstance(value, Mapping) else value
    if not isinstance(accounts, list | tuple) or value is True:
        wanted = "a dict with 'username' and 'password', a list of them, a function or False"
        # The value is not shown: it may be a password.
        raise TypeError(f"option {name!r} must be {wanted}, not a {type(value).__name__}")
    if not accounts:
        raise ValueError(f"option {name!r} is empty: nobody could use the admin page")
    for account in accounts:
        _check_account(name, account)
    return value


def _check_account(name: str, account: Any) -> None:
    if not isinstance(account, Mapping):
        raise TypeError(f"option {name!r} has a {type(account).__name__} where a dict must be")
    for key, text in account.items():
        if key not in ("username", *_SECRETS):
            hint = did_you_mean(str(key), ("username", *_SECRETS))
            raise TypeError(f"option {name!r}: no key {key!r}: {hint}")
        if not isinstance(text, str):
            raise TypeError(f"option {name!r}: {key!r} must be a str, not a {type(text).__name__}")
        if not text:
            raise ValueError(f"option {name!r}: {key!r} is empty")
    given = [key for key in _SECRETS if key in account]
    if "username" not in account or len(given) != 1:
        raise ValueError(
            f"option {name!r} needs 'username', and either 'password' or 'password_hash'"
        )
    if "password" in account and _LOOKS_HASHED.fullmatch(account["password"]):
        raise ValueError(
            f"option {name!r}: the password looks like a hash: those of Werkzeug are for "
            "'password_hash', and a function can check others"
        )
    if "password_hash" in account:
        try:
            _verify(account["password_hash"], "")
        except (ValueError, MemoryError, OverflowError) as error:
            raise ValueError(
                f"option {name!r}: 'password_hash' is none of werkzeug.security's "
                f"generate_password_hash(), with 'scrypt' or 'pbkdf2': {error}"
            ) from None


def checker(auth: Any) -> Check | None:
    """What checks whether somebody may use the page.

    Args:
        auth: the option, which was checked.

    Returns:
        ``None`` if everybody may.
    """
    if auth is False:
        return None
    if callable(auth):
        function = auth
        return lambda sent: bool(function(dict(sent)))
    accounts = [dict(each) for each in ([auth] if isinstance(auth, Mapping) else auth)]
    return lambda sent: _matches(accounts, sent)


def is_slow(auth: Any) -> bool:
    """Whether checking takes so long that others would notice: hashes are made to take long."""
    accounts = [auth] if isinstance(auth, Mapping) else auth
    return isinstance(accounts, list | tuple) and any("password_hash" in each for each in accounts)


def _matches(accounts: Sequence[Mapping[str, str]], sent: Mapping[str, Any]) -> bool:
    """Whether name and password are those of an account.

    A wrong name takes as long as a wrong password.
    """
    username, password = sent.get("username"), sent.get("password")
    if not isinstance(username, str) or not isinstance(password, str):
        return False
    found = False
    for account in accounts:
        same_name = _same(account["username"], username)
        if "password" in account:
            same_password = _same(account["password"], password)
        else:
            same_password = _verify(account["password_hash"], password)
        found |= same_name & same_password
    return found


def _same(known: str, sent: str) -> bool:
    """Compare two texts in a time that tells nothing about the first."""
    return hmac.compare_digest(_digest(known), _digest(sent))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _verify(password_hash: str, password: str) -> bool:
    """Whether a hash is that of a password.

    Raises:
        ValueError: if it is no hash of a known method.
    """
    data = password.encode(errors="surrogatepass")
    if match := _SCRYPT.fullmatch(password_hash):
        *numbers, salt, digits = match.groups()
        n, r, p = map(int, numbers) if numbers[0] else _SCRYPT_DEFAULT
        made = hashlib.scrypt(data, salt=salt.encode(), n=n, r=r, p=p, maxmem=132 * n * r * p)
    elif match := _PBKDF2.fullmatch(password_hash):
        digest, iterations, salt, digits = match.groups()
        made = hashlib.pbkdf2_hmac(digest, data, salt.encode(), int(iterations or _PBKDF2_DEFAULT))
    else:
        raise ValueError("the text has another form")
    return hmac.compare_digest(made.hex(), digits)
