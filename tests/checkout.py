"""A copy of this checkout, with nothing in it that a run makes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from places import ROOT

IDENTITY = ("-c", "user.name=test", "-c", "user.email=test@localhost")


def copy_checkout(folder: Path, *without: str) -> None:
    """Copy what git has, or would take, but the results and the folders `without`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    left_out = tuple(f"{name}/" for name in ("reports", *without))
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and name != "dvc.lock" and not name.startswith(left_out):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
