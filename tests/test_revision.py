"""One account of the checkout, for the report and for MLflow."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from reelbench import paths, revision
from reelbench.reporting.provenance import read_provenance
from reelbench.tracking import record


def git(*words: str) -> str:
    author = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    done = subprocess.run(["git", *author, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_results_are_no_change_and_code_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths.PARAMS.write_text("{}\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "All")
    commit = git("rev-parse", "HEAD")
    paths.REPORTS.mkdir()
    paths.LEADERBOARD_MD.touch()
    Path("dvc.lock").touch()
    assert revision.read() == (commit, False)
    Path("code.py").touch()
    assert revision.read() == (commit, True)
    assert record.git() == {"git.commit": commit, "git.dirty": "true"}
    assert dict(read_provenance().facts)["git commit"].startswith(f"{commit}, with changes")


def test_outside_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "none"))
    assert revision.read() is None and record.git() == {}
