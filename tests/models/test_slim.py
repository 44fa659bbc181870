from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from contracts import IDS, TRAIN, RecommenderContract
from sklearn.linear_model import ElasticNet

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.slim import SLIM
from reelbench.params import ParamsError

N_USERS, N_ITEMS = 50, 16


class TestSLIM(RecommenderContract):
    model_class = SLIM
    fold_in = "exact"
    parameters: ClassVar[dict[str, Any]] = {
        "l1": 0.2,
        "l2": 1.0,
        "rating_power": 1.0,
        "user_power": 0.3,
    }


class TestSignedSLIM(RecommenderContract):
    model_class = SLIM
    fold_in = "exact"
    parameters: ClassVar[dict[str, Any]] = {
        "l1": 0.2,
        "l2": 1.0,
        "rating_power": 1.0,
        "non_negative": False,
    }


def ratings() -> Interactions:
    rng = np.random.default_rng(3)
    taste = rng.normal(size=(N_USERS, 2)) @ rng.normal(size=(2, N_ITEMS))
    users, items = np.nonzero(taste + rng.normal(size=taste.shape) > 0.5)
    part = Interactions.from_arrays(users, items, 1 + (users + items) % 5)
    return replace(part, ids=Ids(N_USERS, N_ITEMS, 1.0, 5.0))


def weights_of(**parameters: Any) -> np.ndarray:
    return SLIM(tolerance=1e-8, **parameters).fit(ratings())._weights.toarray()


def assert_elastic_net(
    weights: np.ndarray, rows: np.ndarray, l1: float, l2: float, non_negative: bool
) -> None:
    """Every column of the weights is what scikit-learn finds for these rows of users."""
    oracle = ElasticNet(
        alpha=(l1 + l2) / N_USERS,
        l1_ratio=l1 / (l1 + l2),
        fit_intercept=False,
        positive=non_negative,
        tol=1e-9,
        max_iter=100_000,
    )
    for item in range(N_ITEMS):
        others = np.arange(N_ITEMS) != item
        oracle.fit(rows[:, others], rows[:, item])
        np.testing.assert_allclose(weights[others, item], oracle.coef_, atol=1e-5)


@pytest.mark.parametrize("non_negative", [True, False])
@pytest.mark.parametrize(("l1", "l2"), [(0.3, 1.0), (2.0, 5.0), (0.01, 3.0)])
def test_weights_are_those_of_the_elastic_net_of_scikit_learn(
    non_negative: bool, l1: float, l2: float
) -> None:
    found = weights_of(l1=l1, l2=l2, rating_power=1.0, non_negative=non_negative)
    part = ratings()
    chosen = part.user_items(N_USERS, N_ITEMS).toarray().astype(float) / 5
    assert_elastic_net(found, chosen, l1, l2, non_negative)
    assert not found.diagonal().any()
    if l1 < 1:
        assert (found < 0).any() != non_negative


def test_users_count_by_the_power_of_their_ratings() -> None:
    """A user with n ratings counts (n / 100)^-power: the same as rows of that weight."""
    part = ratings()
    found = weights_of(l1=0.5, l2=2.0, user_power=0.6)
    chosen = part.seen(N_USERS, N_ITEMS).toarray().astype(float)
    weight = (chosen.sum(axis=1) / 100) ** -0.6
    assert_elastic_net(found, np.sqrt(weight)[:, None] * chosen, 0.5, 2.0, True)


def test_neighbours_are_the_movies_of_the_highest_cosine() -> None:
    found = weights_of(l1=0.0, l2=1.0, neighbours=3, non_negative=False)
    chosen = ratings().seen(N_USERS, N_ITEMS).toarray().astype(float)
    length = np.linalg.norm(chosen, axis=0)
    cosine = chosen.T @ chosen / np.outer(length, length) - 2 * np.eye(N_ITEMS)
    for item in range(N_ITEMS):
        nearest = np.argsort(-cosine[item], kind="stable")[:3]
        np.testing.assert_array_equal(np.flatnonzero(found[:, item]), np.sort(nearest))


def test_more_of_l1_leaves_fewer_weights() -> None:
    counts = [np.count_nonzero(weights_of(l1=l1, l2=1.0)) for l1 in (0.0, 2.0, 5.0, 100.0)]
    assert counts == sorted(counts, reverse=True) and counts[-1] == 0 and len(set(counts)) > 2


def test_threads_change_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelbench.parallel._ROWS_AT_ONCE", 5)
    fits = [SLIM(l1=0.3, threads=threads).fit(ratings()) for threads in (1, 3)]
    scores = [model.score(np.arange(-1, N_USERS)) for model in fits]
    np.testing.assert_array_equal(*scores)


def test_a_catalogue_beyond_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelbench.models.slim.memory_bytes", lambda: 3000)
    with pytest.raises(ParamsError, match=r"18 by 18 movies.*filter.min_per_item"):
        SLIM().fit(TRAIN, TRAIN, Features(IDS))
