"""`reelbench doctor`: what is missing is named with its remedy."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import ROOT
from typer.testing import CliRunner

from reelbench import doctor, paths
from reelbench.cli import app
from reelbench.compose import compose
from reelbench.doctor import Finding


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    os.symlink(ROOT / "conf", "conf")
    compose()
    return tmp_path


def by_part(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.part: finding for finding in findings}


def of(part: str) -> Finding:
    return by_part(list(doctor._safely(getattr(doctor, f"_{part}"))))[part]


def test_packages_that_lack_or_differ_are_named(project: Path) -> None:
    assert of("packages").state == "note"  # nothing to compare with
    shutil.copy(ROOT / "requirements.lock", project)
    assert of("packages") == Finding("packages", "ok", of("packages").found)
    lock = project / "requirements.lock"
    lock.write_text("# made\nnumpy==0.1\nnot-there==1.0\n")
    found = of("packages")
    assert (found.state, found.remedy) == ("missing", "make setup") and "not-there" in found.found
    lock.write_text("NumPy==0.1\n")
    assert of("packages").state == "note" and "not 0.1" in of("packages").found


def test_parameters_that_are_not_those_of_conf(project: Path) -> None:
    assert of("parameters").state == "ok"
    compose(overrides=["seed=7"])
    found = of("parameters")
    assert found.state == "note" and "in seed" in found.found and found.remedy
    compose(overrides=["models=[bias]"])
    assert "models" in of("parameters").found and "models." not in of("parameters").found
    paths.PARAMS.unlink()
    assert of("parameters").state == "missing" and "make params" in of("parameters").found


def test_data_of_another_run(project: Path) -> None:
    assert of("data").remedy == "make repro"
    paths.TRAIN.parent.mkdir(parents=True)
    paths.TRAIN.write_bytes(b"")
    assert of("data").state == "ok"
    paths.CATALOGUE.parent.mkdir()
    paths.CATALOGUE.write_text(json.dumps({"name": "other"}))
    assert of("data").remedy == "dvc repro" and "other" in of("data").found


def test_a_store_that_cannot_be_read(project: Path) -> None:
    assert of("runs").remedy == "reelbench track"
    with sqlite3.connect("mlflow.db") as store:
        store.execute("create table runs (name text)")
        store.execute("insert into runs values ('a')")
    store.close()
    assert of("runs") == Finding("runs", "ok", "1 in mlflow.db")
    Path("mlflow.db").write_bytes(b"no database, whatever its name")
    assert of("runs").state == "missing" and "database" in of("runs").found
    compose(overrides=["tracking=server", "tracking.uri=http://127.0.0.1:9"])
    assert of("runs").state == "missing"


def test_a_machine_with_little(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    found = by_part(list(doctor._safely(doctor._programs)))
    assert {finding.state for finding in found.values()} == {"note"}
    assert "spark" in found["java"].found and "install" in found["chromium"].remedy
    usage = type("Usage", (), {"free": 2e8})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: usage)
    assert by_part(list(doctor._machine()))["disk"].state == "missing"


@pytest.mark.slow
def test_stages_are_those_of_dvc(project: Path) -> None:
    assert of("stages").state == "missing"  # no project of DVC's
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run([doctor.sys.executable, "-m", "dvc", "init", "-q"], check=True)
    assert of("stages").state == "ok"
    (project / "dvc.yaml").write_text("stages:\n  one:\n    cmd: echo > a\n    outs: [a]\n")
    found = of("stages")
    assert (found.state, found.found) == ("note", "one out of date")


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("note", 0), ("missing", 1)])
def test_only_what_is_necessary_fails(
    monkeypatch: pytest.MonkeyPatch, state: str, code: int
) -> None:
    def part() -> Iterator[Finding]:
        yield Finding("part", state, "found", "remedy")  # type: ignore[arg-type]

    monkeypatch.setattr(doctor, "_PARTS", (part,))
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == code and "remedy" in done.output
    told = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).output)
    assert told == [{"part": "part", "state": state, "found": "found", "remedy": "remedy"}]
