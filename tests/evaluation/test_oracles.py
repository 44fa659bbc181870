"""The ranking metrics against other implementations, on random cases, to 1e-9.

The oracles order by score themselves and break ties in their own ways, so they are fed strictly
decreasing scores. Where they mean something else by a name, the matching variant is asked for:

- MAP: ranx and trec_eval divide by the number of relevant items, ours does too (`map`).
- nDCG: binary gains, where ranx's `ndcg` (linear gain) and trec_eval's are the same; the ideal list
  has min(k, relevant) hits.
- precision: both divide by k, also for shorter lists.
- MRR: reciprocal rank of the first hit, 0 beyond k.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ir_measures
import numpy as np
import pytest
import ranx
from ir_measures import AP, RR, P, R, Success, nDCG
from scipy import sparse

from reelbench.evaluation.metrics import metric_key, ranking_values
from reelbench.evaluation.ranking_metrics import auc
from reelbench.evaluation.scoring import rank_scores

CASES = 400
CUTOFFS = (1, 3, 10, 37)
RANX = {
    "ndcg": "ndcg",
    "recall": "recall",
    "precision": "precision",
    "map": "map",
    "mrr": "mrr",
    "hit_rate": "hit_rate",
}
IR_MEASURES = {
    "ndcg": nDCG,
    "recall": R,
    "precision": P,
    "map": AP,
    "mrr": RR,
    "hit_rate": Success,
}


class Cases:
    """Lists of one to 40 of 60 items, each user with at least one relevant item."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.relevant = rng.random((CASES, 60)) < rng.choice([0.02, 0.2, 0.7], size=(CASES, 1))
        self.relevant[np.arange(CASES), rng.integers(0, 60, CASES)] = True
        self.lists = np.full((CASES, 40), -1)
        for row in self.lists:
            length = int(rng.integers(1, 41))
            row[:length] = rng.permutation(60)[:length]
        self.values = ranking_values(self.lists, sparse.csr_array(self.relevant), CUTOFFS)
        users = [f"{user:04}" for user in range(CASES)]
        self.qrels = {
            user: {f"i{item}": 1 for item in np.flatnonzero(row)}
            for user, row in zip(users, self.relevant, strict=True)
        }
        self.run = {
            user: {f"i{item}": 100.0 - place for place, item in enumerate(row) if item >= 0}
            for user, row in zip(users, self.lists, strict=True)
        }

    def ours(self, name: str, k: int) -> np.ndarray:
        return self.values[metric_key(name, k)]


@pytest.fixture(scope="module")
def cases() -> Cases:
    return Cases()


@pytest.fixture(scope="module")
def by_ranx(cases: Cases) -> Mapping[str, Mapping[str, float]]:
    """Metric → user → value; all at once, since ranx is slow to make its containers."""
    run = ranx.Run(cases.run)
    metrics = [f"{name}@{k}" for name in RANX.values() for k in CUTOFFS]
    ranx.evaluate(ranx.Qrels(cases.qrels), run, metrics, threads=1)
    return run.scores


@pytest.mark.slow
@pytest.mark.parametrize("name", RANX)
def test_ranx(cases: Cases, by_ranx: Mapping[str, Mapping[str, float]], name: str) -> None:
    for k in CUTOFFS:
        metric = f"{RANX[name]}@{k}"
        found = [by_ranx[metric][user] for user in cases.qrels]
        np.testing.assert_allclose(cases.ours(name, k), found, rtol=0, atol=1e-9, err_msg=metric)


@pytest.mark.parametrize("name", IR_MEASURES)
def test_ir_measures(cases: Cases, name: str) -> None:
    for k in CUTOFFS:
        measure: Any = IR_MEASURES[name] @ k
        values = ir_measures.iter_calc([measure], cases.qrels, cases.run)
        found = {value.query_id: value.value for value in values}
        expected = [found[user] for user in cases.qrels]
        ours = cases.ours(name, k)
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9, err_msg=f"{name} at {k}")


def test_the_capped_map_is_the_other_over_what_can_be_reached(cases: Cases) -> None:
    """No oracle has this denominator; it follows from the one that agrees with them."""
    n = cases.relevant.sum(axis=1)
    for k in CUTOFFS:
        expected = cases.ours("map", k) * n / np.minimum(n, k)
        np.testing.assert_allclose(cases.ours("map_capped", k), expected, rtol=0, atol=1e-12)


def test_auc_agrees_with_scikit_learn() -> None:
    for seed in range(200):
        from sklearn.metrics import roc_auc_score

        rng = np.random.default_rng(seed)
        n_users, n_items = int(rng.integers(1, 6)), int(rng.integers(2, 300))
        scores = rng.normal(size=(n_users, n_items)).astype(np.float32)
        if seed % 2:
            scores = np.round(scores)  # ties
        seen = rng.random(scores.shape) < rng.choice([0.0, 0.4])
        relevant = (rng.random(scores.shape) < rng.choice([0.05, 0.5])) & ~seen
        matrix = sparse.csr_array(relevant)
        ranked = rank_scores(scores, sparse.csr_array(seen), 1, relevant=matrix)
        found = auc(ranked.auc_terms, matrix)
        for user in range(n_users):
            left = ~seen[user]
            if relevant[user].any() and (left & ~relevant[user]).any():
                expected = roc_auc_score(relevant[user][left], scores[user][left])
                assert found[user] == pytest.approx(expected, abs=1e-9)
            else:
                assert np.isnan(found[user])
