"""System D: the rows, words and cases of its three networks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from places import ROOT
from real_tables import tmdb

from replications import tmdb_networks, tmdb_titles
from replications.measure import FIRST_SEED
from replications.tmdb_networks import (
    DNN,
    FINETUNE,
    GLOVE,
    Case,
    Fit,
    Movies,
    Networks,
    Rows,
    as_published,
    faults,
    honest,
    joined,
    one_hot,
    padded_in_front,
    parts_of,
    pooled,
    published,
    set_aside,
    single,
    tokens,
    vocabulary,
    with_valid,
    words_of,
)

MODELS = (DNN, GLOVE, FINETUNE)
WORDS = ["heat", "big", "spider", "man", "life", "night", "red"]


def some_movies(n: int = 60) -> Movies:
    """Two of them share a title; votes depend on it."""
    titles = [f"{WORDS[i % 7]} {WORDS[i // 7 % 7]} {'x' * (i % 5)}".strip() for i in range(n)]
    titles[1] = titles[0]
    return Movies(titles, np.linspace(2.0, 9.0, n))


def test_a_joined_row_has_the_id_of_the_credits_and_the_vote_of_the_movie() -> None:
    rows = joined(Movies(["Batman", "Heat", "Batman"], np.array([1.0, 2.0, 3.0])))
    found = list(zip(rows.movie.tolist(), rows.vote.tolist(), strict=True))
    assert found == [(0, 1.0), (2, 1.0), (1, 2.0), (0, 3.0), (2, 3.0)]


def test_a_movie_without_votes_counts_as_zero() -> None:
    items = pd.DataFrame({"title_raw": ["A", "B"]})
    rows = pd.DataFrame({"item_idx": [1], "rating": [7.5]})
    assert Movies.of(items, rows).votes.tolist() == [0.0, 7.5]


def test_the_published_split_sets_nothing_aside_and_watches_test() -> None:
    rows = single(some_movies())
    train, valid, test = as_published(rows)
    np.testing.assert_array_equal(valid.movie, test.movie)
    assert len(test.movie) == 12 and len(train.movie) == 48
    np.testing.assert_array_equal(np.sort([*train.movie, *test.movie]), rows.movie)


def test_a_fifth_of_train_is_watched_where_nothing_leaks() -> None:
    train, valid, test = with_valid(single(some_movies(100)), seed=1)
    assert [len(rows.movie) for rows in (train, valid, test)] == [64, 16, 20]
    assert len({*train.movie, *valid.movie, *test.movie}) == 100
    assert not np.array_equal(test.movie, with_valid(single(some_movies(100)), 2)[2].movie)


def test_a_fifth_of_train_can_be_watched_in_place_of_test() -> None:
    whole = as_published(single(some_movies()))
    train, valid, test = set_aside(whole, 3)
    assert test is whole.test and len(valid.movie) == 10
    assert {*train.movie, *valid.movie} == {*whole.train.movie}


def test_what_is_not_watched_is_learned_from() -> None:
    movies = some_movies(100)
    watched = parts_of(movies, Case({}), 1)
    whole = parts_of(movies, Case({}, watched=False), 1)
    assert {*whole.train.movie} == {*watched.train.movie, *watched.valid.movie}
    np.testing.assert_array_equal(whole.test.movie, watched.test.movie)
    np.testing.assert_array_equal(whole.valid.movie, whole.test.movie)
    assert len(parts_of(movies, Case({}, joined=True), 1).test.movie) == 21


def test_words_as_keras_finds_them() -> None:
    assert words_of("It's Spider-Man: Part\t2 (3-D)") == [
        "it's",
        "spider",
        "man",
        "part",
        "2",
        "3",
        "d",
    ]
    assert words_of("Amélie…") == ["amélie…"] and words_of("!!!") == []


def test_words_are_numbered_from_the_commonest() -> None:
    number = vocabulary(["The Big Heat", "the heat", "The Red"])
    assert number == {"the": 1, "heat": 2, "big": 3, "red": 4}
    found = tokens(["Red the Unknown", "the big heat"], number)
    assert found[:, :4].tolist() == [[4, 1, 0, 0], [1, 3, 2, 0]] and found.shape == (2, 15)
    # as with Keras' num_words, numbers from the limit on are left out
    assert tokens(["the big heat"], number, most=3)[0, :3].tolist() == [1, 2, 0]


def test_of_a_long_title_the_last_words_are_kept() -> None:
    number = {f"w{i}": i for i in range(1, 21)}
    found = tokens([" ".join(number)], number)
    assert found[0].tolist() == list(range(6, 21))


def test_texts_are_averaged_or_the_greatest_of_each_number() -> None:
    vectors, many = tmdb_networks.glove(["heat", "night", "zzzzqq"])
    assert many == 400_000 and not vectors[2].any() and vectors[:2].any(axis=1).all()
    texts = ["Heat, night!", "zzzzqq", ""]
    np.testing.assert_allclose(pooled(texts, "mean")[0], vectors[:2].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(pooled(texts, "max")[0], vectors[:2].max(axis=0), rtol=1e-6)
    assert not pooled(texts, "max")[1:].any()


def test_columns_are_of_values_that_are_frequent_in_train() -> None:
    values = [["a", "b"], ["a"], ["c", "b"], ["c"], ["c"]]
    train = Rows(np.array([0, 1, 2]), np.zeros(3))
    assert one_hot(values, train, fewest=2).tolist() == [[1, 1], [1, 0], [0, 1], [0, 0], [0, 0]]


@pytest.mark.parametrize("model", MODELS)
def test_each_fault_is_one_difference(model: str) -> None:
    known = faults(model)
    cases = {"": honest(model)} | {name: case for name, (case, _) in known.items()}
    changes = {}
    for name, (case, without) in known.items():
        base = cases[without]
        keys = {*case.changed, *base.changed}
        # a missing key is that of `conf/`
        differ = {key for key in keys if case.changed.get(key) != base.changed.get(key)}
        flags = {"joined"} if case.joined != base.joined else set()
        flags |= {"watched"} if case.watched != base.watched else set()
        changes[name] = differ | flags
    assert changes["new_movie_ids"] == {"embeddings"}
    assert changes["untrained_ids"] == {"cold"}
    assert changes["no_validation"] == {"patience", "restore_best", "watched"}
    assert changes["title_join"] == {"joined"}
    assert changes.get("shared_layer", {"pretraining"}) == {"pretraining"}
    assert ("title_length" in known, "shared_layer" in known) == (model == DNN, model == FINETUNE)
    assert not honest(model).joined and published(model).joined and not published(model).watched
    front = padded_in_front(model).changed
    assert {key for key in front if front[key] != honest(model).changed.get(key)} == {
        "title_padding"
    }


@pytest.mark.slow
def test_the_published_figures_are_of_the_joined_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """RMSE and R² of each network give away the variance of its test votes: one and the same."""
    known = tmdb_titles.SYSTEM
    figures = [known.row(row).published for row in tmdb_titles.NETWORKS]
    implied = [found["rmse"] ** 2 / (1 - found["r2"]) for found in figures]
    assert np.ptp(implied) < 3e-4
    tables = tmdb()
    result = tmdb_titles._split(Movies.of(tables["items"], tables["interactions"]))
    assert "variance of 1.296 of the test votes; these have 1.296" in result.shown
    assert "2 movies in test are in train too" in result.shown
    sizes = {name: found.mean for name, found in result.same.items()}
    assert sizes == {"train_rows": 3_847, "test_rows": 962}


def networks(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Networks:
    monkeypatch.chdir(ROOT)
    return Networks.of(some_movies(), "tmdb_titles", tmp_path)


@pytest.mark.slow
def test_networks_are_fitted_as_published(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    known = networks(monkeypatch, tmp_path)
    parts = as_published(joined(known.movies))
    fits = {model: known.fit(model, parts, 1, published(model).changed) for model in MODELS}
    for model, fit in fits.items():
        config = fit.config
        assert (config.cold, config.title_padding == "end") == ("untrained", model != DNN)
        assert (config.baseline, config.patience, config.embedding_damping) == ("none", None, 0.0)
        assert len(fit.history) == 10 and "valid_mae" in fit.history[0]
    names = {model: {layer["name"] for layer in fit.layers} for model, fit in fits.items()}
    assert "title_length_number_embedding" in names[DNN] and "words" in names[GLOVE]
    assert all(fit.seconds > 0 for fit in fits.values())
    again = known.fit(DNN, parts, 1, published(DNN).changed)
    assert again.metrics == fits[DNN].metrics


@pytest.mark.slow
def test_settings_are_of_the_fit(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Those that a row lists are recorded, equal to the published ones or with a reason."""
    known = networks(monkeypatch, tmp_path)
    here = tmdb_titles.Lab(known, pd.DataFrame(), seeds=1)
    for row in tmdb_titles.NETWORKS:
        found = tmdb_titles.settings(here, row)
        stated = tmdb_titles.SYSTEM.row(row).settings
        assert found.keys() == stated.keys()
        other = {name for name in found if found[name] != stated[name].published}
        assert other == {name for name in stated if stated[name].differs}


