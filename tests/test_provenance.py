"""The account of a checkout that the report and MLflow give."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from reelbench import paths, provenance
from reelbench.provenance import read_provenance

PARAMS = """{seed: 42, threads: 2, data: {name: tiny}, split: {name: random},
faults: [score_train_rows, drop_cold_items]}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    paths.PARAMS.write_text(PARAMS)
    return tmp_path


def git(*command: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    ran = subprocess.run(["git", *identity, *command], check=True, capture_output=True, text=True)
    return ran.stdout.strip()


def test_parameters_and_packages(project: Path) -> None:
    made = read_provenance()
    facts = dict(made.facts)
    assert facts["seed"] == "42" and facts["threads"] == "2"
    assert (facts["data"], facts["split"], facts["faults"]) == (
        "tiny",
        "random",
        "drop_cold_items, score_train_rows",
    )
    assert any(package.startswith("pandas ") for package in made.packages)


def test_hashes_are_of_the_content(project: Path) -> None:
    expected = hashlib.sha256(PARAMS.encode()).hexdigest()
    assert read_provenance().hashes == [("params.yaml", expected)]


def test_the_commit_and_whether_files_differ_from_it(project: Path) -> None:
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "All")
    commit = git("rev-parse", "HEAD")
    clean = read_provenance()
    assert dict(clean.facts)["git commit"] == commit and commit in clean.command
    # results differ while a pipeline runs
    for file in (paths.LEADERBOARD_MD, paths.TRAIN, Path("dvc.lock")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert dict(read_provenance().facts)["git commit"] == commit
    assert provenance.revision() == (commit, False)
    (project / "code.py").touch()
    assert provenance.revision() == (commit, True)
    assert "uncommitted changes" in dict(read_provenance().facts)["git commit"]


def test_outside_a_checkout(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(project / "none"))
    made = read_provenance()
    assert made.command == "" and "git commit" not in dict(made.facts)
    assert provenance.revision() is None
