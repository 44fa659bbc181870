"""Quality of ranked lists per user, with binary relevance or with gains.

The metrics at a cutoff take

- `hits`: bool (n, k_max), whether the item at each place of a user's list is relevant; the empty
  places of a list with fewer than k candidates are no hits,
- `n_relevant`: int (n,), number of relevant items per user in the catalogue, ranked or not,
- `k`: the cutoff, at most k_max,

or, where relevant items count differently, the gain at every place and the gains of all relevant
items (`recall_of_gains`), and return float64 (n,). A user without relevant items has the value NaN
and is left out of means; `evaluate` counts such users. Ties are ordered by `scoring.top_k`.
"""

import numpy as np
from scipy import sparse

from reelbench.evaluation import NO_ITEM, Flags, Floats, Ints


def hits_of(lists: Ints, relevant: sparse.csr_array) -> Flags:
    """Which items of lists, int (n, k), are relevant, a boolean CSR (n, n_items): bool (n, k).

    >>> relevant = sparse.csr_array(np.array([[True, False, True, False]]))
    >>> hits_of(np.array([[3, 2, -1]]), relevant)
    array([[False,  True, False]])
    """
    return _entries(lists, relevant)[1]


def gains_of(lists: Ints, gains: sparse.csr_array) -> Floats:
    """The gain, of CSR (n, n_items), at every place of lists: float64 (n, k), 0 where none is."""
    return _entries(lists, gains)[0]


def graded_gains(rating: Floats, low: float, high: float) -> Floats:
    """Gain 2^grade - 1 of each rating (n,), with grades from 1 for `low` to 5 for `high`.

    Burges et al., ICML 2005; what was not rated has the grade 0. On 1 to 5 stars the grade is the
    rating. Other scales are stretched to these grades: 2^100 would leave nothing of a list but its
    best item. On a scale of a single value all gains are 1, and nDCG is the binary one.

    >>> graded_gains(np.array([1.0, 3.0, 5.0]), 1.0, 5.0)
    array([ 1.,  7., 31.])
    """
    share = np.clip((rating.astype(np.float64) - low) / max(high - low, 1e-12), 0.0, 1.0)
    return np.asarray(2 ** (1 + 4 * share) - 1)


def inverse_propensities(counts: Ints, power: float) -> Floats:
    """One over the propensity of each item, count^((power + 1) / 2), float64 (n_items,).

    That is the chance that a choice is observed, up to a factor which cancels (Yang et al., RecSys
    2018). An item without train ratings counts as one with a single one.

    >>> inverse_propensities(np.array([4, 1, 0]), 1.0)
    array([0.25, 1.  , 1.  ])
    """
    return np.asarray(np.maximum(counts, 1).astype(np.float64) ** (-(power + 1) / 2))


def recall_of_gains(gains: Floats, all_gains: sparse.csr_array, k: int) -> Floats:
    """Gains (n, k_max) of the first k over those of all relevant items, CSR (n, n_items): (n,).

    With gains 1 / propensity, the self-normalised estimate of recall (Yang et al., RecSys 2018).

    >>> all_gains = sparse.csr_array(np.array([[1.0, 3.0], [0.0, 0.0]]))
    >>> recall_of_gains(np.array([[3.0], [0.0]]), all_gains, 1)
    array([0.75,  nan])
    """
    return quotient(gains[:, :k].sum(axis=1), all_gains.sum(axis=1))


def ndcg_of_gains(gains: Floats, all_gains: sparse.csr_array, k: int) -> Floats:
    """Discounted gains of the first k over those of the best possible list, float64 (n,).

    As `ndcg`, with any gains. The arguments are those of `recall_of_gains`.

    >>> all_gains = sparse.csr_array(np.array([[1.0, 3.0]]))
    >>> ndcg_of_gains(np.array([[1.0, 3.0]]), all_gains, 2).round(4)
    array([0.7967])
    """
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    rows = np.repeat(np.arange(len(gains)), np.diff(all_gains.indptr))
    best = all_gains.data[np.lexsort((-all_gains.data, rows))]
    place = np.arange(len(rows)) - all_gains.indptr[rows]
    first = place < k
    ideal = np.bincount(rows[first], best[first] * discount[place[first]], minlength=len(gains))
    return quotient(gains[:, :k] @ discount, ideal)


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
    return quotient(hits[:, :k].sum(axis=1), n_relevant)


