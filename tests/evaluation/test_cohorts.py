from __future__ import annotations

import numpy as np
import pytest

from reelbench.data.interactions import Interactions
from reelbench.evaluation.cohorts import cohorts, cold, describe

TRAIN = Interactions.from_arrays([0, 0, 1], [0, 1, 1], [5, 4, 3])
# user 2 and item 3 have no row in train
TEST = Interactions.from_arrays([0, 1, 2, 2], [3, 0, 0, 3], [4, 2, 5, 1])


def test_cold_means_no_row_in_train() -> None:
    assert cold(np.array([0, 2, 1]), TRAIN.user_idx).tolist() == [False, True, False]


def test_every_row_is_warm_or_cold_by_user_and_by_item() -> None:
    groups = cohorts(TRAIN, TEST)
    assert groups["cold_users"].tolist() == [False, False, True, True]
    assert groups["cold_items"].tolist() == [True, False, False, True]
    assert (groups["warm_users"] ^ groups["cold_users"]).all()
    assert (groups["warm_items"] ^ groups["cold_items"]).all()


def test_size_and_error_by_hand() -> None:
    predicted = np.array([4, 3, 3, 3], dtype=np.float32)  # errors 0, 1, -2, 2
    description = describe(cohorts(TRAIN, TEST), TEST, predicted)
    assert description["cold_users"] == {"ratings": 2, "users": 1, "items": 2, "rmse": 2.0}
    assert description["warm_users"]["rmse"] == pytest.approx(0.5**0.5)
    assert description["cold_items"]["rmse"] == pytest.approx((4 / 2) ** 0.5)


def test_empty_cohorts_and_rank_only_models_have_no_error() -> None:
    warm = cohorts(TEST, TEST)
    assert describe(warm, TEST, np.ones(4))["cold_users"] == {
        "ratings": 0,
        "users": 0,
        "items": 0,
        "rmse": None,
    }
    assert describe(warm, TEST, None)["warm_users"]["rmse"] is None
