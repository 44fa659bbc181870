"""Models `item_knn` and `rp3beta`: weights between movies that the same users chose, to rank.

With X the users' choices, the scores are XW; W keeps for every item the `k` items that speak most
for it. W_ij is how similar items i and j are (`item_knn`), or the probability that a walk from item
i over one of its users ends at item j, with popular ends made less likely (`rp3beta`): Paudel et
al. (2017), "Updatable, Accurate, Diverse, and Scalable Recommendations for Interactive
Applications". Ferrari Dacrema et al. (2021), "A Troubling Analysis of Reproducibility and Progress
in Recommender Systems Research", found both hard to beat.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from scipy import sparse

from reelbench.models.base import Interactions, Saved
from reelbench.models.shared.fold_in import PreferenceConfig, PreferenceRanker
from reelbench.models.shared.user_items import add_products
from reelbench.parallel import parts, square_by_rows

_SATURATION, _LENGTH = 1.2, 0.75  # k1 and b of BM25, the usual ones
#: two factors of Wᵀ, (n_items, n_users) and (n_users, n_items), and a function of rows of their
#: product and which rows these are: what they are divided by
Steps = tuple[sparse.csr_array, sparse.csr_array, Callable[[np.ndarray, slice], np.ndarray]]


class GraphConfig(PreferenceConfig):
    """Parameters of both models."""

    k: PositiveInt = 100  # items that are kept for every item


class ItemKNNConfig(GraphConfig):
    """Parameters of `item_knn`."""

    similarity: Literal["cosine", "jaccard"] = "cosine"
    #: of a user's choices in the cosine, where a user of many items counts less; items are the
    #: documents and users the words
    weighting: Literal["none", "tfidf", "bm25"] = "none"
    shrinkage: NonNegativeFloat = 0.0  # added to the denominator of a similarity


class RP3betaConfig(GraphConfig):
    """Parameters of `rp3beta`."""

    alpha: PositiveFloat = 1.0  # exponent of the probability of a step
    beta: NonNegativeFloat = 0.6  # exponent of an item's number of choices, which divides


class ItemGraph(PreferenceRanker):
    """Base of the two.

    Memory: 8·k bytes per item, and while training 24 bytes per rating and 64 rows of n_items for
    every thread. Time grows with the sum of squares of the users' numbers of ratings.

    Attributes:
        weights: W, CSR (n_items, n_items) without a diagonal.
    """

    config: GraphConfig
    weights: Saved[sparse.csr_array]

    @abstractmethod
    def _steps(self, items: sparse.csr_array) -> Steps:
        """What W is made of, from choices, float64 (n_items, n_users), that may be changed."""

    def _learn(self, chosen: sparse.csr_array, valid: Interactions) -> None:
        *factors, divisor = self._steps(chosen.T.tocsr().astype(np.float64))
        left, right = map(parts, factors)

        def largest(first: int, last: int) -> tuple[np.ndarray, ...]:
            block = np.zeros((last - first, chosen.shape[1]))
            add_products(left, right, first, last, block, False)
            # a row is an item without choices only if it is 0
            np.divide(block, divisor(block, slice(first, last)), out=block, where=block > 0.0)
            block[np.arange(last - first), np.arange(first, last)] = 0.0
            return _largest(block, self.config.k)

        self.weights = square_by_rows(largest, chosen.shape[1], self.threads).T.tocsr()

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        return (self._profiles.rows(user_idx) @ self.weights).toarray()

    def _similar_items(self, item_idx: int) -> np.ndarray:
        weights = self.weights[[item_idx]].toarray()[0]
        return weights / max(weights.max(), 1e-12)


class ItemKNN(ItemGraph):
    """Similar items by the choices of all users.

    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [5, 3, 4, 2, 1])
    >>> ItemKNN().fit(train).weights.toarray().round(2).tolist()
    [[0.0, 0.5, 0.71], [0.5, 0.0, 0.0], [0.71, 0.0, 0.0]]
    """

    config: ItemKNNConfig

    def _steps(self, items: sparse.csr_array) -> Steps:
        shrinkage = self.config.shrinkage
        if self.config.similarity == "jaccard":
            items.data[:] = 1.0
            counts = items.sum(axis=1)
            return (
                items,
                items.T.tocsr(),
                lambda both, rows: counts[rows, None] + counts - both + shrinkage,
            )
        items = weighted(items, self.config.weighting)
        norm = np.sqrt(items.multiply(items).sum(axis=1))
        return items, items.T.tocsr(), lambda _, rows: norm[rows, None] * norm + shrinkage


class RP3beta(ItemGraph):
    """Random walks of three steps from a user."""

    config: RP3betaConfig

    def _steps(self, items: sparse.csr_array) -> Steps:
        degree = np.diff(items.indptr)[:, None] ** self.config.beta
        users = items.T.tocsr()
        for steps in (items, users):
            lengths = np.repeat(steps.sum(axis=1), np.diff(steps.indptr))
            steps.data = (steps.data / lengths) ** self.config.alpha
        return users.T.tocsr(), items.T.tocsr(), lambda _, rows: degree[rows]


def weighted(items: sparse.csr_array, weighting: str) -> sparse.csr_array:
    """Choices (n_items, n_users) with the weights of words in documents; `none` leaves them.

    A user of n items has the inverse document frequency log(n_items / (1 + n)), at least 0.
    """
    if weighting == "none":
        return items
    counts = np.bincount(items.indices, minlength=items.shape[1])
    idf = np.maximum(np.log(items.shape[0]) - np.log1p(counts), 0.0)[items.indices]
    value = items.data
    if weighting == "bm25":
        sums = items.sum(axis=1)
        length = 1 - _LENGTH + _LENGTH * sums / sums[sums > 0].mean()
        lengths = np.repeat(length, np.diff(items.indptr))
        value = value * (_SATURATION + 1) / (value + _SATURATION * lengths)
    return sparse.csr_array((value * idf, items.indices, items.indptr), items.shape)


def _largest(block: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of the k largest positive entries of every row, their columns and float32 values."""
    kept = block > 0.0
    if k < block.shape[1]:
        last = np.partition(block, -k, axis=1)[:, -k]
        kept &= block >= last[:, None]
    rows, columns = np.nonzero(kept)
    counts = np.bincount(rows, minlength=len(block))
    return counts, columns.astype(np.int32), block[rows, columns].astype(np.float32)
