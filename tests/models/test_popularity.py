from __future__ import annotations

import numpy as np
from contracts import RecommenderContract

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.popularity import GlobalMean, Popularity, WeightedMean

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
