"""How results were produced: what must be the same to get the same figures again."""

import platform
import re
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from reelbench import faults, params, paths
from reelbench.files import read_json_if_any, sha256_file

_HASHED = (
    paths.TRAIN,
    paths.VALID,
    paths.TEST,
    paths.PROFILE,
    paths.INTERACTIONS,
    paths.ITEMS,
    paths.PARAMS,
    Path("dvc.lock"),
)

_RERUN = "make setup && .venv/bin/dvc repro"  # not `make repro`, which would compose from conf/

_RESULTS = (":!data", ":!reports", ":!dvc.lock")  # differ from the commit while a pipeline runs


class Revision(NamedTuple):
    """State of a git checkout: the hash of its commit, and whether any file differs from it."""

    commit: str
    dirty: bool


@dataclass(frozen=True)
class Provenance:
    """How the current results were produced."""

    facts: list[tuple[str, str]]  # (name, value), such as the commit, data, split and seed
    hashes: list[tuple[str, str]]  # (path, SHA-256 of its content)
    packages: list[str]  # `name version` of every installed library that the project requires
    command: str  # repeats the run; empty outside a git checkout


def read_provenance() -> Provenance:
    """Provenance of the results in the current folder, as its files are now."""
    content = params.read()
    commit, dirty = revision() or ("", False)
    facts = {
        "git commit": commit and f"{commit}{', with uncommitted changes' * dirty}",
        "data": (content.get("data") or {}).get("name"),
        "data hash": read_json_if_any(paths.CATALOGUE).get("data_hash"),
        "split": (content.get("split") or {}).get("name"),
        "protocol": content.get("protocol") or "none published",
        "seed": content.get("seed"),
        "threads": content.get("threads"),
        "faults": faults.named(content) or "none",
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
    }
    return Provenance(
        facts=[(key, str(value)) for key, value in facts.items() if value not in (None, "")],
        hashes=[(str(file), sha256_file(file)) for file in _HASHED if file.is_file()],
        packages=_packages(),
        command=f"git checkout {commit} && {_RERUN}" if commit else "",
    )


def revision() -> Revision | None:
    """Revision of the current folder; None outside a git checkout."""
    try:
        commit = _git("rev-parse", "HEAD")
        changes = _git("status", "--porcelain", "--", ".", *_RESULTS)
    except (OSError, subprocess.SubprocessError):
        return None
    return Revision(commit, bool(changes))


def _git(*arguments: str) -> str:
    command = ("git", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()


def _packages() -> list[str]:
    try:
        required = metadata.requires("reelbench") or []
    except metadata.PackageNotFoundError:
        return []
    names = sorted({re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in required})
    found = [(name, next(iter(metadata.distributions(name=name)), None)) for name in names]
    return [f"{name} {own.version}" for name, own in found if own]
