"""Every script makes every row of its table; its variants compose."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reelbench.columns import ITEM_IDX
from reelbench.compose import compose
from reelbench.params import ParamsError
from replications import ml20m_hybrid, ml20m_lists, netflix_overviews
from replications.bars import grouped_bars
from replications.options import Options
from replications.result import Spread
from replications.rows import system, systems

ROOT = Path(__file__).parents[2]
PRESETS = [system.preset for system in systems()]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_row_is_made_once(preset: str) -> None:
    known = system(preset)
    script = importlib.import_module(f"replications.{preset}").script(known)
    made = [row for part in script.parts for row in part.rows]
    assert sorted(made) == sorted(row.id for row in known.rows)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_compose(preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    content = compose(tmp_path / "params.yaml", [f"+experiment={preset}"])
    assert content["faults"] == []


def test_options_are_absolute_overrides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("raw").mkdir()
    Path("list.csv").touch()
    options = Options(Path("raw"), "ml-latest-small", Path("list.csv"))
    assert options.overrides() == (
        "data=ml-latest-small",
        f"data.root='{tmp_path / 'raw'}'",
        "enrich=imdb-directors",
        f"enrich.list.path='{tmp_path / 'list.csv'}'",
    )
    assert Options().overrides() == ()


@pytest.mark.parametrize("name", ["a (b)", "a,b", "x=y", "it's", "a b", "{a: [b]}"])
def test_a_folder_may_have_any_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).mkdir()
    overrides = Options(tmp_path / name, "ml-latest-small").overrides()
    monkeypatch.chdir(ROOT)
    content = compose(tmp_path / "params.yaml", list(overrides))
    assert content["data"]["root"] == str(tmp_path / name)


def test_a_folder_that_is_not_there_is_named_before_anything_runs(tmp_path: Path) -> None:
    for options in ({"root": tmp_path / "no"}, {"listing": tmp_path / "no.csv"}):
        with pytest.raises(ParamsError, match="there is no such file or folder"):
            Options(**options)


def test_netflix_takes_no_other_data_set(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="files of the Netflix Prize"):
        netflix_overviews.prepare(Options(data="ml-100k"), tmp_path)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("City of Lost Children, The (Cité des enfants perdus, La) (1995)", None),
        ("Matrix, The (1999)", "The Matrix (1999)"),
        ("American in Paris, An (1951)", "An American in Paris (1951)"),
        ("Seven (a.k.a. Se7en) (1995)", "Seven (1995)"),
        ("Toy Story", "Toy Story"),
    ],
)
def test_titles_as_published(raw: str, expected: str | None) -> None:
    found = ml20m_hybrid.published_title(raw)
    assert found == (expected or "The City of Lost Children (1995)")


def test_our_titles_with_their_year() -> None:
    year = pd.array([1999, None], dtype="Int16")
    items = pd.DataFrame({"title": ["The Matrix", "Nosferatu"], "year": year})
    for years in (year, year.astype("Float32")):  # as pandas reads a column with gaps
        found = ml20m_hybrid._with_year(items.assign(year=years))
        assert found.tolist() == ["The Matrix (1999)", "Nosferatu"]


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


@pytest.mark.parametrize(
    ("most", "thresholds"), [(7, [(2, True), (51, False)]), (60, [(51, True)])]
)
def test_sparsity_where_no_tagged_movie_has_enough_ratings(
    most: int, thresholds: list[tuple[int, bool]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the joined table has a lower threshold, and all ratings have the published ones."""
    asked = []

    def filtered(study: Any, per_movie: int, *, tagged: bool) -> tuple[dict[str, Any], ...]:
        asked.append((per_movie, tagged))
        before = {"sparsity": 0.9 if tagged else 0.8}
        return before, {"sparsity": 0.7, "ratings": 1_234, "users": 5, "movies": 6}

    class Data:
        def run(self, variant: Any, *, upto: str) -> Data:
            return self

        def file(self, path: Path) -> Path:
            return tmp_path / "rows.parquet"

    pd.DataFrame({ITEM_IDX: [0] * most + [1]}).to_parquet(tmp_path / "rows.parquet")
    monkeypatch.setattr(ml20m_hybrid, "_filtered", filtered)
    result = ml20m_hybrid._sparsity(system("ml20m_hybrid"), Data())
    assert asked == thresholds
    assert result.same["sparsity_before"].mean == 0.9
    assert "1,234 ratings, 5 users, 6 movies left" in result.shown
    beside = [figures["sparsity_before"].value for figures in result.also.values()]
    assert beside == [0.8] * (len(thresholds) - 1)


def test_lists_are_of_a_movie_whose_director_has_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ml20m_lists, "most_rated_first", lambda ran: [4, 0, 2, 3])
    for director, item in (([1, 0, 2, 2, 0], 2), ([1, 0, 2, 3, 0], 4)):
        lists = SimpleNamespace(director=np.array(director))
        assert ml20m_lists._example(None, lists) == item
