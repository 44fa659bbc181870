"""How far up the whole ranking the relevant items are, with no cutoff."""

from __future__ import annotations

import numpy as np
from scipy import sparse

# scores compared at a time: what a processor keeps close by
_CELLS_AT_ONCE = 1_000_000


def wins(allowed: np.ndarray, relevant: sparse.csr_array) -> np.ndarray:
    """Share of a user's irrelevant candidates that score less than each relevant item, ties half.

    A relevant item that is no candidate (seen before, or not in train) loses against all. The mean
    over a user's relevant items is the area under that user's ROC curve (Hanley and McNeil,
    Radiology 1982; per user in Rendle et al., UAI 2009).

    Args:
        allowed: floats (n, n_items), -inf for what is no candidate. Overwritten.
        relevant: boolean CSR (n, n_items).

    Returns:
        float64, one per stored entry of `relevant`; NaN for a user without irrelevant candidates.
    """
    n_relevant = np.diff(relevant.indptr)
    rows = np.repeat(np.arange(len(allowed)), n_relevant)
    score = allowed[rows, relevant.indices]
    allowed[rows, relevant.indices] = -np.inf
    irrelevant = _row_counts(allowed > -np.inf)[rows]
    above, level = np.zeros(len(rows)), np.zeros(len(rows))
    step = max(1, _CELLS_AT_ONCE // max(1, allowed.shape[1]))
    # users with as many relevant items side by side, so that a block is done with all at once
    order = np.argsort(-n_relevant, kind="stable")
    for first in range(0, len(order), step):
        block = order[first : first + step]
        block = block[n_relevant[block] > 0]
        scores = allowed[block]
        for place in range(n_relevant[block].max(initial=0)):
            left = block[n_relevant[block] > place]
            pair = relevant.indptr[left] + place
            threshold = score[pair][:, None]
            above[pair] = _row_counts(scores[: len(left)] > threshold)
            level[pair] = _row_counts(scores[: len(left)] >= threshold) - above[pair]
    won = irrelevant - above - level / 2
    won = np.where(np.isneginf(score), 0.0, won)
    return np.divide(won, irrelevant, out=np.full(len(rows), np.nan), where=irrelevant > 0)


def auc(won: np.ndarray, relevant: sparse.csr_array) -> np.ndarray:
    """Area under the ROC curve per user, from `wins`: 0.5 for a random order, 1 for a perfect one.

    Returns:
        float64 (n,); NaN for a user without relevant items, or without irrelevant candidates.
    """
    n_relevant = np.diff(relevant.indptr)
    rows = np.repeat(np.arange(len(n_relevant)), n_relevant)
    total = np.bincount(rows, won, minlength=len(n_relevant))
    return np.divide(total, n_relevant, out=np.full(len(total), np.nan), where=n_relevant > 0)


def _row_counts(flags: np.ndarray) -> np.ndarray:
    """Number of true entries per row, int64: eight flags a byte are counted in half the time."""
    return np.bitwise_count(np.packbits(flags, axis=1)).sum(axis=1, dtype=np.int64)
