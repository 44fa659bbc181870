"""How a report was produced: what one has to have the same to get the same figures."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from reelbench import params, paths, revision
from reelbench.files import sha256_file

_HASHED = (
    paths.TRAIN,
    paths.VALID,
    paths.TEST,
    paths.INTERACTIONS,
    paths.ITEMS,
    paths.PARAMS,
    Path("dvc.lock"),
)

# and not `make repro`, which would write params.yaml anew from conf/
_AGAIN = "make setup && .venv/bin/dvc repro"


@dataclass(frozen=True)
class Provenance:
    """What the page says of itself.

    Attributes:
        facts: what and its value.
        hashes: path and SHA-256 of its content.
        packages: `name version` of the libraries that the project names, and that are installed.
        command: to do it again; empty outside a git checkout.
    """

    facts: list[tuple[str, str]]
    hashes: list[tuple[str, str]]
    packages: list[str]
    command: str


def read_provenance() -> Provenance:
    """Of the files as they are now."""
    content = params.read()
    commit, dirty = revision.read() or ("", False)
    facts = {
        "git commit": commit and f"{commit}{', with changes that are not committed' * dirty}",
        "data": _name(content, "data"),
        "split": _name(content, "split"),
        "protocol": content.get("protocol") or "none published",
        "seed": content.get("seed"),
        "threads": content.get("threads"),
        "faults": ", ".join(content.get("faults") or ()) or "none",
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
    }
    return Provenance(
        facts=[(key, str(value)) for key, value in facts.items() if value not in (None, "")],
        hashes=[(str(file), sha256_file(file)) for file in _HASHED if file.is_file()],
        packages=_packages(),
        command=f"git checkout {commit} && {_AGAIN}" if commit else "",
    )


def _name(content: dict[str, Any], section: str) -> str | None:
    return (content.get(section) or {}).get("name")


def _packages() -> list[str]:
    try:
        required = metadata.requires("reelbench") or []
    except metadata.PackageNotFoundError:
        return []
    names = sorted({re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in required})
    return [f"{name} {version}" for name in names if (version := _version(name))]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
