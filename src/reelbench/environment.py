"""What a machine may lack: letters of its terminal, space on a disk, the right to write."""

import errno
import io
import os
import re
import sys
from itertools import takewhile
from pathlib import Path

import yaml

_CAUSES = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
_LIBRARIES = ("duckdb", "_duckdb", "sqlite3", "pyarrow", "h5py")


def print_always() -> None:
    """Let this process print "?" for what its terminal cannot show, where Python breaks off."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def trouble(error: Exception) -> str | None:
    """What to tell of an error of the file system that a user can mend; None for any other."""
    if not isinstance(error, OSError) and type(error).__module__.split(".")[0] not in _LIBRARIES:
        return None
    # pyarrow says of a missing file its name alone
    missing = isinstance(error, FileNotFoundError)
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
            shown = Path(
                *takewhile(lambda part: not re.match(r"\.(scratch|.*\.tmp)", part), place.parts)
            )
            detail = "" if name else f" ({str(error).partition(chr(10))[0][:200]})"
            return f"{shown}: {cause['told']}{detail}"
    return None
