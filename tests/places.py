"""Where the checkout is, and where tests find data sets that no registry has."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"
#: choices of several models, such as `models=quick`
CHOICES = {"quick", "reranked"}
#: `conf/models/` without what is no model: the parts of others (_) and the choices
MODEL_FILES = sorted(f for f in (CONF / "models").glob("[!_]*.yaml") if f.stem not in CHOICES)
#: folder with ml-latest-small/, tmdb-5000/ and imdb_top_1000.csv; the default is where CI has it
SHARED = Path(os.environ.get("REELBENCH_SHARED_DATA", ROOT.parent / "shared" / "data"))


def shared(name: str) -> Path:
    """A file or folder in `SHARED`; the test is skipped if it does not exist."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"no {name} in {SHARED}: set REELBENCH_SHARED_DATA to a folder that has it")
    return path


@cache
def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").split("\n")


def document(letter: str) -> list[str]:
    """The lines of a published document; the test is skipped if it is not at hand."""
    file = SHARED.parent / "seeds" / f"{letter}.txt"
    if not file.exists():
        pytest.skip(f"no {file.name} in {file.parent}, beside REELBENCH_SHARED_DATA")
    return _lines(file)
