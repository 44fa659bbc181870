"""Every system makes every row of its table, and its variants compose."""

from __future__ import annotations

import importlib.util
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from places import ROOT

from reelbench.columns import ITEM_IDX
from reelbench.compose import compose
from reelbench.params import ParamsError
from replications import __main__ as main
from replications import examples, ml20m_hybrid, netflix_overviews
from replications.ml20m_networks import LADDERS, short
from replications.published import Variant, system, systems

pytestmark = pytest.mark.slow

HYBRID = system("ml20m_hybrid")


@pytest.fixture(autouse=True)
def in_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("preset", systems())
def test_every_row_is_made_once(preset: str) -> None:
    special = importlib.util.find_spec(f"replications.{preset}")
    own = importlib.import_module(f"replications.{preset}").PARTS if special else {}
    known = system(preset)
    made = [row for rows in main.parts(known, own) for row in rows]
    assert sorted(made) == sorted(row.id for row in known.rows)


def test_functions_that_rows_name_exist() -> None:
    rows = [row for known in systems().values() for row in known.rows]
    named = {row.example.make for row in rows if row.example}
    named |= {row.run.shown for row in rows if row.run and row.run.shown}
    assert all(callable(getattr(examples, name)) for name in named) and named


@pytest.mark.slow
@pytest.mark.parametrize("preset", systems())
def test_presets_and_plans_compose(preset: str, tmp_path: Path) -> None:
    content = compose(tmp_path / "params.yaml", [f"+experiment={preset}"])
    assert content["faults"] == []
    plans = [row.id for row in system(preset).rows if row.run]
    plan = system(preset).plan(plans[-1])
    for variant in (plan.same, *plan.single.values(), *plan.also.values()):
        overrides = [f"+experiment={preset}", *variant.hydra]
        content = compose(tmp_path / "params.yaml", overrides)
        assert variant.model in content["models"]
        assert content["faults"] == list(variant.faults)


def test_options_are_absolute_overrides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.overrides(Path("raw"), "ml-latest-small", Path("list.csv")) == (
        "data=ml-latest-small",
        f"data.root='{tmp_path / 'raw'}'",
        "enrich=imdb-directors",
        f"enrich.list.path='{tmp_path / 'list.csv'}'",
    )
    assert main.overrides(None, None, None) == ()


@pytest.mark.parametrize("name", ["a (b)", "a,b", "x=y", "it's", "a b", "{a: [b]}"])
def test_a_folder_may_have_any_name(name: str, tmp_path: Path) -> None:
    overrides = main.overrides(tmp_path / name, "ml-latest-small", None)
    content = compose(tmp_path / "params.yaml", list(overrides))
    assert content["data"]["root"] == str(tmp_path / name)


def test_netflix_takes_no_other_data_set(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="files of the Netflix Prize"):
        netflix_overviews.prepare(tmp_path, None, "ml-100k", None)


def model_section(variant: Variant, folder: Path) -> dict[str, object]:
    overrides = ["+experiment=ml20m_hybrid", *variant.hydra]
    return compose(folder / "params.yaml", overrides)["models"][variant.model]


def test_each_rung_changes_one_thing_and_keeps_the_others(tmp_path: Path) -> None:
    variants = [HYBRID.plan(row).honest for row in LADDERS["1"]]
    sections = [model_section(variant, tmp_path) for variant in variants]
    stopping = {"epochs": 50, "patience": 3, "restore_best": True}
    assert sections[1] == sections[0] | stopping
    for before, after in pairwise(sections[1:]):
        assert sum(before.get(key) != after[key] for key in after) == 1
    last = {"learning_rate": 0.0005, "dropout": 0.6, "kernel_regularization": 0.001}
    assert {key: sections[-1][key] for key in last | stopping} == last | stopping


def test_row_tags_take_the_place_of_tags_as_published_alone(tmp_path: Path) -> None:
    for first, *_ in LADDERS.values():
        plan = HYBRID.plan(first)
        honest = model_section(plan.honest, tmp_path)["features"]
        published = model_section(plan.faulty, tmp_path)["features"]
        assert "row_tags" not in honest
        assert set(published) == set(honest) - {"tags"} | {"row_tags"}


def test_faults_are_told_apart_at_both_ends_of_each_network() -> None:
    rows = [row for ladder in LADDERS.values() for row in ladder]
    ends = [row for row in rows if HYBRID.plan(row).single]
    first = ["a_network1", "a_ladder_stopping", "a_ladder_small"]
    assert ends == [*first, "a_network2", "a_network2_small"]


def test_names_of_rungs() -> None:
    assert [short(row) for row in LADDERS["2"]] == ["first", "dropout", "rate", "small"]


def test_our_titles_with_their_year() -> None:
    year = pd.array([1999, None], dtype="Int16")
    items = pd.DataFrame({"title": ["The Matrix", "Nosferatu"], "year": year})
    for years in (year, year.astype("Float32")):  # as pandas reads a column with gaps
        found = ml20m_hybrid.with_year(items.assign(year=years))
        assert found.tolist() == ["The Matrix (1999)", "Nosferatu"]


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
    result = ml20m_hybrid.sparsity(Data())["a_sparsity"]
    assert asked == thresholds
    assert result.same["sparsity_before"].mean == 0.9
    assert "1,234 ratings, 5 users, 6 movies remain" in result.shown
    beside = [figures["sparsity_before"].value for figures in result.also.values()]
    assert beside == [0.8] * (len(thresholds) - 1)


def test_lists_are_of_a_movie_whose_director_has_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "most_rated_first", lambda ran: [4, 0, 2, 3])
    for director, item in (([1, 0, 2, 2, 0], 2), ([1, 0, 2, 3, 0], 4)):
        lists = SimpleNamespace(director=np.array(director))
        assert ml20m_hybrid.example(None, lists) == item
