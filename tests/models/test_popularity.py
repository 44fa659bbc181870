from __future__ import annotations

import numpy as np
import pytest
from contracts import RecommenderContract

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.popularity import GlobalMean, Popularity, Random, WeightedMean

# item 0 has one rating of 5, item 1 three of 4, item 2 one of 2, item 3 none; mean 19 / 5
TRAIN = Interactions.from_arrays([0, 0, 1, 2, 0], [0, 1, 1, 1, 2], [5, 4, 4, 4, 2])


class TestPopularity(RecommenderContract):
    model_class = Popularity
    fold_in = "exact"
    personalised = False


class TestGlobalMean(RecommenderContract):
    model_class = GlobalMean
    fold_in = "exact"
    personalised = False


class TestWeightedMean(RecommenderContract):
    model_class = WeightedMean
    fold_in = "exact"
    personalised = False


class TestItemMean(TestWeightedMean):
    parameters = {"prior_votes": 0.0}  # noqa: RUF012


class TestRandom(RecommenderContract):
    model_class = Random
    neutral_to_cold_users = False  # there is something drawn for them too
    personalised = False


def test_draws_are_normal_and_independent() -> None:
    """600 · 500 draws: means within four standard errors, no correlation of neighbours."""
    train = Interactions.from_arrays(range(600), np.arange(600) % 500, np.tile([1, 5, 3, 3], 150))
    model = Random(seed=3).fit(train)
    scores = model.score(np.arange(600)).astype(np.float64)
    assert scores.mean() == pytest.approx(3, abs=4 * train.rating.std() / np.sqrt(scores.size))
    assert scores.std() == pytest.approx(train.rating.std(), rel=0.01)
    for one, other in ((scores[1:], scores[:-1]), (scores[:, 1:], scores[:, :-1])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.01
    assert len(np.unique(model.score([0]))) == 500


def test_counts_rank_and_the_mean_is_predicted() -> None:
    train = Interactions.from_arrays([0, 1, 2, 0, 1, 0], [2, 2, 2, 0, 0, 1], [1, 1, 1, 5, 5, 5])
    model = Popularity().fit(train, features=Features(Ids(3, 4, 1, 5)))
    np.testing.assert_array_equal(model.score([1, -1]), [[2, 1, 3, 0]] * 2)
    np.testing.assert_array_equal(model.predict([0, -1], [3, 2]), [3, 3])


def test_the_global_mean_is_predicted_for_every_pair() -> None:
    train = Interactions.from_arrays([0, 1, 1], [0, 0, 1], [1, 2, 5])
    model = GlobalMean().fit(train, features=Features(Ids(3, 3, 1, 5)))
    np.testing.assert_allclose(model.predict([0, 2, -1], [1, 2, -1]), 8 / 3, rtol=1e-6)


def weighted(prior_votes: float, train: Interactions = TRAIN, n_items: int = 4) -> np.ndarray:
    model = WeightedMean(prior_votes=prior_votes)
    return model.fit(train, features=Features(Ids(7, n_items, 1, 5))).score([0])[0]


def test_means_by_hand_with_and_without_a_prior() -> None:
    np.testing.assert_allclose(weighted(0.0), [5, 4, 2, 3.8], rtol=1e-6)
    expected = [(5 + 7.6) / 3, (12 + 7.6) / 5, (2 + 7.6) / 3, 3.8]
    np.testing.assert_allclose(weighted(2.0), expected, rtol=1e-6)


def test_many_good_ratings_beat_a_single_perfect_one() -> None:
    items, stars = [0, 1, 1, 1, 1, 2, 2], [5, 4.5, 4.5, 4.5, 4.5, 1, 1]
    train = Interactions.from_arrays(range(7), items, stars)
    for prior_votes, best in ((0.0, 0), (3.0, 1)):
        assert np.argmax(weighted(prior_votes, train, 3)) == best
