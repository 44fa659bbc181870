"""The first and last k items of the whole catalogue per user: seen removed, ties by item index."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from reelbench.evaluation import Flags, Floats, Ints

Items = NDArray[np.int32]

#: marks the empty places of a list that has fewer than k candidates
NO_ITEM = -1

# a group of items is at most this wide, and there are at least so many groups per wanted item
_GROUP_WIDTH = 32
_GROUPS_PER_PLACE = 8


def top_k(scores: ArrayLike, seen: sparse.csr_array, k: int) -> Items:
    """Items by descending score, ties by ascending item index, without the seen ones.

    The full catalogue is ranked, never a sample of it: sampled metrics order models differently
    (Krichene and Rendle, KDD 2020).

    Args:
        scores: floats (n, n_items); left as they are. A score of -inf is never recommended.
        seen: boolean CSR (n, n_items), the items that each user must not be recommended.
        k: length of the lists, at least 1.

    Returns:
        int32 (n, k) item indices; a row with fewer than k candidates ends in -1.

    Raises:
        ValueError: a score is NaN (it has no place in an order), or the shapes disagree.
    """
    return best(candidates_only(np.asarray(scores), seen), k)


def best(allowed: Floats, k: int) -> Items:
    """As `top_k`, of scores that are -inf for what must not be recommended."""
    n_users, n_items = allowed.shape
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    lists = np.full((n_users, k), NO_ITEM, dtype=np.int32)
    width = min(k, n_items)
    if n_users and width:
        lists[:, :width] = _best(allowed, width)
    return lists


def last(allowed: Floats, k: int) -> Items:
    """The other end of the same ranking: its last k places, the very last one first.

    Of equal scores the greater item index comes later in a ranking, and so earlier here; a row
    with at least 2k candidates has none in both lists.

    Args:
        allowed: floats (n, n_items), -inf for what is no candidate.
        k: length of the lists, at least 1.

    Returns:
        int32 (n, k) item indices; a row with fewer than k candidates ends in -1.
    """
    turned = -allowed[:, ::-1]
    barred = np.isposinf(turned)
    # a score of +inf is last here, and still a candidate
    np.maximum(turned, np.finfo(turned.dtype).min, out=turned)
    turned[barred] = -np.inf
    items = best(turned, k)
    return np.where(items == NO_ITEM, NO_ITEM, allowed.shape[1] - 1 - items).astype(np.int32)


def candidates_only(
    scores: Floats,
    seen: sparse.csr_array,
    among: Flags | None = None,
    own: sparse.csr_array | None = None,
) -> Floats:
    """A copy of the scores with -inf for every item that is seen, or not in `among` or `own`.

    Args:
        scores: floats (n, n_items).
        seen: boolean CSR (n, n_items).
        among: bool (n_items,), the items that may be recommended; None: all.
        own: boolean CSR (n, n_items), the same for each user; None: all.

    Raises:
        ValueError: a score is NaN, or the shapes disagree.
    """
    if scores.shape != seen.shape:
        raise ValueError(f"scores are {scores.shape} but seen is {seen.shape}: shapes must agree")
    # a maximum is NaN where anything is, and needs no array of flags
    if scores.size and np.isnan(scores.max(axis=1)).any():
        raise ValueError("scores contain NaN, which has no place in a ranking")
    allowed = scores.copy()
    allowed[_entries(seen)] = -np.inf
    if among is not None:
        allowed[:, ~among] = -np.inf
    if own is not None:
        others = np.ones(allowed.shape, dtype=bool)
        others[_entries(own)] = False
        allowed[others] = -np.inf
    return allowed


def _entries(pairs: sparse.csr_array) -> tuple[Ints, Ints]:
    """Row and column of every stored entry."""
    return np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr)), pairs.indices


def _best(allowed: Floats, k: int) -> Items:
    rows, items = _candidates(allowed, k)
    values = allowed[rows, items]
    # stable, and the candidates of a row come by ascending item: ties keep that order
    order = np.lexsort((-values, rows))
    kept = order[_place_in_row(rows, len(allowed)) < k]
    best = np.where(np.isneginf(values[kept]), NO_ITEM, items[kept])
    return best.reshape(len(allowed), k)


def _candidates(allowed: Floats, k: int) -> tuple[Ints, Ints]:
    """Row and item of at least k entries per row, the k best among them; by row, then by item."""
    bound = _lower_bound(allowed, k)
    rows, items = np.divmod(np.flatnonzero(allowed >= bound[:, None]), allowed.shape[1])
    # of the entries that equal the bound, the first k are enough, however many there are
    tied = allowed[rows, items] == bound[rows]
    enough = np.ones(len(rows), dtype=bool)
    enough[tied] = _place_in_row(rows[tied], len(allowed)) < k
    return rows[enough], items[enough]


def _lower_bound(allowed: Floats, k: int) -> Floats:
    """A number (n,) per row that at least k of its entries reach.

    The k-th largest of the maxima of disjoint groups is one: k groups have such an entry.
    Maxima cost a thirtieth of a partition of the whole row, and leave few entries above the bound.
    """
    n_users, n_items = allowed.shape
    width = max(1, min(_GROUP_WIDTH, n_items // (_GROUPS_PER_PLACE * k)))
    n_groups = n_items // width
    groups = allowed[:, : width * n_groups].reshape(n_users, width, n_groups)
    maxima = groups.max(axis=1)
    maxima.partition(n_groups - k, axis=1)
    bound: Floats = maxima[:, n_groups - k]
    return bound


def _place_in_row(rows: Ints, n_rows: int) -> Ints:
    """0, 1, 2, … within every run of equal numbers of a sorted array of row numbers."""
    start: Ints = np.searchsorted(rows, np.arange(n_rows))
    return np.arange(len(rows)) - start[rows]
