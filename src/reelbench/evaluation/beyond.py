"""What lists are like beside being right: novel, varied, popular, spread over the catalogue.

`lists` are int (n, k_max) item indices with -1 for an empty place, `k` a cutoff up to k_max.
Relevance plays no part, so users without a relevant item have values too.
"""

from __future__ import annotations

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.evaluation.ranking import NO_ITEM

# numbers of gathered vectors held at a time: bounds the memory
_CELLS_AT_ONCE = 8_000_000


def gini(lists: np.ndarray, n_items: int, k: int) -> float:
    """Gini coefficient of how often each item of the catalogue is recommended.

    Σ(2i - n - 1)·x_i / (n·Σx) with the counts x ascending: 0 where all items are shown equally
    often, 1 - 1/n where one item takes all places (Fleder and Hosanagar, Management Science 2009;
    RecBole has the same). NaN where nothing is recommended.
    """
    shown = lists[:, :k]
    counts = np.sort(np.bincount(shown[shown != NO_ITEM], minlength=n_items))
    if counts.sum() == 0:
        return float("nan")
    weight = 2 * np.arange(1, n_items + 1) - n_items - 1
    return float(weight @ counts / (n_items * counts.sum()))


def self_information(train: Interactions, n_items: int) -> np.ndarray:
    """Bits of surprise that a random user of train has rated an item, float64 (n_items,).

    -log2 of the share of the users of train who did (Zhou et al., PNAS 2010). An item without a row
    in train counts as one with a single row, since the logarithm of zero is infinite.
    """
    n_users = len(np.unique(train.user_idx))
    return -np.log2(np.maximum(popularity(train, n_items), 1) / n_users)


def popularity(train: Interactions, n_items: int) -> np.ndarray:
    """Rows of train per item, int64 (n_items,)."""
    return np.bincount(train.item_idx, minlength=n_items)


def novelty(lists: np.ndarray, information: np.ndarray, k: int) -> np.ndarray:
    """Mean self-information of the first k, in bits; NaN for an empty list.

    Vargas and Castells, RecSys 2011, without a discount by place.
    """
    return _mean(lists[:, :k], information)


def popularity_lift(
    lists: np.ndarray, counts: np.ndarray, profile: np.ndarray, k: int
) -> np.ndarray:
    """Mean popularity of the first k over that of the user's own train items, less 1.

    0: recommendations are as popular as what the user rates; 1: twice as popular (Abdollahpouri et
    al., RecSys 2020, per user and not per group of users). NaN for an empty list or a cold user.

    Args:
        counts: ratings per item in train, (n_items,).
        profile: mean of `counts` over each user's items in train, (n,), NaN for a cold user.
    """
    return _mean(lists[:, :k], counts) / profile - 1


def profile_popularity(train: Interactions, counts: np.ndarray, n_users: int) -> np.ndarray:
    """Mean popularity of the items that each user has in train, float64 (n_users,); NaN if cold."""
    total = np.bincount(train.user_idx, counts[train.item_idx], minlength=n_users)
    n = np.bincount(train.user_idx, minlength=n_users)
    return np.divide(total, n, out=np.full(n_users, np.nan), where=n > 0)


def diversity(lists: np.ndarray, vectors: np.ndarray, k: int) -> np.ndarray:
    """Mean cosine distance (1 - cosine) of all pairs among the first k; NaN for fewer than two.

    Intra-list distance of Smyth and McClave (ICCBR 2001) and Ziegler et al. (WWW 2005). The cosine
    with a vector of zeros, which says nothing of its item, is 0. From sums instead of pairs: for
    unit vectors v with sum s, Σ_{i≠j} v_i·v_j = |s|² - Σ|v_i|².

    Args:
        vectors: floats (n_items, d) of any length.
    """
    length = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float64)
    unit = np.divide(vectors, length, out=np.zeros(vectors.shape), where=length > 0)
    unit = np.vstack([unit, np.zeros(unit.shape[1])])  # the row that -1 picks
    shown = lists[:, :k]
    step = max(1, _CELLS_AT_ONCE // max(1, k * unit.shape[1]))
    cosines = np.concatenate(
        [_cosines(unit[shown[first : first + step]]) for first in range(0, len(shown), step)]
    )
    m = (shown != NO_ITEM).sum(axis=1)
    pairs = m * (m - 1)
    return 1 - np.divide(cosines, pairs, out=np.full(len(m), np.nan), where=pairs > 0)


def _cosines(unit: np.ndarray) -> np.ndarray:
    """Sum of the cosines of all ordered pairs of different places, from (n, k, d) to (n,)."""
    together = unit.sum(axis=1)
    return np.einsum("nd,nd->n", together, together) - np.einsum("nkd,nkd->n", unit, unit)


def _mean(shown: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean of `values` over the items of each list, NaN for an empty one."""
    there = shown != NO_ITEM
    total = np.where(there, values[shown], 0.0).sum(axis=1)
    n = there.sum(axis=1)
    return np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)