@pytest.mark.slow
def test_columns_take_the_place_of_a_title(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    known = networks(monkeypatch, tmp_path)
    parts = with_valid(single(known.movies), 1)
    # the votes themselves: a network that reads them is better than the mean
    given = known.movies.votes[:, None] / 10
    fit = known.fit(GLOVE, parts, 1, honest(GLOVE).changed | {"learning_rate": 0.01}, given)
    assert fit.metrics["r2"] > 0.2
    names = {layer["name"] for layer in fit.layers}
    assert "words" not in names and "item_embedding" not in names


def fit_with(rmse: float, r2: float = -0.5) -> Fit:
    metrics = {"rmse": rmse, "mae": rmse, "r2": r2, "mse": rmse**2}
    return Fit(metrics, 1.0, [], [], SimpleNamespace())  # type: ignore[arg-type]


RMSE = {DNN: [1.0, 1.0, 3.0], FINETUNE: [2.0, 2.0, 1.0], GLOVE: [3.0, 1.5, 2.0]}


def test_the_order_is_counted_run_by_run() -> None:
    here = SimpleNamespace(published=lambda model: [fit_with(value) for value in RMSE[model]])
    text = tmdb_titles.order(here)  # type: ignore[arg-type]
    assert "`dnn` has the lowest RMSE in 2 of 3 runs" in text
    assert "`finetune` is better than `glove` in 2" in text and "order is that of 1." in text
    assert text.endswith("By mean: dnn 1.6667, finetune 1.6667, glove 2.1667.")


def test_a_mean_has_the_interval_of_students_distribution() -> None:
    found = tmdb_titles.estimates([fit_with(value) for value in (1.0, 2.0, 3.0)])["rmse"]
    # 4.303 standard errors for two degrees of freedom
    assert found.value == 2.0 and found.high == pytest.approx(2.0 + 4.3027 / 3**0.5, abs=1e-4)
    assert found.low == pytest.approx(4.0 - found.high)


def test_a_fit_is_made_once() -> None:
    made = []

    def fit(model: str, parts: Any, seed: int, changed: Any) -> Fit:
        made.append((model, seed, changed.get("cold")))
        return fit_with(1.0)

    known = SimpleNamespace(fit=fit, movies=some_movies())
    here = tmdb_titles.Lab(known, pd.DataFrame(), seeds=2)  # type: ignore[arg-type]
    assert len(here.published(DNN)) == len(here.published(DNN)) == 2
    here.measure(DNN, "honest", honest(DNN))
    assert made[:2] == [(DNN, FIRST_SEED, "untrained"), (DNN, FIRST_SEED + 1, "untrained")]
    assert len(made) == 2 + 5


@pytest.mark.parametrize("row", tmdb_titles.NETWORKS)
def test_every_network_has_corrected_ones_beside_it(row: str) -> None:
    plan = tmdb_titles.SYSTEM.plan(row)
    assert len(plan.also) == 2 - (row == "d_dnn") and plan.least == 10
