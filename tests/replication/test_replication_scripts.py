"""Every script makes every row of its table, or says why not; its variants compose."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from reelbench.compose import compose
from reelbench.replication.bars import grouped_bars
from reelbench.replication.options import Options
from reelbench.replication.result import Spread
from reelbench.replication.rows import systems

ROOT = Path(__file__).parents[2]
PRESETS = [system.preset for system in systems()]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_row_is_made_once_or_has_a_reason(preset: str) -> None:
    known = {system.preset: system for system in systems()}[preset]
    script = importlib.import_module(f"reelbench.replication.{preset}").script(known)
    made = [row for part in script.parts for row in part.rows] + list(script.gaps)
    assert sorted(made) == sorted(row.id for row in known.rows)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_compose(preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    content = compose(tmp_path / "params.yaml", [f"+experiment={preset}"])
    assert content["faults"] == []


def test_options_are_absolute_overrides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = Options(Path("raw"), "ml-latest-small", Path("list.csv"))
    assert options.overrides() == (
        "data=ml-latest-small",
        f"data.root={tmp_path / 'raw'}",
        "enrich=imdb-directors",
        f"enrich.list.path={tmp_path / 'list.csv'}",
    )
    assert Options().overrides() == ()


def test_bars_of_every_model_and_metric() -> None:
    several = Spread(mean=-0.5, deviation=0.1, runs=3)
    values = {
        "one": {"mae": Spread(mean=1.0), "r2": several},
        "two": {"mae": Spread(mean=0.5), "r2": Spread(mean=0.5)},
    }
    (axes,) = grouped_bars(values).axes
    assert len(axes.collections) == 1  # the deviation of the one that has some
    assert sorted(bar.get_width() for bar in axes.patches) == [-0.5, 0.5, 0.5, 1.0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "two"]
