"""Quality of ranked lists per user, for any list of cutoffs.

Relevance is binary. Every function takes

- `hits`: bool (n, k_max), whether the item at each place of a user's list is relevant; the empty
  places of a list with fewer than k candidates are no hits,
- `n_relevant`: int (n,), relevant items of each user in the catalogue, ranked or not,
- `k`: the cutoff, at most k_max,

and returns float64 (n,). A user without a relevant item has no value but NaN: left out of the
means, and counted by whoever makes them. The order of tied scores is `ranking.top_k`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from scipy import sparse

from reelbench.evaluation.ranking import NO_ITEM


def hits_of(lists: np.ndarray, relevant: sparse.csr_array) -> np.ndarray:
    """Which recommended items are relevant.

    Args:
        lists: int (n, k) item indices, -1 for an empty place.
        relevant: boolean CSR (n, n_items).

    Returns:
        bool (n, k).
    """
    n_users, n_items = relevant.shape
    users = np.repeat(np.arange(n_users), np.diff(relevant.indptr))
    wanted = np.sort(users * np.int64(n_items) + relevant.indices)
    pairs = np.arange(n_users)[:, None] * np.int64(n_items) + lists
    if len(wanted) == 0:
        return np.zeros(lists.shape, dtype=bool)
    place = np.minimum(np.searchsorted(wanted, pairs), len(wanted) - 1)
    return (wanted[place] == pairs) & (lists != NO_ITEM)


def precision(hits: np.ndarray, n_relevant: np.ndarray, k: int) -> np.ndarray:
    """Hits among the first k, over k; also where fewer than k items could be recommended."""
    return _defined(hits[:, :k].sum(axis=1) / k, n_relevant)


def recall(hits: np.ndarray, n_relevant: np.ndarray, k: int) -> np.ndarray:
    """Hits among the first k, over all relevant items (not over min(k, relevant))."""
    return _defined(hits[:, :k].sum(axis=1) / _at_least_one(n_relevant), n_relevant)


def hit_rate(hits: np.ndarray, n_relevant: np.ndarray, k: int) -> np.ndarray:
    """1 where at least one of the first k is relevant, 0 otherwise."""
    return _defined(hits[:, :k].any(axis=1).astype(float), n_relevant)


def mrr(hits: np.ndarray, n_relevant: np.ndarray, k: int) -> np.ndarray:
    """One over the place, from 1, of the first hit among the first k; 0 where there is none."""
    first = hits[:, :k].argmax(axis=1)
    found = hits[:, :k].any(axis=1)
    return _defined(np.where(found, 1.0 / (first + 1), 0.0), n_relevant)


def average_precision(hits: np.ndarray, n_relevant: np.ndarray, k: int) -> np.ndarray:
    """Precision at the place of every hit among the first k, summed, over all relevant items.

    The denominator of Recommenders and of trec_eval's `map_cut`: with more than k relevant items
    not even a perfect list reaches 1.
    """
    return _defined(_precision_sum(hits, k) / _at_least_one(n_relevant), n_relevant)


def average_precision_capped(hits: np.ndarray, n_relevant: np.ndarray, k: int) -> np.ndarray:
    """`average_precision` over min(k, relevant): a perfect list has 1, whatever k is."""
    denominator = np.minimum(_at_least_one(n_relevant), k)
    return _defined(_precision_sum(hits, k) / denominator, n_relevant)


def ndcg(hits: np.ndarray, n_relevant: np.ndarray, k: int) -> np.ndarray:
    """Discounted gain of the hits among the first k over that of the best possible list.

    Gain 1 for a relevant item, discount log2(place + 1) with places from 1; the ideal list has
    min(k, relevant) hits at its top (Järvelin and Kekäläinen, TOIS 2002, with binary gains).
    """
    gain = 1.0 / np.log2(np.arange(2, k + 2))
    # the first entry only keeps users without a relevant item from a division by zero
    ideal = np.concatenate([[1.0], np.cumsum(gain)])[np.minimum(n_relevant, k)]
    return _defined(hits[:, :k] @ gain / ideal, n_relevant)


#: every metric of a ranked list; its key at a cutoff is `metric_key(name, k)`
RANKING: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "ndcg": ndcg,
    "recall": recall,
    "precision": precision,
    "map": average_precision,
    "map_capped": average_precision_capped,
    "mrr": mrr,
    "hit_rate": hit_rate,
}


def metric_key(name: str, k: int) -> str:
    """Key of a metric at a cutoff, such as `ndcg_at_10`."""
    return f"{name}_at_{k}"


def ranking_metrics(
    lists: np.ndarray, relevant: sparse.csr_array, cutoffs: Iterable[int]
) -> dict[str, np.ndarray]:
    """Every metric of `RANKING` at every cutoff, float64 (n,) each.

    Args:
        lists: int (n, k_max) item indices, -1 for an empty place.
        relevant: boolean CSR (n, n_items).
        cutoffs: numbers up to k_max.

    Raises:
        ValueError: a cutoff beyond the lists.
    """
    cutoffs = list(cutoffs)
    if max(cutoffs, default=0) > lists.shape[1]:
        raise ValueError(f"cutoff {max(cutoffs)} is beyond the lists of {lists.shape[1]} places")
    found = hits_of(lists, relevant)
    n_relevant = np.diff(relevant.indptr)
    return {
        metric_key(name, k): metric(found, n_relevant, k)
        for k in cutoffs
        for name, metric in RANKING.items()
    }


def coverage(lists: np.ndarray, n_items: int, k: int) -> float:
    """Share of the catalogue that is among the first k of at least one user."""
    shown = lists[:, :k]
    return len(np.unique(shown[shown != NO_ITEM])) / n_items


def _precision_sum(hits: np.ndarray, k: int) -> np.ndarray:
    first = hits[:, :k]
    precision_at = np.cumsum(first, axis=1) / np.arange(1, first.shape[1] + 1)
    return (precision_at * first).sum(axis=1)


def _at_least_one(n_relevant: np.ndarray) -> np.ndarray:
    """Denominator that divides nothing by zero; the quotient of such a user is dropped anyway."""
    return np.maximum(n_relevant, 1)


def _defined(values: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    return np.where(n_relevant > 0, values, np.nan)
