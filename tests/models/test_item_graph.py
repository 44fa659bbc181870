from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from contracts import IDS, TRAIN, USERS, RecommenderContract

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.item_graph import ItemGraph, ItemKNN, RP3beta, weighted

BM25: dict[str, Any] = {"weighting": "bm25", "shrinkage": 1.0, "rating_power": 1.0, "k": 12}


class TestItemKNN(RecommenderContract):
    model_class = ItemKNN
    fold_in = "exact"
    parameters = BM25


class TestRP3beta(RecommenderContract):
    model_class = RP3beta
    fold_in = "exact"
    parameters = {"alpha": 0.8, "beta": 0.4, "k": 12, "rating_power": 2.0}  # noqa: RUF012


def choices() -> np.ndarray:
    """Ones and zeros (30, 25); item 24 is chosen by nobody."""
    chosen = np.random.default_rng(5).random((30, 25)) < 0.2
    chosen[:, 24] = False
    chosen[np.arange(30), np.arange(30) % 24] = True
    return chosen.astype(float)


def fitted(model: ItemGraph, chosen: np.ndarray) -> ItemGraph:
    users, items = np.nonzero(chosen)
    train = Interactions.from_arrays(users, items, np.full(len(users), 5))
    return model.fit(train, features=Features(Ids(*chosen.shape, 1, 5)))


def largest_per_column(weights: np.ndarray, k: int) -> np.ndarray:
    np.fill_diagonal(weights, 0.0)
    smallest = -np.sort(-weights, axis=0)[k - 1]
    return np.where(weights >= smallest, weights, 0.0)


def cosines(x: np.ndarray, shrinkage: float) -> np.ndarray:
    norm = np.linalg.norm(x, axis=0)
    return x.T @ x / np.maximum(np.outer(norm, norm) + shrinkage, 1e-12)


@pytest.mark.parametrize("k", [3, 25])
@pytest.mark.parametrize("shrinkage", [0.0, 4.0])
def test_item_knn_is_the_textbooks(k: int, shrinkage: float) -> None:
    x = choices()
    model = fitted(ItemKNN(k=k, shrinkage=shrinkage), x)
    expected = largest_per_column(cosines(x, shrinkage), k)
    np.testing.assert_allclose(model.weights.toarray(), expected, atol=1e-6)
    np.testing.assert_allclose(model.score(np.arange(30)), x @ expected, atol=1e-5)
    np.testing.assert_allclose(model.score([-1])[0], (x @ expected).mean(axis=0), atol=1e-5)


def test_jaccard_by_sets() -> None:
    x = choices()
    sets = [set(np.flatnonzero(column)) for column in x.T]
    model = fitted(ItemKNN(k=25, similarity="jaccard", shrinkage=2.0), x)
    for one, other in [(0, 1), (2, 7), (4, 20)]:
        expected = len(sets[one] & sets[other]) / (len(sets[one] | sets[other]) + 2.0)
        assert model.weights[[one]].toarray()[0, other] == pytest.approx(expected)


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (0.7, 0.5)])
def test_rp3beta_by_probabilities(alpha: float, beta: float) -> None:
    x = choices()
    to_items = (x / x.sum(axis=1, keepdims=True)) ** alpha
    degree = np.maximum(x.sum(axis=0), 1.0)
    to_users = (x.T / degree[:, None]) ** alpha
    expected = largest_per_column(to_users @ to_items / degree**beta, 25)
    model = fitted(RP3beta(k=25, alpha=alpha, beta=beta), x)
    np.testing.assert_allclose(model.weights.toarray(), expected, atol=1e-6)


def test_weights_are_those_of_implicit() -> None:
    from implicit.nearest_neighbours import bm25_weight, tfidf_weight
    from scipy import sparse

    x = np.maximum(choices().T, 0.0)
    x[24, 0] = 1.0  # implicit takes logarithms of all, and has no item without a user
    items = sparse.csr_array(x)
    np.testing.assert_allclose(
        weighted(items, "tfidf").toarray(), tfidf_weight(items).toarray(), atol=1e-6
    )
    expected = bm25_weight(items, K1=1.2, B=0.75).toarray()
    np.testing.assert_allclose(weighted(items, "bm25").toarray(), expected, atol=1e-6)
    assert weighted(items, "none") is items


@pytest.mark.parametrize("model", [ItemKNN(**BM25), RP3beta()], ids=lambda m: type(m).__name__)
def test_threads_and_blocks_change_no_byte(
    monkeypatch: pytest.MonkeyPatch, model: ItemGraph
) -> None:
    whole = model.fit(TRAIN, features=Features(IDS)).score(USERS)
    monkeypatch.setattr("reelbench.parallel._ROWS_AT_ONCE", 4)
    again = type(model)(threads=3, **model.config.model_dump()).fit(TRAIN, features=Features(IDS))
    np.testing.assert_array_equal(again.score(USERS), whole)


def test_new_users_at_once_are_those_one_by_one() -> None:
    x = choices()
    model = fitted(RP3beta(k=6), x)
    users, items = np.nonzero(x[:4])
    profiles = Interactions.from_arrays(users, items, np.full(len(users), 5))
    together = model._fold_in_users(profiles, Ids(4, 25, 1, 5))
    assert together is not None
    np.testing.assert_allclose(together.score(np.arange(4)), model.score(np.arange(4)), atol=1e-6)
