from __future__ import annotations

import numpy as np
import pytest
import surprise
from contracts import RecommenderContract
from surprise_oracle import IDS, ITEMS, TRAIN, USERS, predictions, trainset

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.slope_one import SlopeOne


class TestSlopeOne(RecommenderContract):
    model_class = SlopeOne
    fold_in = "exact"
    # a deviation between two items is one number for everybody: with as many users of both groups
    # it is 0, and no item is put before another
    personalised = False


def test_same_predictions_as_surprise() -> None:
    model = SlopeOne().fit(TRAIN, TRAIN, Features(IDS))
    expected = predictions(surprise.SlopeOne().fit(trainset()))
    np.testing.assert_allclose(model.predict(USERS, ITEMS), expected, atol=1e-5)


def test_half_stars_by_hand() -> None:
    """Users 0 and 1 rate item 0 above item 1 by 1.5 and 0.5; user 2 has 3 for item 1 alone."""
    train = Interactions.from_arrays([0, 0, 1, 1, 2, 3], [0, 1, 0, 1, 1, 2], [4.5, 3, 2.5, 2, 3, 5])
    model = SlopeOne().fit(train, train, Features(Ids(5, 4, 0.5, 5)))
    mean = 20 / 6
    # item 2 shares no user with item 1; item 3, user 4 and -1 are not in train
    expected = [4.0, 3.0, mean, mean, mean]
    predicted = model.predict([2, 2, 2, 4, -1], [0, 2, 3, 0, -1])
    np.testing.assert_allclose(predicted, expected, atol=1e-6)


def test_a_rating_of_zero_is_a_rating() -> None:
    train = Interactions.from_arrays([0, 0, 1], [0, 1, 1], [0, 2, 1])
    model = SlopeOne().fit(train, train, Features(Ids(2, 2, -5, 5)))
    np.testing.assert_allclose(model.predict([1], [0]), [-1.0], atol=1e-6)


def test_blocks_and_threads_change_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = SlopeOne().fit(TRAIN, TRAIN, Features(IDS))
    monkeypatch.setattr("reelbench.parallel._ROWS_AT_ONCE", 4)
    monkeypatch.setattr("reelbench.models.shared.neighbours._PAIRS_AT_ONCE", 50)
    monkeypatch.setattr("reelbench.models.slope_one._USERS_AT_ONCE", 3)
    blocks = SlopeOne(threads=3).fit(TRAIN, TRAIN, Features(IDS))
    everybody = np.arange(-1, 40)
    np.testing.assert_array_equal(blocks.score(everybody), whole.score(everybody))
    np.testing.assert_array_equal(blocks.predict(USERS, ITEMS), whole.predict(USERS, ITEMS))
