from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.cohorts import Outcome, breakdown, cohorts_of, cold, warm_and_cold
from reelbench.evaluation.metrics import ranking_values
from reelbench.evaluation.scoring import Lists, Rankings

TRAIN = Interactions.from_arrays([0, 0, 1], [0, 1, 1], [5, 4, 3])


def counts(train: Interactions, n_users: int, n_items: int) -> tuple[np.ndarray, np.ndarray]:
    return np.bincount(train.user_idx, minlength=n_users), np.bincount(
        train.item_idx, minlength=n_items
    )


# user 2 and item 3 have no row in train
TEST = Interactions.from_arrays([0, 1, 2, 2], [3, 0, 0, 3], [4, 2, 5, 1])


def test_cold_means_no_row_in_train() -> None:
    assert cold(np.array([0, 2, 1]), TRAIN.user_idx).tolist() == [False, True, False]


def described(predicted: np.ndarray | None, train: Interactions = TRAIN) -> dict[str, Any]:
    """Of a model whose rankings do not matter."""
    lists = np.empty((0, 1), dtype=int)
    ranked = Rankings(np.arange(0), Lists(lists, lists, lists, lists, lists, np.empty(0)), 0.0)
    outcome = Outcome(TEST, predicted, ranked, sparse.csr_array((0, 4), dtype=bool), {}, [1])
    return warm_and_cold(breakdown(cohorts_of(*counts(train, 3, 4), Movies.unknown(4)), outcome))


def test_every_row_is_warm_or_cold_by_user_and_by_item() -> None:
    ratings = {name: row["ratings"] for name, row in described(None).items()}
    assert ratings == {"warm_users": 2, "cold_users": 2, "warm_items": 2, "cold_items": 2}


def test_size_and_error_by_hand() -> None:
    description = described(np.array([4, 3, 3, 3], dtype=np.float32))  # errors 0, 1, -2, 2
    assert description["cold_users"] == {"ratings": 2, "users": 1, "items": 2, "rmse": 2.0}
    assert description["warm_users"]["rmse"] == pytest.approx(0.5**0.5)
    assert description["cold_items"]["rmse"] == pytest.approx((4 / 2) ** 0.5)


def test_empty_cohorts_and_rank_only_models_have_no_error() -> None:
    nobody = {"ratings": 0, "users": 0, "items": 0, "rmse": None}
    assert described(np.ones(4), train=TEST)["cold_users"] == nobody
    assert described(None, train=TEST)["warm_users"]["rmse"] is None


# users 0 and 1 are warm (11 and 1 ratings), user 2 is cold; items 11 and 12 are cold
TRAINED = Interactions.from_arrays([0] * 11 + [1], [*range(11), 0], [3] * 12)


TESTED = Interactions.from_arrays([0, 0, 1, 2], [11, 12, 1, 0], [5, 3, 2, 4])


ITEMS = pd.DataFrame(
    {
        "genres": [["Drama"] if i % 2 else ["War", "Drama"] for i in range(12)] + [[]],
        "year": pd.array([1989] * 6 + [1990] * 6 + [None], dtype="Int16"),
    }
)


LISTS = np.array([[12, 11], [3, 1], [5, 6]])


def table(predicted: np.ndarray | None = None) -> pd.DataFrame:
    relevant = sparse.csr_array(TESTED.seen(3, 13))
    per_user = ranking_values(LISTS, relevant, [2]) | {"auc": np.array([0.9, 0.8, 0.1])}
    terms = np.array([0.8, 1.0, 0.8, 0.1])
    none = np.empty((3, 0))
    ranked = Rankings(np.arange(3), Lists(LISTS, LISTS, none, none, none, terms), 0.0)
    tested = Outcome(TESTED, predicted, ranked, relevant, per_user, [2])
    movies = Movies.of(ITEMS, {})
    return breakdown(cohorts_of(*counts(TRAINED, 3, 13), movies), tested).set_index(
        ["by", "cohort"]
    )


def test_cohorts_by_hand() -> None:
    found = table(np.array([5, 4, 4, 4], dtype=np.float32))  # errors 0, 1, 2, 0
    assert found.loc[("users", "cold users"), "rmse"] == 0
    assert found.loc[("items", "cold items"), "rmse"] == pytest.approx(0.5**0.5)
    assert found.loc[("user activity", "1-9 ratings"), "rmse"] == 2
    assert found.loc[("user activity", "10-29 ratings"), "n_test"] == 2
    # item 11 is a Drama without a row in train, item 1 too but for its row, item 0 a War as well
    assert found.loc[("genre", "Drama"), "rmse"] == pytest.approx((4 / 3) ** 0.5)
    assert found.loc[("genre", "no genres"), "n_test"] == 1
    assert found.loc[("decade", "1980s"), "rmse"] == pytest.approx(2**0.5)
    assert found.loc[("decade", "unknown"), "rmse"] == 1


def test_items_of_a_cohort_are_looked_for_in_the_whole_list() -> None:
    found = table()
    # item 12 is at the first place of user 0, item 11 at the second
    assert found.loc[("genre", "no genres"), "mrr_at_2"] == 1
    assert found.loc[("genre", "War"), "recall_at_2"] == 0
    # Drama: users 0 (item 11 at place 2), 1 (item 1 at place 2) and 2 (missed)
    assert found.loc[("genre", "Drama"), "mrr_at_2"] == pytest.approx(1 / 3)
    assert found.loc[("decade", "1990s"), "auc"] == pytest.approx(0.8)
    assert found.loc[("decade", "1990s"), "users"] == 1


def test_users_of_a_cohort_keep_their_own_values() -> None:
    found = table()
    assert found.loc[("users", "warm users"), "auc"] == pytest.approx(0.85)
    assert found.loc[("users", "cold users"), "recall_at_2"] == 0


def test_every_division_but_genre_loses_no_rating() -> None:
    sums = table().groupby("by")["n_test"].sum()
    assert sums.drop("genre").eq(len(TESTED)).all()
    assert sums["genre"] == len(TESTED) + 1  # item 0 is both Drama and War


def test_a_model_that_only_ranks_has_no_errors() -> None:
    assert table()["rmse"].isna().all()
