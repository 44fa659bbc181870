"""Which state of the code made a result: git's commit, and whether files differ from it."""

from __future__ import annotations

import subprocess
from typing import NamedTuple

_RESULTS = (":!data", ":!reports", ":!dvc.lock")


class Revision(NamedTuple):
    """A checkout: the hash of its commit, and whether files differ from that."""

    commit: str
    dirty: bool


def read() -> Revision | None:
    """Of the current folder; None outside a git checkout.

    Data, reports and the lock file are results, which differ while a pipeline runs.
    """
    try:
        commit = _output("git", "rev-parse", "HEAD")
        changes = _output("git", "status", "--porcelain", "--", ".", *_RESULTS)
    except (OSError, subprocess.SubprocessError):
        return None
    return Revision(commit, bool(changes))


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
