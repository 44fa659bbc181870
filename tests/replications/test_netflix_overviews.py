"""System C: its sample in the files of the Netflix Prize, its precision, Surprise's algorithms."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from contracts import IDS, TRAIN, VALID, nothing
from places import ROOT
from real_tables import tables_of

from benchmarks.synthetic import SyntheticConfig
from reelbench import paths
from reelbench.data.interactions import Interactions
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.evaluate import Parts, evaluate
from reelbench.features.block import Features, Ids
from reelbench.models.base import Recommender
from reelbench.models.popularity import Popularity
from reelbench.params import ParamsError
from reelbench.stages import __main__ as stages
from replications import examples, runs, tables
from replications import netflix_overviews as module
from replications.measure import Measured, Study
from replications.netflix_overviews import (
    RATINGS,
    SYSTEM,
    TITLES,
    make_sample,
    overviews,
    precision_at,
    surprise_table,
)
from replications.published import Variant
from replications.runs import Step

SMALL = SyntheticConfig(
    n_users=20,
    n_items=12,
    n_ratings=50,
    min_per_user=2,
    n_tags=0,
    factors=2,
    noise=0.5,
    seed=1,
    ratings_file="ratings.parquet",
)
TMDB = {
    "id": [1, 2, 3, 4, 5, 6],
    "title": ["Heat, Again", "Few Votes", "No Date", "Batman Begins", "Amélie", "Łódź"],
    "release_date": ["1995-12-15", "2001-01-01", None, "2005-06-10", "2001-04-25", "1999-01-01"],
    "overview": ["A thief.", "Nobody.", "None.", "A bat.", "A café.", "A town."],
    "vote_count": [100, 10, 500, 300, 200, 150],
}


@pytest.fixture
def movies(tmp_path: Path) -> pd.DataFrame:
    pd.DataFrame(TMDB).to_csv(tmp_path / "tmdb.csv", index=False)
    return overviews(tmp_path / "tmdb.csv")


def test_overviews_need_votes_and_a_date(movies: pd.DataFrame, tmp_path: Path) -> None:
    assert list(movies["title"]) == ["Batman Begins", "Amélie", "Łódź", "Heat, Again"]
    assert list(movies["year"]) == ["2005", "2001", "1999", "1995"]
    assert list(movies.columns) == ["title", "year", "director", "overview"]


def test_files_of_the_netflix_prize(movies: pd.DataFrame, tmp_path: Path) -> None:
    make_sample(tmp_path / "sample", movies, SMALL)
    titles = (tmp_path / "sample" / TITLES).read_text("iso-8859-1").splitlines()
    # a title whose letters the encoding lacks stays out; the others come first, and may have commas
    assert titles[:3] == ["1,2005,Batman Begins", "2,2001,Amélie", "3,1995,Heat, Again"]
    assert len(titles) == 12
    first, second = (
        (tmp_path / "sample" / name).read_text("utf-8").splitlines() for name in RATINGS
    )
    lines = first + second
    assert first[0] == "1:" and second[0] == "7:"
    rows = [line.split(",") for line in lines if not line.endswith(":")]
    assert len(rows) == 50 and len({(row[0], row[2]) for row in rows}) > 1
    assert {int(row[1]) for row in rows} <= {1, 2, 3, 4, 5}
    assert [line for line in lines if line.endswith(":")] == sorted(
        (line for line in lines if line.endswith(":")), key=lambda line: int(line[:-1])
    )


def test_some_years_are_null_and_the_reader_takes_all(
    movies: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_NULL_EVERY", 2)
    make_sample(tmp_path, movies, SMALL)
    assert (tmp_path / TITLES).read_text("iso-8859-1").splitlines()[1] == "2,NULL,Amélie"
    tables = tables_of("netflix", tmp_path)
    items = tables["items"]
    assert items["title"].tolist()[:3] == ["Batman Begins", "Amélie", "Heat, Again"]
    assert items["year"].isna().tolist() == [False, True] * 6
    assert len(tables["interactions"]) == 50


def test_a_sample_that_is_there_is_left_as_it_is(movies: pd.DataFrame, tmp_path: Path) -> None:
    make_sample(tmp_path, movies, SMALL)
    (tmp_path / TITLES).write_text("changed")
    make_sample(tmp_path, movies, SMALL)
    assert (tmp_path / TITLES).read_text() == "changed"
    make_sample(tmp_path, movies, SMALL.model_copy(update={"seed": 2}))
    assert (tmp_path / TITLES).read_text("iso-8859-1") != "changed"


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ParamsError, match=r"--list .*other\.csv is not TMDB's list"):
        overviews(tmp_path / "other.csv")


BUSY = SyntheticConfig(
    n_users=100,
    n_items=120,
    n_ratings=2_000,
    min_per_user=10,
    n_tags=0,
    factors=2,
    noise=0.5,
    seed=1,
    ratings_file="ratings.parquet",
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("netflix")
    make_sample(folder / "sample", None, BUSY)
    overrides = (
        f"data.root={folder / 'sample'}",
        "filter.min_per_user=12",
        "filter.min_per_item=0",
        "evaluate.bootstrap_samples=20",
        "models.warp.epochs=2",
    )
    return Study(SYSTEM.preset, overrides, seeds=2, folder=folder / "work")


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def execute(step: Step, folder: Path) -> tuple[float, int]:
        with contextlib.chdir(folder):
            assert stages.main([word for word in (step.stage, step.name) if word]) == 0
        return 0.5, 1

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(runs, "_execute", execute)


@pytest.mark.slow
def test_precision_is_counted_as_lightfm_counts(study: Study, in_this_process: None) -> None:
    result = module.warp(study)["c_warp"]
    ran = study.run(SYSTEM.plan("c_warp").honest)
    model = Recommender.load(ran.file(paths.model_dir("warp")))
    train, valid, test = (
        Interactions.from_parquet(ran.file(part)) for part in (paths.TRAIN, paths.VALID, paths.TEST)
    )
    seen = Interactions.from_arrays(
        np.concatenate([train.user_idx, valid.user_idx]),
        np.concatenate([train.item_idx, valid.item_idx]),
        np.concatenate([train.rating, valid.rating]),
    )
    honest = result.honest["precision_at_20"].value
    assert honest == pytest.approx(precision_at(model, test, 20, remove=seen))
    fault = {worth.fault: worth.difference for worth in result.worth}["seen_listed"]
    assert fault == pytest.approx(precision_at(model, test, 20) - honest) and fault < 0
    assert result.same["precision_at_20"].runs == 2
    # what was learned is found again: far more of it than of test
    assert result.same["precision_at_20_train"].mean > 3 * result.same["precision_at_20"].mean
    assert "seen_listed" in dict(tables.effects(SYSTEM.row("c_warp"), result))


def test_figures_of_the_data_show_what_the_filter_leaves_out(
    study: Study, in_this_process: None
) -> None:
    rows = []
    for variant in (SYSTEM.data, Variant(model="item_mean")):
        ran = study.run(variant, upto="split")
        rows.append(len(Interactions.from_parquet(ran.file(paths.INTERACTIONS))))
    assert rows[0] == BUSY.n_ratings > rows[1]


def test_the_text_of_a_network_has_its_steps(study: Study, in_this_process: None) -> None:
    shown = examples.steps(study, SYSTEM.plan("c_mf"))
    assert shown.startswith("1 epoch in batches of 256: ") and shown.endswith(" steps.")


OPTIONS = {
    "k": (3,),
    "min_relevant_rating": None,
    "candidates": "catalogue",
    "rank_by": "score",
    "similarity": "ids",
    "calibration_bins": 4,
    "rare_item_ratings": 2,
    "bootstrap_samples": 10,
}


@pytest.fixture(scope="module")
def model() -> Popularity:
    return Popularity().fit(TRAIN, nothing(), Features(IDS))


def test_without_the_movies_of_train_it_is_what_evaluate_says(model: Popularity) -> None:
    movies = Movies({}, np.full(IDS.n_items, np.nan), {})
    parts = Parts(TRAIN, nothing(), VALID)
    honest = evaluate(model, parts, EvaluateConfig(**OPTIONS), movies, 0).metrics
    assert precision_at(model, VALID, 3, remove=TRAIN) == honest["precision_at_3"]


def test_movies_of_train_take_the_places_of_others() -> None:
    """Movie 0 is the most popular: user 0 has it in train, and movie 1 is the answer."""
    train = Interactions.from_arrays([0, 1, 2, 1, 2, 1], [0, 0, 0, 1, 1, 2], [5] * 6)
    test = Interactions.from_arrays([0], [1], [5])
    fitted = Popularity().fit(train, nothing(), Features(Ids(3, 3, 1.0, 5.0)))
    assert precision_at(fitted, test, 1) == 0.0
    assert precision_at(fitted, test, 1, remove=train) == 1.0
    assert precision_at(fitted, test, 2) == 0.5
    assert precision_at(fitted, train, 1) == 1.0
    assert precision_at(fitted, train, 3) == pytest.approx((1 + 3 + 2) / 9)


def test_slices_of_users_make_no_difference(
    model: Popularity, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = precision_at(model, VALID, 5)
    monkeypatch.setattr(module, "_CELLS", 3 * IDS.n_items)
    assert precision_at(model, VALID, 5) == pytest.approx(whole)


def test_an_empty_part_is_an_error(model: Popularity) -> None:
    with pytest.raises(ValueError, match="no user to rank for"):
        precision_at(model, nothing(), 5)


def ratings(seed: int = 0) -> pd.DataFrame:
    """40 users and 30 movies: biases, and a taste, that can be learned."""
    rng = np.random.default_rng(seed)
    user, item = np.divmod(rng.permutation(40 * 30)[:800], 30)
    taste = rng.normal(0, 1, 40)[user] + rng.normal(0, 1, 30)[item]
    rating = np.clip(np.round(3 + taste), 1, 5)
    return pd.DataFrame({"user_idx": user, "item_idx": item, "rating": rating})


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return surprise_table(ratings(), (1, 5), folds=3, seed=1)


def test_all_algorithms_are_there_best_first(table: pd.DataFrame) -> None:
    assert sorted(table["algorithm"]) == sorted(module.ALGORITHMS)
    assert table["rmse"].is_monotonic_increasing
    assert table["algorithm"].iloc[-1] == "NormalPredictor"  # draws ratings by chance
    assert (table["mae"] < table["rmse"]).all()
    assert (table[["fit_seconds", "test_seconds"]] > 0).all(axis=None)


def test_errors_repeat_and_seconds_need_not(table: pd.DataFrame) -> None:
    again = surprise_table(ratings(), (1, 5), folds=3, seed=1)
    columns = ["algorithm", "rmse", "rmse_std", "mae"]
    pd.testing.assert_frame_equal(again[columns], table[columns], check_exact=True)
    other = surprise_table(ratings(), (1, 5), folds=3, seed=2)
    assert set(other["rmse"]).isdisjoint(table["rmse"])


def test_an_algorithm_does_not_depend_on_which_others_run(table: pd.DataFrame) -> None:
    alone = surprise_table(ratings(), (1, 5), folds=3, seed=1, algorithms=("NormalPredictor",))
    assert alone["rmse"].iloc[0] == table["rmse"].iloc[-1]


def test_the_error_is_what_the_formula_says() -> None:
    """BaselineOnly on ratings that are all alike is right everywhere."""
    same = ratings().assign(rating=4.0)
    found = surprise_table(same, (1, 5), folds=2, seed=1, algorithms=("BaselineOnly",))
    assert found["rmse"].iloc[0] == pytest.approx(0, abs=1e-9)


def test_too_few_ratings_are_an_error() -> None:
    with pytest.raises(ValueError, match="2 ratings cannot be divided into 3 folds"):
        surprise_table(ratings().iloc[:2], (1, 5), folds=3, seed=1)


def test_a_sample_is_of_few_users_and_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    full = ratings().assign(timestamp=0)
    sample = module.sample(full, 100, seed=3)
    assert len(sample) == 100
    assert len(sample.merge(full)) == 100
    assert len(module.sample(full, 10**6, seed=3)) == len(full)
    monkeypatch.setattr(module, "MOST_USERS", 7)
    assert module.sample(full, 100, seed=3)["user_idx"].nunique() == 7
    pd.testing.assert_frame_equal(module.sample(full, 50, seed=3), module.sample(full, 50, seed=3))


def test_the_map_has_every_number(table: pd.DataFrame) -> None:
    (rows,) = module.surprise_map(table).to_dict()["datasets"].values()
    cells = pd.read_csv(io.StringIO(rows), dtype={"text": str})
    assert len(cells) == 4 * len(table) and cells["value"].between(0, 1).all()
    assert set(cells["text"]) >= {f"{rmse:.4f}" for rmse in table["rmse"]}


@pytest.mark.slow
def test_charts_of_the_first_ten(
    study: Study, in_this_process: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    found = module._charts(study)
    assert sorted(found) == ["c_top_cosine", "c_top_mean", "c_top_weighted"]
    for row, result in found.items():
        table = pd.read_csv(Path(result.files[0]).with_suffix(".csv"))
        assert table["place"].tolist() == list(range(1, 1 + len(table))) and len(table) <= 10
        assert table["score"].is_monotonic_decreasing
        assert table["label"].str.endswith(" Ratings").all() == (row != "c_top_cosine")
    ran = study.run(Variant(model="netflix_cosine").with_(*SYSTEM.split))
    train = Interactions.from_parquet(ran.file(paths.TRAIN))
    titles = examples.titles(ran)
    rated = {titles[item] for item in train.item_idx[train.user_idx == 0]}
    labels = pd.read_csv(Path(found["c_top_cosine"].files[0]).with_suffix(".csv"))["label"]
    assert rated and rated.isdisjoint(labels)


@pytest.mark.slow
def test_the_published_cosine_is_beside_the_corrected_one(
    study: Study, in_this_process: None
) -> None:
    result = module._cosine(study)["c_cosine"]
    (fault,) = result.worth
    assert fault.fault == "gaps_filled" and fault.metric == "rmse"
    counted = result.also["neighbours who rated the movie, same rows"]["rmse"].value
    assert result.same["rmse"].mean != counted
    row = SYSTEM.row("c_cosine")
    assert {name: row.settings[name].published for name in row.settings} == result.settings


@pytest.mark.slow
def test_networks_have_an_error_on_a_tenth_of_train(study: Study, in_this_process: None) -> None:
    result = module._networks("c_network", study)["c_network"]
    assert {"train_mse", "valid_mse", "rmse"} <= set(result.same)
    assert result.same["valid_mse"].mean > 0
    row = SYSTEM.row("c_network")
    assert {name: row.settings[name].published for name in row.settings} == result.settings


@pytest.mark.slow
def test_the_cosine_reads_the_files_of_ml_latest_small(
    study: Study, in_this_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def measure(small: Study, variant: Variant, runs: int) -> Measured:
        asked.append(small.overrides)
        one = {"rmse": 1.0 + len(asked), "intervals": {}}
        return Measured((one,) * runs)

    monkeypatch.setattr(Study, "measure", measure)
    files = study.folder / "ml-latest-small"
    result = module._small(replace(study, small=files))["c_cosine_small"]
    assert all(f"data.root='{files}'" in overrides for overrides in asked)
    assert result.same["rmse"].mean == 2.0 and result.same["rmse"].runs == 3
    assert [figures["rmse"].value for figures in result.also.values()] == [3.0, 4.0, 5.0]
