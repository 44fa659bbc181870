from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from reelbench.data.interactions import Interactions
from reelbench.evaluation import beyond_accuracy as beyond
from reelbench.evaluation.beyond_accuracy import Movies

NAN = float("nan")


# item 0 has three rows in train, item 1 two, item 2 one, item 3 none
TRAIN = Interactions.from_arrays([0, 1, 2, 0, 1, 3], [0, 0, 0, 1, 1, 2], [5, 4, 3, 3, 2, 1])


def test_popularity_and_self_information_by_hand() -> None:
    assert beyond.popularity(TRAIN, 4).tolist() == [3, 2, 1, 0]
    # of four users in train: 3/4, 2/4, 1/4, and a cold item as one of 1/4
    expected = [-math.log2(0.75), 1, 2, 2]
    assert beyond.self_information(beyond.popularity(TRAIN, 4), 4).tolist() == pytest.approx(
        expected
    )


def shown(lists: np.ndarray, **related: np.ndarray) -> beyond.RecommendedLists:
    """Lists with what some metrics relate them to."""
    nothing = {"counts": np.empty(0), "information": np.empty(0), "profile": np.empty(0)}
    return beyond.RecommendedLists(lists, vectors={}, **(nothing | related))


def test_novelty_is_the_mean_over_the_list_and_not_over_k() -> None:
    lists = np.array([[1, 2, 3], [1, -1, -1], [-1, -1, -1]])
    information = beyond.self_information(beyond.popularity(TRAIN, 4), 4)
    found = beyond.novelty(shown(lists, information=information), 2)
    assert found.tolist() == pytest.approx([1.5, 1, NAN], nan_ok=True)


def test_popularity_lift_by_hand() -> None:
    counts = beyond.popularity(TRAIN, 4)
    profile = beyond.profile_popularity(TRAIN, counts, 5)
    # user 0 rated items of 3 and 2 rows, user 3 one of 1; user 4 is cold
    assert profile.tolist() == pytest.approx([2.5, 2.5, 3, 1, NAN], nan_ok=True)
    lists = np.array([[0, 3], [1, 1], [-1, -1], [0, 1], [0, 1]])
    lift = beyond.popularity_lift(shown(lists, counts=counts, profile=profile), 2)
    assert lift.tolist() == pytest.approx([1.5 / 2.5 - 1, 2 / 2.5 - 1, NAN, 1.5, NAN], nan_ok=True)


def test_gini_of_equal_shares_and_of_one_item_for_all() -> None:
    assert beyond.gini(np.array([[0, 1], [2, 3]]), 4, 2) == 0
    assert beyond.gini(np.array([[2], [2], [2]]), 4, 1) == pytest.approx(1 - 1 / 4)
    assert math.isnan(beyond.gini(np.full((2, 2), -1), 4, 2))


def test_gini_is_half_the_mean_difference_over_the_mean() -> None:
    """The definition, over all pairs of items."""
    for seed in range(200):
        rng = np.random.default_rng(seed)
        lists = rng.integers(-1, 12, size=(int(rng.integers(1, 9)), 5))
        lists[0, 0] = 3
        counts = np.bincount(lists[lists >= 0], minlength=12)
        differences = np.abs(counts[:, None] - counts).mean()
        assert beyond.gini(lists, 12, 5) == pytest.approx(
            differences / (2 * counts.mean()), abs=1e-12
        )


def test_diversity_is_the_mean_distance_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(200):
        from scipy.spatial.distance import cosine

        monkeypatch.setattr(beyond, "_CELLS_AT_ONCE", 60)  # so that chunks are made
        rng = np.random.default_rng(seed)
        vectors = rng.normal(size=(15, 4))
        lists = np.stack([rng.permutation(15)[:6] for _ in range(5)])
        lists[1, 1:] = -1
        lists[2, 4:] = -1
        k = int(rng.integers(2, 7))
        found = beyond.diversity(lists, vectors, k)
        assert np.isnan(found[1])
        for row, value in zip(np.delete(lists, 1, axis=0), np.delete(found, 1), strict=True):
            items = [item for item in row[:k] if item >= 0]
            pairs = itertools.combinations(items, 2)
            expected = np.mean([cosine(vectors[a], vectors[b]) for a, b in pairs])
            assert value == pytest.approx(expected, abs=1e-9)


def test_an_item_that_nothing_is_known_of_is_unlike_all() -> None:
    vectors = np.array([[1.0, 0], [2.0, 0], [0, 0]])
    assert beyond.diversity(np.array([[0, 1], [0, 2], [2, 2]]), vectors, 2).tolist() == [0, 1, 1]


ITEMS = pd.DataFrame(
    {"genres": [["War"], [], ["Drama", "War"]], "year": pd.array([1995, None, 2001], dtype="Int16")}
)


TEXT = np.arange(6, dtype=np.float32).reshape(3, 2)


def test_genres_years_and_vectors() -> None:
    movies = Movies.of(ITEMS, {"text": {"text": TEXT, "words": np.array(["a", "b", "c"])}})
    assert {name: member.tolist() for name, member in movies.genres.items()} == {
        "Drama": [False, False, True],
        "War": [True, False, True],
    }
    assert np.isnan(movies.year[1]) and movies.year[2] == 2001
    assert set(movies.vectors) == {"genres", "text"}
    assert movies.vectors["genres"].tolist() == [[0, 1], [0, 0], [1, 1]]
    assert movies.vectors["text"].tolist() == TEXT.tolist()


def test_a_source_without_either_and_a_block_without_vectors() -> None:
    movies = Movies.of(ITEMS[[]], {"ids": {"n_items": np.array(3)}})
    assert (movies.genres, movies.vectors) == ({}, {})
    assert np.isnan(movies.year).all()
