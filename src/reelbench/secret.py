"""Passwords in addresses: found, taken out, and masked in what is printed or written."""

import os
import re
from urllib.parse import quote, unquote

# a password may hold "@", ":" and "/": it extends to the last "@" of the address
_USER = re.compile(r"\b(?!(?:sqlite|file):)([A-Za-z][A-Za-z0-9+.-]*://)(\S*)@")
# the scheme of an address may be mistyped or missing; a file's path may hold anything
_NO_SCHEME = re.compile(r"(?:[\w.+]*=)?['\"]?(?!(?:sqlite|file):///)[^?#@]*:(?!//)[^@]+@")
_CREDENTIALS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
_NAMES = r"[\w.-]*(?:pass|pwd|token|secret|api_?key|credential|signature|odbc_connect)[\w.-]*"
_QUERY = re.compile(rf"(://\S*?[?&;#]{_NAMES}=)[^&\s'\"]+", re.IGNORECASE)


def has_password(address: str, alone: bool = False) -> bool:
    """Whether a text, or an address alone, holds a password or token; a database's user is none."""
    if alone and _NO_SCHEME.match(address):
        return True
    found = _USER.search(address)
    named = found is not None and (found[1].lower().startswith("http") or ":" in found[2])
    return named or bool(_QUERY.search(address))


def masked(text: str) -> str:
    """A text in which passwords of addresses, and those of the environment, are `***`."""
    for name in (*_CREDENTIALS, "MLFLOW_TRACKING_TOKEN", "PGPASSWORD")[1:]:
        text = text.replace(os.environ.get(name) or "\0", "***")
    return _QUERY.sub(r"\1***", _USER.sub(r"\1***@", text))


def split(address: str) -> tuple[str, dict[str, str]]:
    """An address as MLflow can use it, and environment variables that it needs for it.

    User and password of a server become variables; those of a database stay, and are escaped.
    """
    found = _USER.match(address)
    if found is None:
        return address, {}
    parts, rest = [unquote(part) for part in found[2].partition(":")], address[found.end() :]
    if found[1].lower().startswith("http"):
        return found[1] + rest, dict(zip(_CREDENTIALS, parts[::2], strict=True))
    return f"{found[1]}{quote(parts[0], '')}{parts[1]}{quote(parts[2], '')}@{rest}", {}
