from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from contracts import IDS, TRAIN, USERS, WARM_USERS, RecommenderContract
from sklearn.linear_model import Ridge

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.ease import EASE

PARAMETERS = {"regularization": 2.0, "rating_power": 1.0, "max_side": 100}


class TestEASE(RecommenderContract):
    model_class = EASE
    fold_in = "exact"
    parameters = PARAMETERS


class TestEDLAE(RecommenderContract):
    model_class = EASE
    fold_in = "exact"
    parameters: ClassVar[dict[str, Any]] = {**PARAMETERS, "dropout": 0.3, "user_power": 0.5}


class TestNeighbours(RecommenderContract):
    """Above the limit: weights of a few others."""

    model_class = EASE
    fold_in = "exact"
    parameters: ClassVar[dict[str, Any]] = {**PARAMETERS, "max_side": 1, "neighbours": 7}


def textbook(chosen: np.ndarray, penalty: float | np.ndarray) -> np.ndarray:
    """Listing 1 of the paper: the scores of every user, float64."""
    inverse = np.linalg.inv(chosen.T @ chosen + np.diag(penalty * np.ones(chosen.shape[1])))
    weights = inverse / -np.diag(inverse)
    weights[np.diag_indices(len(weights))] = 0
    return chosen @ weights


def drawn(n_users: int, n_items: int, share: float = 0.3) -> Interactions:
    chosen = np.random.default_rng(3).random((n_users, n_items)) < share
    users, items = np.nonzero(chosen)
    ids = Ids(n_users, n_items, 1, 5)
    return replace(Interactions.from_arrays(users, items, 1 + items % 5), ids=ids)


@pytest.mark.parametrize(("n_users", "n_items"), [(30, 12), (12, 30), (20, 20)])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("user_power", [0.0, 0.5])
def test_both_ways_to_the_scores_are_the_papers(
    n_users: int, n_items: int, dropout: float, user_power: float
) -> None:
    train = drawn(n_users, n_items)
    model = EASE(regularization=5.0, dropout=dropout, user_power=user_power, max_side=99)
    model.fit(train)
    chosen = train.seen(n_users, n_items).toarray().astype(float)
    count = np.maximum(chosen.sum(axis=1, keepdims=True), 1)
    chosen *= (count / 100) ** (-user_power / 2)
    expected = textbook(chosen, 5.0 + dropout / (1 - dropout) * (chosen**2).sum(axis=0))
    np.testing.assert_allclose(model.score(np.arange(n_users)), expected, atol=2e-5)
    warm = chosen.any(axis=1)
    np.testing.assert_allclose(model.score([-1])[0], expected[warm].mean(axis=0), atol=2e-5)
    folded = model.fold_in(*(column[train.user_idx == 3] for column in train.columns()[1:3]))
    np.testing.assert_allclose(folded.score([-1])[0], expected[3], atol=2e-5)


def test_the_penalty_is_the_mean_over_dropouts() -> None:
    """What drops a share of the inputs at random has the same minimum, for enough draws."""
    train, dropout = drawn(40, 6, 0.6), 0.3
    chosen = train.seen(40, 6).toarray().astype(float)
    kept = np.random.default_rng(0).random((20_000, 40, 6)) >= dropout
    inputs = chosen * kept / (1 - dropout)
    # inputs are scaled up as usual, so that the mean of their products is XᵀX off the diagonal
    products = np.einsum("dui,duj->ij", inputs, inputs, optimize=True) / len(kept)
    expected = chosen.T @ chosen
    expected[np.diag_indices(6)] *= 1 + dropout / (1 - dropout)
    np.testing.assert_allclose(products, expected, rtol=0.01)


def test_a_sparse_weight_is_that_of_a_regression_on_the_nearest() -> None:
    """Where each item is served by an inverse of its own, against least squares of scikit-learn."""
    train, n_near = drawn(60, 14), 4
    model = EASE(regularization=3.0, max_side=5, neighbours=n_near).fit(train)
    chosen = train.seen(60, 14).toarray().astype(float)
    length = np.linalg.norm(chosen, axis=0)
    cosine = chosen.T @ chosen / np.outer(length, length) - 2 * np.eye(14)
    expected = np.zeros((14, 14))
    for item in range(14):
        others = np.sort(np.argsort(-cosine[item], kind="stable")[:n_near])
        ridge = Ridge(alpha=3.0, fit_intercept=False).fit(chosen[:, others], chosen[:, item])
        expected[others, item] = ridge.coef_
    np.testing.assert_allclose(model.score(np.arange(60)), chosen @ expected, atol=1e-5)


def test_all_others_as_neighbours_are_the_dense_weights() -> None:
    train = drawn(60, 14, 0.5)  # every two items share a user
    dense = EASE(regularization=3.0, dropout=0.2).fit(train)
    near = EASE(regularization=3.0, dropout=0.2, max_side=5, neighbours=13, threads=2).fit(train)
    assert dense._weights.size and not near._weights.size
    everybody = np.arange(-1, 60)
    np.testing.assert_allclose(near.score(everybody), dense.score(everybody), atol=1e-5)


def test_without_a_power_all_ratings_count_alike() -> None:
    lowest = Interactions.from_arrays(TRAIN.user_idx, TRAIN.item_idx, np.ones(len(TRAIN)))
    plain = {**PARAMETERS, "rating_power": 0.0}
    fits = [EASE(**plain).fit(part, part, Features(IDS)) for part in (TRAIN, lowest)]
    np.testing.assert_array_equal(fits[0].score(USERS), fits[1].score(USERS))


def test_the_limit_follows_the_memory_and_changes_nothing_below(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = 12 * 18**2 * 4 // 3  # three quarters of it are room for 18 by 18
    whole = EASE(regularization=2.0).fit(TRAIN, TRAIN, Features(IDS))
    monkeypatch.setattr("reelbench.models.ease.memory_bytes", lambda: memory)
    tight = EASE(regularization=2.0).fit(TRAIN, TRAIN, Features(IDS))
    np.testing.assert_array_equal(tight.score(USERS), whole.score(USERS))
    monkeypatch.setattr("reelbench.models.ease.memory_bytes", lambda: memory - 32)
    over = EASE(regularization=2.0, neighbours=3).fit(TRAIN, TRAIN, Features(IDS))
    assert over._near.nnz == 3 * 16  # of movies with a rating in train


@pytest.mark.parametrize(("n_users", "n_items"), [(400, 130), (90, 130)])
def test_blocks_and_threads_change_no_byte(
    monkeypatch: pytest.MonkeyPatch, n_users: int, n_items: int
) -> None:
    users, items = np.nonzero(np.random.default_rng(3).random((n_users, n_items)) < 0.2)
    train = Interactions.from_arrays(users, items, 1 + items % 5)
    features = Features(Ids(n_users, n_items, 1, 5))
    whole = EASE(rating_power=1.0).fit(train, train, features)
    monkeypatch.setattr("reelbench.models.shared.user_items._COLUMNS_AT_ONCE", 7)
    monkeypatch.setattr("reelbench.models.ease._USERS_AT_ONCE", 5)
    blocks = EASE(rating_power=1.0, threads=3).fit(train, train, features)
    everybody = np.arange(-1, n_users)
    np.testing.assert_array_equal(blocks.score(everybody), whole.score(everybody))


def test_predict_answers_the_mean() -> None:
    model = EASE(**PARAMETERS).fit(TRAIN, TRAIN, Features(IDS))
    predicted = model.predict(WARM_USERS, np.zeros(len(WARM_USERS), int))
    np.testing.assert_allclose(predicted, TRAIN.rating.mean(), rtol=1e-6)