def recall_capped(hits: Flags, n_relevant: Ints, k: int) -> Floats:
    """Hits among the first k, over min(k, relevant): a perfect list has 1, whatever k is.

    The recall of Liang et al. (WWW 2018) and of the publications that compare with it.

    >>> recall_capped(np.array([[True, True, False], [True, False, False]]), np.array([5, 1]), 3)
    array([0.66666667, 1.        ])
    """
    return quotient(hits[:, :k].sum(axis=1), np.minimum(n_relevant, k))


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
    first, found = hits[:, :k].argmax(axis=1), hits[:, :k].any(axis=1)
    return _defined(found / (first + 1), n_relevant)


def average_precision(hits: Flags, n_relevant: Ints, k: int) -> Floats:
    """Sum of the precision at the rank of every hit among the first k, over all relevant items.

    The denominator of Recommenders and of trec_eval's `map_cut`: with more than k relevant items
    not even a perfect list reaches 1.

    >>> average_precision(np.array([[True, False, False, True]]), np.array([3]), 4)
    array([0.5])
    """
    return quotient(_precision_sum(hits, k), n_relevant)


def average_precision_capped(hits: Flags, n_relevant: Ints, k: int) -> Floats:
    """`average_precision` over min(k, relevant): a perfect list has 1, whatever k is.

    >>> average_precision_capped(np.array([[True, True]]), np.array([5]), 2)
    array([1.])
    """
    return quotient(_precision_sum(hits, k), np.minimum(n_relevant, k))


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

    The mean of a user's terms (`scoring.Lists`), one per stored entry of `relevant`, boolean CSR
    (n, n_items): float64 (n,), NaN without relevant items or without irrelevant candidates (Hanley
    and McNeil, Radiology 1982; per user in Rendle et al., UAI 2009).

    >>> relevant = sparse.csr_array(np.array([[True, False, True, False]]))
    >>> auc(np.array([1.0, 0.5]), relevant)
    array([0.75])
    """
    n_relevant = np.diff(relevant.indptr)
    rows = np.repeat(np.arange(len(n_relevant)), n_relevant)
    return quotient(np.bincount(rows, terms, minlength=len(n_relevant)), n_relevant)


def quotient(total: Floats | Ints, count: Floats | Ints) -> Floats:
    """Total over size of each group, float64 (n,); NaN where the size is 0."""
    mean = np.full(len(count), np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def _entries(lists: Ints, matrix: sparse.csr_array) -> tuple[Floats, Flags]:
    """What a CSR matrix (n, n_items) has at the items of lists, and whether it has it: (n, k)."""
    n_users, n_items = matrix.shape
    rows = np.repeat(np.arange(n_users), np.diff(matrix.indptr))
    stored = rows * np.int64(n_items) + matrix.indices
    order = np.argsort(stored, kind="stable")  # the items of a row may be in any order
    stored = stored[order]
    pairs = np.arange(n_users)[:, None] * np.int64(n_items) + lists
    if len(stored) == 0:
        return np.zeros(lists.shape), np.zeros(lists.shape, dtype=bool)
    place = np.minimum(np.searchsorted(stored, pairs), len(stored) - 1)
    known = (stored[place] == pairs) & (lists != NO_ITEM)
    return np.where(known, matrix.data[order][place], 0.0), known


def _precision_sum(hits: Flags, k: int) -> Floats:
    first = hits[:, :k]
    precision_at = np.cumsum(first, axis=1) / np.arange(1, first.shape[1] + 1)
    return np.asarray((precision_at * first).sum(axis=1))


def _defined(values: Floats, n_relevant: Ints) -> Floats:
    """The values but for users without relevant items, whatever stood in their denominator."""
    return np.where(n_relevant > 0, values, np.nan)
