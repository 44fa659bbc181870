"""Metrics in which relevant items count differently, against independent definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import ndcg_score

from reelbench.data.interactions import Ids, Interactions, Parts
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.evaluate import evaluate
from reelbench.evaluation.metrics import gain_values, ranking_values
from reelbench.evaluation.ranking_metrics import gains_of, graded_gains, inverse_propensities
from reelbench.evaluation.task import Task
from reelbench.features.block import Features
from reelbench.models.bias import Bias

N, ITEMS, CUTOFFS = 60, 40, (1, 5, 25)


@pytest.fixture(scope="module")
def gains() -> np.ndarray:
    """Gains of up to 31, most of them 0; every user has one at least."""
    rng = np.random.default_rng(3)
    found = np.where(rng.random((N, ITEMS)) < 0.3, 2.0 ** rng.integers(1, 6, (N, ITEMS)) - 1, 0.0)
    found[:, 0] = 1.0
    return found


@pytest.fixture(scope="module")
def order() -> np.ndarray:
    """The whole catalogue in some order for each user."""
    return np.random.default_rng(4).permuted(np.tile(np.arange(ITEMS), (N, 1)), axis=1)


def test_graded_ndcg_is_that_of_scikit_learn(gains: np.ndarray, order: np.ndarray) -> None:
    values = gain_values(order[:, :25], {"rating": sparse.csr_array(gains)}, CUTOFFS)
    assert list(values) == [f"ndcg_graded_at_{k}" for k in CUTOFFS]
    scores = -np.argsort(order, axis=1)  # of each item: minus its place
    for k in CUTOFFS:
        expected = [ndcg_score(gains[[u]], scores[[u]], k=k, ignore_ties=True) for u in range(N)]
        np.testing.assert_allclose(values[f"ndcg_graded_at_{k}"], expected, rtol=0, atol=1e-12)


def test_inverse_propensity_metrics_in_numpy(gains: np.ndarray, order: np.ndarray) -> None:
    counts = np.random.default_rng(5).integers(0, 200, ITEMS)
    weight = inverse_propensities(counts, 1.5)
    values = gain_values(
        order[:, :25], {"propensity": sparse.csr_array((gains > 0) * weight)}, CUTOFFS
    )
    for k in CUTOFFS:
        for user, row in enumerate(order):
            own = {i: 1 / max(counts[i], 1) ** 1.25 for i in np.flatnonzero(gains[user])}
            shown = [own.get(item, 0.0) for item in row[:k]]
            recall = sum(shown) / sum(own.values())
            assert values[f"recall_ips_at_{k}"][user] == pytest.approx(recall, abs=1e-12)
            discounts = 1 / np.log2(np.arange(k) + 2)
            best = sorted(own.values(), reverse=True)[:k]
            ndcg = discounts @ shown / (discounts[: len(best)] @ best)
            assert values[f"ndcg_ips_at_{k}"][user] == pytest.approx(ndcg, abs=1e-12)


def test_equal_gains_are_the_binary_metrics(gains: np.ndarray, order: np.ndarray) -> None:
    relevant, lists = sparse.csr_array(gains > 0), order[:, :25]
    same = sparse.csr_array((gains > 0) * 0.3)
    found = gain_values(lists, {"rating": same, "propensity": same}, CUTOFFS)
    binary = ranking_values(lists, relevant, CUTOFFS)
    for k in CUTOFFS:
        for key, of in (("ndcg_graded", "ndcg"), ("ndcg_ips", "ndcg"), ("recall_ips", "recall")):
            np.testing.assert_allclose(found[f"{key}_at_{k}"], binary[f"{of}_at_{k}"], atol=1e-12)


def test_scales_are_stretched_to_five_grades() -> None:
    stars = graded_gains(np.arange(1.0, 6.0), 1.0, 5.0)
    assert stars.tolist() == [1, 3, 7, 15, 31]
    assert graded_gains(np.array([0.5, 5.0]), 0.5, 5.0).tolist() == [1, 31]
    points = graded_gains(np.array([0.0, 50.0, 100.0], np.float32), 0.0, 100.0)
    assert points.tolist() == [1, 7, 31]
    assert graded_gains(np.array([1.0]), 1.0, 1.0).tolist() == [1]  # purchases, say


def test_the_order_in_which_gains_are_stored_does_not_matter() -> None:
    stored = sparse.csr_array((np.array([7.0, 3.0]), np.array([2, 0]), np.array([0, 2])), (1, 3))
    assert gains_of(np.array([[0, 2, 1, -1]]), stored).tolist() == [[3, 7, 0, 0]]


def test_a_user_without_relevant_items_has_no_value() -> None:
    nothing = sparse.csr_array((1, 3), dtype=np.float64)
    values = gain_values(np.array([[0, -1]]), {"rating": nothing, "propensity": nothing}, [2])
    assert len(values) == 3 and all(np.isnan(value).all() for value in values.values())


def test_gains_of_a_task_by_hand() -> None:
    """Item 0 has two train ratings, item 1 one and item 2 none; user 1 gave what is not good."""
    train = Interactions.from_arrays([0, 1, 2], [0, 0, 1], [5, 3, 4])
    test = Interactions.from_arrays([0, 0, 1, 2], [1, 2, 1, 0], [5, 3, 1, 4])
    parts = Parts(train, Interactions.empty(), test)
    ids = Ids(3, 3, 1.0, 5.0)
    config = EvaluateConfig(k=(2,), min_relevant_rating=3.0, propensity_power=1.0)
    gains = Task(parts, ids, config, Movies.unknown(3)).gains
    assert gains["rating"].toarray().tolist() == [[0, 31, 7], [0, 0, 0], [15, 0, 0]]
    assert gains["propensity"].toarray().tolist() == [[0, 1, 1], [0, 0, 0], [0.5, 0, 0]]
    model = Bias().fit(train, Interactions.empty(), Features(ids))
    found = evaluate(model, parts, config)
    assert found.metrics["recall_ips_at_2"] == 1
    # the bias ranks item 1 before item 2, and item 1 before item 0: 31 and 7 in the best order
    assert found.per_user["ndcg_graded_at_2"][0] == 1
    assert np.isnan(found.per_user["ndcg_graded_at_2"][1])
    low, high = found.metrics["intervals"]["ndcg_ips_at_2"]
    assert low <= found.metrics["ndcg_ips_at_2"] <= high
