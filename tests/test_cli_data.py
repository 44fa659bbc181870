"""`reelbench data list` and `reelbench data info NAME`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reelbench.cli import app

ROOT = Path(__file__).parents[1]
NAMES = sorted(file.stem for file in (ROOT / "conf" / "data").glob("*.yaml"))


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_the_list_names_every_data_set() -> None:
    result = CliRunner().invoke(app, ["data", "list"])
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == NAMES
    found = json.loads(CliRunner().invoke(app, ["data", "list", "--json"]).stdout)
    assert [own["name"] for own in found] == NAMES and all(own["about"] for own in found)


@pytest.mark.parametrize("name", NAMES)
def test_info_tells_sources_and_terms(name: str) -> None:
    result = CliRunner().invoke(app, ["data", "info", name])
    assert result.exit_code == 0
    assert f"data={name}" in result.output


def test_info_of_two_sources() -> None:
    output = CliRunner().invoke(app, ["data", "info", "ml-100k"]).output
    assert output.index("recbole==1.2.1") < output.index("ml-100k.zip") < output.index("u.data")
    assert "GroupLens" in output
    found = json.loads(CliRunner().invoke(app, ["data", "info", "ml-100k", "--json"]).stdout)
    assert found["name"] == "ml-100k" and "GroupLens" in found["licence"]
    assert "recbole==1.2.1" in found["sources"][0] and "ml-100k.zip" in found["sources"][1]


def test_an_unknown_name_is_answered_with_the_nearest_one() -> None:
    result = CliRunner().invoke(app, ["data", "info", "ml-100"])
    assert result.exit_code == 2
    assert "unknown data set 'ml-100'; did you mean 'ml-100k'" in result.output


def test_the_list_is_the_same_outside_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["data", "list"])
    assert [line.split()[0] for line in result.output.splitlines()] == NAMES
