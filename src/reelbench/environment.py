"""What surrounds a process: its terminal and disk, and the passwords in its addresses."""

import errno
import io
import os
import re
import sys
from itertools import takewhile
from pathlib import Path
from urllib.parse import quote, unquote

import yaml

_CAUSES = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
_LIBRARIES = ("duckdb", "_duckdb", "sqlite3", "pyarrow", "h5py")
# a password may hold "@", ":" and "/": it extends to the last "@" of the address
_USER = re.compile(r"\b(?!(?:sqlite|file):)([A-Za-z][A-Za-z0-9+.-]*://)(\S*)@")
# the scheme of an address may be mistyped or missing; a file's path may hold anything
_NO_SCHEME = re.compile(r"(?:[\w.+]*=)?['\"]?(?!(?:sqlite|file):///)[^?#@]*:(?!//)[^@]+@")
_CREDENTIALS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
_NAMES = r"[\w.-]*(?:pass|pwd|token|secret|api_?key|credential|signature|odbc_connect)[\w.-]*"
_QUERY = re.compile(rf"(://\S*?[?&;#]{_NAMES}=)[^&\s'\"]+", re.IGNORECASE)


def print_always() -> None:
    """Let this process print "?" for what its terminal cannot show, where Python breaks off."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def trouble(error: Exception) -> str | None:
    """What to tell of an error of the file system that a user can mend; None for any other."""
    if not isinstance(error, OSError) and type(error).__module__.split(".")[0] not in _LIBRARIES:
        return None
    missing = isinstance(error, FileNotFoundError)  # pyarrow says of a missing file its name alone
    number = errno.errorcode.get(getattr(error, "errno", None) or missing * errno.ENOENT)
    # of a copy, the place that it goes to
    name = getattr(error, "filename2", None) or getattr(error, "filename", None)
    name = name or (error.args[0] if missing and error.args else None)
    place = Path(os.fsdecode(name)) if isinstance(name, str | bytes | os.PathLike) else Path.cwd()
    if number == "ENOENT" and place.parts[0] in ("data", "reports"):
        return f"{place} is missing: run `make repro`"
    for cause in _CAUSES:
        if number in cause["numbers"] or re.search(cause["words"], str(error), re.IGNORECASE):
            # a temporary name says nothing to the user
            kept = takewhile(lambda part: not re.match(r"\.(scratch|.*\.tmp)", part), place.parts)
            detail = "" if name else f" ({str(error).partition(chr(10))[0][:200]})"
            return f"{Path(*kept)}: {cause['told']}{detail}"
    return None


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


def without_password(address: str) -> tuple[str, dict[str, str]]:
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
