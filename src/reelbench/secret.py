"""Passwords in addresses: found, taken out, and masked in what is printed or written."""

from __future__ import annotations

import re
from urllib.parse import unquote

# a password may hold "@", ":" and "/": it extends to the last "@" of the address
_USER = re.compile(r"\b(?!(?:sqlite|file):)([A-Za-z][A-Za-z0-9+.-]*://)(\S*)@")
_NAMES = r"[\w.-]*(?:pass|pwd|token|secret|api_?key|credential|signature)[\w.-]*"
_QUERY = re.compile(rf"(://\S*?[?&;#]{_NAMES}=)[^&\s'\"]+", re.IGNORECASE)


def has_password(address: str) -> bool:
    """Whether an address holds a password or token; the name of a database's user is none."""
    found = _USER.search(address)
    named = found is not None and (found[1].lower().startswith("http") or ":" in found[2])
    return named or bool(_QUERY.search(address))


def masked(text: str) -> str:
    """A text in which the passwords of addresses are `***`."""
    return _QUERY.sub(r"\1***", _USER.sub(r"\1***@", text))


def split(address: str) -> tuple[str, dict[str, str]]:
    """A server's address without user and password, and MLflow's environment variables for them."""
    found = _USER.match(address)
    if found is None or not found[1].lower().startswith("http"):
        return address, {}
    parts = map(unquote, found[2].partition(":")[::2])
    names = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
    return found[1] + address[found.end() :], dict(zip(names, parts, strict=True))
