from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from reelbench.evaluation import ranking_metrics as module
from reelbench.evaluation.ranking_metrics import auc, auc_terms

INF = float("inf")


def shares(allowed: list[list[float]], relevant: list[list[int]]) -> list[float]:
    matrix = sparse.csr_array(np.array(relevant, dtype=bool))
    return auc_terms(np.array(allowed, dtype=float), matrix).tolist()


def test_by_hand() -> None:
    # irrelevant: 3, 1, 1; relevant: 2 beats two of three, 1 ties with two
    assert shares([[3, 2, 1, 1, 1]], [[0, 1, 0, 1, 0]]) == pytest.approx([2 / 3, 1 / 3])


def test_a_relevant_item_that_is_no_candidate_loses() -> None:
    assert shares([[-INF, 2, 1]], [[1, 0, 0]]) == [0]


def test_no_irrelevant_candidate_or_no_relevant_item() -> None:
    matrix = sparse.csr_array(np.array([[1, 1, 0], [0, 0, 0]], dtype=bool))
    won = auc_terms(np.array([[1.0, 2.0, -INF], [1.0, 2.0, 3.0]]), matrix)
    assert np.isnan(won).all()
    assert np.isnan(auc(won, matrix)).all()


@pytest.mark.parametrize("cells", [1, 50, 10**6])
def test_blocks_do_not_matter(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 9, (17, 21)).astype(float)
    relevant = rng.random(scores.shape) < rng.random((17, 1))
    matrix = sparse.csr_array(relevant)
    monkeypatch.setattr(module, "_CELLS_AT_ONCE", cells)
    found = auc_terms(scores.copy(), matrix)
    expected = []
    for user, item in zip(*np.nonzero(relevant), strict=True):
        others = scores[user][~relevant[user]]
        below = (others < scores[user, item]).sum() + (others == scores[user, item]).sum() / 2
        expected.append(below / len(others) if len(others) else np.nan)
    assert found.tolist() == pytest.approx(expected, nan_ok=True)
