"""Every script makes every row of its table, or says why not; its variants compose."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from reelbench.compose import compose
from reelbench.data.interactions import Interactions
from reelbench.replication.bars import grouped_bars
from reelbench.replication.netflix_overviews import precision_on
from reelbench.replication.options import Options
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


class Fixed:
    """Scores that are the same for everybody: movie 0 first."""

    class ids:
        n_users, n_items = 3, 4

    def score(self, users: np.ndarray) -> np.ndarray:
        return np.tile(-np.arange(4.0), (len(users), 1))


def test_precision_on_train_counts_seen_movies() -> None:
    train = Interactions.from_arrays(
        np.array([0, 0, 2]), np.array([0, 1, 3]), np.ones(3), np.zeros(3, dtype=np.int64)
    )
    assert sparse.issparse(train.seen(3, 4))
    assert precision_on(Fixed(), train, 2) == pytest.approx((1.0 + 0.0) / 2)
    assert precision_on(Fixed(), train, 4) == pytest.approx((0.5 + 0.25) / 2)


def test_bars_of_every_model_and_metric() -> None:
    values = {"one": {"mae": 1.0, "r2": -0.5}, "two": {"mae": 0.5, "r2": 0.5}}
    (axes,) = grouped_bars(values).axes
    assert sorted(bar.get_width() for bar in axes.patches) == [-0.5, 0.5, 0.5, 1.0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "two"]
