from __future__ import annotations

import numpy as np
from contracts import RecommenderContract

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.popularity import WeightedMean

# item 0 has one rating of 5, item 1 three of 4, item 2 one of 2, item 3 none; mean 19 / 5
TRAIN = Interactions.from_arrays([0, 0, 1, 2, 0], [0, 1, 1, 1, 2], [5, 4, 4, 4, 2])


def fitted(prior_votes: float) -> WeightedMean:
    return WeightedMean(prior_votes=prior_votes).fit(TRAIN, TRAIN, Features(Ids(3, 4, 1, 5)))


class TestWeightedMean(RecommenderContract):
    model_class = WeightedMean
    fold_in = "exact"
    parameters = {"prior_votes": 2.0}  # noqa: RUF012
    personalised = False


class TestItemMean(TestWeightedMean):
    parameters = {"prior_votes": 0.0}  # noqa: RUF012


def test_by_hand_without_a_prior() -> None:
    model = fitted(0.0)
    np.testing.assert_allclose(model.score([0])[0], [5, 4, 2, 3.8], rtol=1e-6)
    np.testing.assert_allclose(model.predict([-1, 0], [1, -1]), [4, 3.8], rtol=1e-6)


def test_by_hand_with_two_votes() -> None:
    expected = [(5 + 7.6) / 3, (12 + 7.6) / 5, (2 + 7.6) / 3, 3.8]
    np.testing.assert_allclose(fitted(2.0).score([0])[0], expected, rtol=1e-6)


def test_many_good_ratings_beat_a_single_perfect_one() -> None:
    items, stars = [0, 1, 1, 1, 1, 2, 2], [5, 4.5, 4.5, 4.5, 4.5, 1, 1]
    train = Interactions.from_arrays(range(7), items, stars)
    for prior_votes, best in ((0.0, 0), (3.0, 1)):
        model = WeightedMean(prior_votes=prior_votes).fit(train, train, Features(Ids(7, 3, 1, 5)))
        assert np.argmax(model.score([0])[0]) == best
