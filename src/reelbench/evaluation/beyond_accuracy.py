"""Properties of recommended lists other than accuracy: novelty, diversity, popularity, coverage.

`lists` are int (n, k_max) item indices with -1 for an empty place, `k` is a cutoff up to k_max.
Relevance plays no part, so users without a relevant item have values too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reelbench.columns import GENRES, YEAR
from reelbench.data.interactions import Interactions
from reelbench.evaluation import NO_ITEM, Flags, Floats, Ints
from reelbench.evaluation.ranking_metrics import quotient

# numbers held at a time, such as those of gathered vectors: they fit in the processor's cache
_CELLS_AT_ONCE = 200_000


@dataclass(frozen=True)
class Movies:
    """Metadata as arrays over the catalogue."""

    genres: Mapping[str, Flags]  # name → bool (n_items,); empty where the source has none
    year: Floats  # float64 (n_items,), NaN where unknown
    vectors: Mapping[str, Floats]  # name → float (n_items, d); the diversity of lists is by each

    @classmethod
    def of(cls, items: pd.DataFrame, blocks: Mapping[str, Mapping[str, NDArray[Any]]]) -> Self:
        """From the table `items` and feature blocks; a block without vectors is left out."""
        lists = [set(genres) for genres in items[GENRES]] if GENRES in items else []
        names = sorted(set().union(*lists))
        genres = {name: np.array([name in own for own in lists]) for name in names}
        vectors = {name: _vectors(block, len(items)) for name, block in blocks.items()}
        if genres:
            vectors = {GENRES: np.column_stack(list(genres.values())).astype(float)} | vectors
        year = items.get(YEAR, pd.Series(np.nan, items.index)).to_numpy(float, na_value=np.nan)
        return cls(genres, year, {name: array for name, array in vectors.items() if array.shape[1]})

    @classmethod
    def unknown(cls, n_items: int) -> Self:
        """A catalogue of which no metadata are known."""
        return cls({}, np.full(n_items, np.nan), {})


@dataclass(frozen=True)
class RecommendedLists:
    """The lists of all test users, and what the metrics of this module relate them to."""

    lists: Ints  # int (n, k_max) item indices, -1 for an empty place
    counts: Ints  # int64 (n_items,), ratings per item in train
    information: Floats  # float64 (n_items,), see `self_information`
    profile: Floats  # float64 (n,), see `profile_popularity`
    vectors: Mapping[str, Floats]  # name → float (n_items, d)


def coverage(lists: Ints, n_items: int, k: int) -> float:
    """Share of the catalogue that is among the first k of at least one user.

    >>> coverage(np.array([[0, 1], [1, -1]]), 4, 2)
    0.5
    """
    shown = lists[:, :k]
    return len(np.unique(shown[shown != NO_ITEM])) / n_items


def gini(lists: Ints, n_items: int, k: int) -> float:
    """Gini coefficient of how often each item of the catalogue is recommended.

    Σ(2i - n - 1)·x_i / (n·Σx) with the counts x ascending: 0 where all items are shown equally
    often, 1 - 1/n where one item takes all places (Fleder and Hosanagar, Management Science 2009;
    RecBole has the same). NaN where nothing is recommended.

    >>> gini(np.array([[0, 1], [2, 3]]), 4, 2), gini(np.array([[2], [2]]), 4, 1)
    (0.0, 0.75)
    """
    shown = lists[:, :k]
    counts = np.sort(np.bincount(shown[shown != NO_ITEM], minlength=n_items))
    if counts.sum() == 0:
        return float("nan")
    weight = 2 * np.arange(1, n_items + 1) - n_items - 1
    return float(weight @ counts / (n_items * counts.sum()))


def self_information(counts: Ints, n_users: int) -> Floats:
    """Bits of information in the event that a random user of train has rated an item.

    -log2 of the share of the users of train who did (Zhou et al., PNAS 2010). An item without a row
    in train counts as one with a single row, since the logarithm of zero is infinite. From the
    ratings per item and the number of users in train, float64 (n_items,).
    """
    return -np.log2(np.maximum(counts, 1) / n_users)


def popularity(train: Interactions, n_items: int) -> Ints:
    """Rows of train per item, int64 (n_items,)."""
    return np.bincount(train.item_idx, minlength=n_items)


def novelty(data: RecommendedLists, k: int) -> Floats:
    """Mean self-information of the first k, bits, whatever the rank: float64 (n,); NaN for none."""
    return _mean(data.lists[:, :k], data.information)


def popularity_lift(data: RecommendedLists, k: int) -> Floats:
    """Mean popularity of the first k over that of the user's own train items, minus 1.

    0: recommendations are as popular as what the user rates; 1: twice as popular (Abdollahpouri et
    al., RecSys 2020, per user, not group). float64 (n,); NaN for an empty list or a cold user.
    """
    return _mean(data.lists[:, :k], data.counts) / data.profile - 1


def profile_popularity(train: Interactions, counts: Ints, n_users: int) -> Floats:
    """Mean popularity of the items that each user has in train, float64 (n_users,); NaN if cold."""
    total, n = np.zeros(n_users), np.zeros(n_users, dtype=np.int64)
    # sums of whole numbers are exact in any order
    for first in range(0, len(train), _CELLS_AT_ONCE):
        rows = slice(first, first + _CELLS_AT_ONCE)
        users, items = train.user_idx[rows], train.item_idx[rows]
        total += np.bincount(users, counts[items], minlength=n_users)
        n += np.bincount(users, minlength=n_users)
    return quotient(total, n)


def diversity(lists: Ints, vectors: Floats, k: int) -> Floats:
    """Mean cosine distance (1 - cosine) of all pairs among the first k of lists, int (n, k_max).

    Intra-list distance of Smyth and McClave (ICCBR 2001) and Ziegler et al. (WWW 2005), float64
    (n,); NaN for fewer than two items. Vectors, floats (n_items, d), have any length; the cosine
    with one of zeros, which carries no information on its item, is 0. From sums instead of pairs:
    for unit vectors v with sum s, Σ_{i≠j} v_i·v_j = |s|² - Σ|v_i|².

    >>> diversity(np.array([[0, 1], [0, 2]]), np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]), 2)
    array([1., 0.])
    """
    length = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float64)
    unit = np.divide(vectors, length, out=np.zeros(vectors.shape), where=length > 0)
    unit = np.vstack([unit, np.zeros(unit.shape[1])])  # the row that -1 picks
    own = np.einsum("nd,nd->n", unit, unit)
    shown = lists[:, :k]
    step = max(1, _CELLS_AT_ONCE // max(1, k * unit.shape[1]))
    cosines = np.empty(len(shown))  # sum over all ordered pairs of different places
    for first in range(0, len(shown), step):
        rows = shown[first : first + step]
        together = unit[rows].sum(axis=1)
        squares = np.einsum("nd,nd->n", together, together)
        cosines[first : first + step] = squares - own[rows].sum(axis=1)
    m = (shown != NO_ITEM).sum(axis=1)
    return 1 - quotient(cosines, m * (m - 1))


def _mean(shown: Ints, values: Floats | Ints) -> Floats:
    """Mean of `values` over the items of each list, NaN for an empty one."""
    filled = shown != NO_ITEM
    return quotient(np.where(filled, values[shown], 0.0).sum(axis=1), filled.sum(axis=1))


def _vectors(block: Mapping[str, NDArray[Any]], n_items: int) -> Floats:
    arrays = [block[name] for name in sorted(block)]
    over_items = [a for a in arrays if a.dtype == np.float32 and a.shape[:1] == (n_items,)]
    return np.hstack([np.zeros((n_items, 0), np.float32), *over_items])
