"""Quality of ranked lists per user, with binary relevance.

The metrics at a cutoff take

- `hits`: bool (n, k_max), whether the item at each place of a user's list is relevant; the empty
  places of a list with fewer than k candidates are no hits,
- `n_relevant`: int (n,), number of relevant items per user in the catalogue, ranked or not,
- `k`: the cutoff, at most k_max,

and return float64 (n,). A user without relevant items has the value NaN and is left out of means;
`evaluate` counts such users. Ties are ordered by `top_k`.
"""

import numpy as np
from scipy import sparse

from reelbench.evaluation import NO_ITEM, Flags, Floats, Ints


def hits_of(lists: Ints, relevant: sparse.csr_array) -> Flags:
    """Which recommended items are relevant.

    Args:
        lists: int (n, k) item indices, -1 for an empty place.
        relevant: boolean CSR (n, n_items).

    Returns:
        bool (n, k).

    >>> relevant = sparse.csr_array(np.array([[True, False, True, False]]))
    >>> hits_of(np.array([[3, 2, -1]]), relevant)
    array([[False,  True, False]])
    """
    n_users, n_items = relevant.shape
    users = np.repeat(np.arange(n_users), np.diff(relevant.indptr))
    wanted = np.sort(users * np.int64(n_items) + relevant.indices)
    pairs = np.arange(n_users)[:, None] * np.int64(n_items) + lists
    if len(wanted) == 0:
        return np.zeros(lists.shape, dtype=bool)
    place = np.minimum(np.searchsorted(wanted, pairs), len(wanted) - 1)
    hits: Flags = (wanted[place] == pairs) & (lists != NO_ITEM)
    return hits


def precision(hits: Flags, n_relevant: Ints, k: int) -> Floats:
    """Hits among the first k, over k; also where fewer than k items could be recommended.

    >>> precision(np.array([[True, False, False, True]]), np.array([3]), 4)
    array([0.5])
    """
    return _defined(hits[:, :k].sum(axis=1) / k, n_relevant)


def recall(hits: Flags, n_relevant: Ints, k: int) -> Floats:
    """Hits among the first k, over all relevant items (not over min(k, relevant)).

    >>> recall(np.array([[True, False, False, True], 4 * [False]]), np.array([4, 0]), 4)
    array([0.5, nan])
    """
    return _defined(hits[:, :k].sum(axis=1) / np.maximum(n_relevant, 1), n_relevant)


def hit_rate(hits: Flags, n_relevant: Ints, k: int) -> Floats:
    """1 where at least one of the first k is relevant, 0 otherwise.

    >>> hit_rate(np.array([[False, True], [False, False]]), np.array([1, 1]), 2)
    array([1., 0.])
    """
    return _defined(hits[:, :k].any(axis=1).astype(float), n_relevant)


def mrr(hits: Flags, n_relevant: Ints, k: int) -> Floats:
    """One over the rank of the first hit among the first k; 0 where there is none.

    >>> mrr(np.array([[False, True], [False, False]]), np.array([1, 1]), 2)
    array([0.5, 0. ])
    """
    first = hits[:, :k].argmax(axis=1)
    found = hits[:, :k].any(axis=1)
    return _defined(np.where(found, 1.0 / (first + 1), 0.0), n_relevant)


def average_precision(hits: Flags, n_relevant: Ints, k: int) -> Floats:
    """Sum of the precision at the rank of every hit among the first k, over all relevant items.

    The denominator of Recommenders and of trec_eval's `map_cut`: with more than k relevant items
    not even a perfect list reaches 1.

    >>> average_precision(np.array([[True, False, False, True]]), np.array([3]), 4)
    array([0.5])
    """
    return _defined(_precision_sum(hits, k) / np.maximum(n_relevant, 1), n_relevant)


def average_precision_capped(hits: Flags, n_relevant: Ints, k: int) -> Floats:
    """`average_precision` over min(k, relevant): a perfect list has 1, whatever k is.

    >>> average_precision_capped(np.array([[True, True]]), np.array([5]), 2)
    array([1.])
    """
    denominator = np.minimum(np.maximum(n_relevant, 1), k)
    return _defined(_precision_sum(hits, k) / denominator, n_relevant)


def ndcg(hits: Flags, n_relevant: Ints, k: int) -> Floats:
    """Discounted gain of the hits among the first k over that of the best possible list.

    Gain 1 for a relevant item, discount log2(rank + 1) with ranks from 1; the ideal list has
    min(k, relevant) hits at its top (Järvelin and Kekäläinen, TOIS 2002, with binary gains).

    >>> ndcg(np.array([[False, True], [True, True]]), np.array([1, 9]), 2).round(3)
    array([0.631, 1.   ])
    """
    gain = 1.0 / np.log2(np.arange(2, k + 2))
    # the first entry only keeps users without a relevant item from a division by zero
    ideal = np.concatenate([[1.0], np.cumsum(gain)])[np.minimum(n_relevant, k)]
    return _defined(hits[:, :k] @ gain / ideal, n_relevant)


def auc(terms: Floats, relevant: sparse.csr_array) -> Floats:
    """Area under the ROC curve per user: 0.5 for a random order, 1 for a perfect one.

    Args:
        terms: float64, one per stored entry of `relevant`, see `top_k.Lists`.
        relevant: boolean CSR (n, n_items).

    Returns:
        float64 (n,); NaN for a user without relevant items, or without irrelevant candidates. The
        mean of the terms of a user (Hanley and McNeil, Radiology 1982; per user in Rendle et al.,
        UAI 2009).

    >>> relevant = sparse.csr_array(np.array([[True, False, True, False]]))
    >>> auc(np.array([1.0, 0.5]), relevant)
    array([0.75])
    """
    n_relevant = np.diff(relevant.indptr)
    rows = np.repeat(np.arange(len(n_relevant)), n_relevant)
    total = np.bincount(rows, terms, minlength=len(n_relevant))
    return quotient(total, n_relevant)


def quotient(total: Floats | Ints, count: Ints) -> Floats:
    """Mean of each group from its total and its size, float64; NaN for an empty group."""
    mean = np.full(len(count), np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def _precision_sum(hits: Flags, k: int) -> Floats:
    first = hits[:, :k]
    precision_at = np.cumsum(first, axis=1) / np.arange(1, first.shape[1] + 1)
    total: Floats = (precision_at * first).sum(axis=1)
    return total


def _defined(values: Floats, n_relevant: Ints) -> Floats:
    """The values but for users without relevant items, whatever stood in their denominator."""
    return np.where(n_relevant > 0, values, np.nan)
