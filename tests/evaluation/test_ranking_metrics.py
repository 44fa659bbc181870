from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import sparse

from reelbench.evaluation.beyond_accuracy import coverage
from reelbench.evaluation.metrics import METRICS, RankingMetric, metric_key, ranking_values
from reelbench.evaluation.ranking_metrics import auc, hits_of

NAN = float("nan")


RANKING = [key for key, metric in METRICS.items() if isinstance(metric, RankingMetric)]


def one_user(recommended: list[int], relevant: list[int], k: int) -> dict[str, float]:
    """Metrics at k of one list; the key without its cutoff."""
    matrix = np.zeros((1, 50), dtype=bool)
    matrix[0, relevant] = True
    values = ranking_values(np.array([recommended]), sparse.csr_array(matrix), [k])
    return {name: float(values[metric_key(name, k)][0]) for name in RANKING}


def by_definition(recommended: list[int], relevant: set[int], k: int) -> dict[str, float]:
    """Every metric from its formula, a place at a time."""
    if not relevant:
        return dict.fromkeys(RANKING, NAN)
    hits, gain, precisions, first = 0, 0.0, 0.0, 0.0
    for place, item in enumerate(recommended[:k], start=1):
        if item in relevant:
            hits += 1
            gain += 1 / math.log2(place + 1)
            precisions += hits / place
            first = first or 1 / place
    ideal = sum(1 / math.log2(place + 1) for place in range(1, min(k, len(relevant)) + 1))
    return {
        "ndcg": gain / ideal,
        "recall": hits / len(relevant),
        "precision": hits / k,
        "map": precisions / len(relevant),
        "map_capped": precisions / min(k, len(relevant)),
        "mrr": first,
        "hit_rate": float(hits > 0),
    }


def test_by_hand() -> None:
    # hits at places 2 and 4 of 4; three relevant items, one of them not in the list
    values = one_user([7, 1, 8, 2], [1, 2, 3], k=4)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert values["ndcg"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)
    assert values["recall"] == pytest.approx(2 / 3)
    assert values["precision"] == pytest.approx(2 / 4)
    # precision is 1/2 at the first hit and 2/4 at the second
    assert values["map"] == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert values["map_capped"] == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert values["mrr"] == pytest.approx(1 / 2)
    assert values["hit_rate"] == 1


def test_more_relevant_items_than_places() -> None:
    # a perfect list of 2 for a user with 4 relevant items
    values = one_user([1, 2], [1, 2, 3, 4], k=2)
    assert values["ndcg"] == pytest.approx(1)
    assert values["map"] == pytest.approx(2 / 4)
    assert values["map_capped"] == pytest.approx(1)
    assert values["recall"] == pytest.approx(2 / 4)


def test_places_beyond_the_cutoff_do_not_count() -> None:
    values = one_user([9, 8, 1, 2], [1, 2], k=2)
    assert all(value == 0 for value in values.values())


def test_a_list_that_ends_early_is_divided_by_k_all_the_same() -> None:
    # one candidate only, and it is relevant
    values = one_user([1, -1, -1, -1], [1, 2], k=4)
    assert values["precision"] == pytest.approx(1 / 4)
    assert values["recall"] == pytest.approx(1 / 2)
    assert values["mrr"] == 1


def test_the_empty_place_is_not_the_last_item_of_another_user() -> None:
    # item -1 of user 1 must not be read as item 49 of user 0
    relevant = np.zeros((2, 50), dtype=bool)
    relevant[0, 49] = relevant[1, 3] = True
    assert not hits_of(np.array([[-1], [-1]]), sparse.csr_array(relevant)).any()


def test_a_user_without_relevant_items_has_no_value() -> None:
    assert all(math.isnan(value) for value in one_user([1, 2], [], k=2).values())


def test_a_cutoff_beyond_the_lists_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond the lists"):
        one_user([1, 2], [1], k=3)


def test_coverage_counts_distinct_items_once() -> None:
    lists = np.array([[0, 1, 5], [1, 2, -1]])
    assert coverage(lists, n_items=8, k=2) == 3 / 8
    assert coverage(lists, n_items=8, k=3) == 4 / 8
    assert coverage(np.full((2, 3), -1), n_items=8, k=3) == 0


def test_agrees_with_the_definition() -> None:
    for case in range(200):
        rng = np.random.default_rng(case)
        n_users, n_items = int(rng.integers(1, 12)), int(rng.integers(1, 60))
        longest = int(rng.integers(1, 40))
        relevant = rng.random((n_users, n_items)) < rng.choice([0.02, 0.2, 0.7])
        lists = np.full((n_users, longest), -1)
        for row in lists:
            length = min(int(rng.integers(0, longest + 1)), n_items)
            row[:length] = rng.permutation(n_items)[:length]
        cutoffs = sorted({1, longest, int(rng.integers(1, longest + 1))})
        values = ranking_values(lists, sparse.csr_array(relevant), cutoffs)
        assert len(values) == len(RANKING) * len(cutoffs)
        for user in range(n_users):
            wanted = set(np.flatnonzero(relevant[user]).tolist())
            for k in cutoffs:
                for name, value in by_definition(lists[user].tolist(), wanted, k).items():
                    found = values[metric_key(name, k)][user]
                    assert found == pytest.approx(value, abs=1e-12, nan_ok=True), (name, k)


def test_ndcg_agrees_with_scikit_learn() -> None:
    for case in range(20):
        from sklearn.metrics import ndcg_score

        rng = np.random.default_rng(case)
        scores = rng.permutation(40).astype(float)[None, :]
        relevant = rng.random((1, 40)) < 0.3
        lists = np.argsort(-scores, axis=1)[:, :15]
        values = ranking_values(lists, sparse.csr_array(relevant), [5, 15])
        for k in (5, 15):
            expected = ndcg_score(relevant.astype(int), scores, k=k)
            assert values[f"ndcg_at_{k}"][0] == pytest.approx(expected, abs=1e-9)


def test_auc_is_the_mean_of_the_terms_of_a_user() -> None:
    relevant = sparse.csr_array(np.array([[1, 1, 0], [0, 0, 0], [0, 0, 1]], dtype=bool))
    found = auc(np.array([0.25, 0.75, NAN]), relevant)
    assert found.tolist() == pytest.approx([0.5, NAN, NAN], nan_ok=True)
