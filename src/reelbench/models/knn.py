"""Models `knn_item` and `knn_user`: what the effects leave, from similar items or users.

rating ≈ b_ui + Σ s·(r - b) / Σ s over the k most similar items that the user has rated (users that
have rated the item), b being damped effects: Koren (2010), "Factor in the Neighbors", formula 3,
which is Surprise's KNNBaseline.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat, PositiveInt
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.base import Arrays, Recommender
from reelbench.models.shared.biases import Biases, damped_biases
from reelbench.models.shared.user_items import groups, matrix_of, matrix_state, refilled, slices
from reelbench.params import Section

# entry by entry: index into the items asked for, similarity, and what the effects leave of the
# neighbour's rating; entries of an item follow each other, the most similar first
_Neighbours = tuple[np.ndarray, np.ndarray, np.ndarray]
# user → neighbours for the items that it was made for
_Find = Callable[[int], _Neighbours]


class KNNConfig(Section):
    based_on: Literal["item", "user"]
    #: of raw ratings, or of what the effects leave of them
    similarity: Literal["cosine", "pearson_baseline"]
    #: neighbours that a prediction takes at most; with fewer than `min_k` it is that of the effects
    k: PositiveInt
    min_k: PositiveInt
    #: common ratings at which a similarity, save for one of them, counts half
    shrinkage: NonNegativeFloat
    #: similar items (users) that are stored for each, whoever has rated them
    stored: PositiveInt
    #: ratings of average value that every user (item) is thought to have given (got) beforehand
    user_damping: NonNegativeFloat
    item_damping: NonNegativeFloat
    #: what neighbours' ratings are compared with: damped effects of users and items, or the mean
    #: of train; a prediction is then the weighted mean of bare ratings
    baseline: Literal["effects", "mean"]


class KNN(Recommender):
    """Weighted mean over neighbours, of positive similarity alone.

    A cold or unknown user or item has no neighbours: the effects answer. Of equally similar
    neighbours that of the lower index counts first. Training takes the sum of squares of the
    users' numbers of ratings (based on users: the items'); the model keeps up to `stored`
    similarities of 8 bytes for every item (user), and the ratings.

    Attributes:
        effects: damped means of users and items.
        left: CSR (n_users + 1, n_items + 1), what they leave of the ratings.
        similar: square CSR over items (users), a row's entries from the most similar on.
    """

    Config = KNNConfig

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        config, ids = self.config, features.ids
        self.effects = self._baseline(train, ids)
        left = train.rating - self.effects.predict(train.user_idx, train.item_idx)
        centred = config.similarity == "pearson_baseline"
        values = _matrix(train, left if centred else train.rating, ids)
        self.left = _matrix(train, left.astype(np.float32), ids)
        self.similar = similar_rows(
            values if config.based_on == "user" else values.T.tocsr(),
            min_common=2 if centred else 1,
            shrinkage=config.shrinkage,
            kept=config.stored,
        )

    def _baseline(self, train: Interactions, ids: Ids) -> Biases:
        if self.config.baseline == "effects":
            return damped_biases(train, ids, self.config.user_damping, self.config.item_damping)
        mean = float(train.rating.mean(dtype=np.float64))
        return Biases(mean, np.zeros(ids.n_users + 1), np.zeros(ids.n_items + 1))

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        rating = self.effects.predict(user_idx, item_idx)
        for user, rows in groups(user_idx):
            rating[rows] += self._mean_of(self._finder(item_idx[rows])(user), len(rows))
        return rating

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        effects, n_items = self.effects, self.ids.n_items
        rating = effects.mean + effects.user[user_idx, None] + effects.item[:-1]
        find = self._finder(np.arange(n_items))
        for row, user in zip(rating, user_idx, strict=True):
            row += self._mean_of(find(user), n_items)
        return rating

    def _mean_of(self, neighbours: _Neighbours, n_items: int) -> np.ndarray:
        """Mean over the k most similar neighbours of every item, float64 (n_items,)."""
        place, weight, left = neighbours
        count = np.bincount(place, minlength=n_items)
        near = np.arange(len(place)) - (np.cumsum(count) - count)[place] < self.config.k
        place, weight, left = place[near], weight[near].astype(np.float64), left[near]
        total = np.bincount(place, weight * left, minlength=n_items)
        norm = np.bincount(place, weight, minlength=n_items)
        return np.divide(total, norm, out=np.zeros(n_items), where=count >= self.config.min_k)

    def _finder(self, items: np.ndarray) -> _Find:
        return self._similar_items(items) if self.config.based_on == "item" else self._raters(items)

    def _similar_items(self, items: np.ndarray) -> _Find:
        """Finds similar items that the user has rated."""
        similar = self.similar[items]
        place = np.repeat(np.arange(len(items)), np.diff(similar.indptr))

        def find(user: int) -> _Neighbours:
            own = self.left[[user]]
            left = np.full(own.shape[1], np.nan, dtype=np.float32)
            left[own.indices] = own.data
            left = left[similar.indices]
            rated = np.flatnonzero(~np.isnan(left))
            return place[rated], similar.data[rated], left[rated]

        return find

    def _raters(self, items: np.ndarray) -> _Find:
        """Finds similar users that have rated the items."""

        def find(user: int) -> _Neighbours:
            similar = self.similar[[user]]
            rated = self.left[similar.indices][:, items].tocsc()
            place = np.repeat(np.arange(len(items)), np.diff(rated.indptr))
            return place, similar.data[rated.indices], rated.data

        return find

    def _state(self) -> Arrays:
        left, similar = matrix_state("left", self.left), matrix_state("similar", self.similar)
        return {**self.effects.state(), **left, **similar}

    def _restore(self, state: Arrays) -> None:
        self.effects = Biases.from_state(state)
        self.left = matrix_of("left", state)
        self.similar = largest_first(matrix_of("similar", state), self.config.stored)


def _matrix(train: Interactions, values: np.ndarray, ids: Ids) -> sparse.csr_array:
    """Values of the ratings, and an empty row and column for an unknown user and item."""
    shape = (ids.n_users + 1, ids.n_items + 1)
    return sparse.csr_array((values, (train.user_idx, train.item_idx)), shape=shape)


def similar_rows(
    values: sparse.csr_array, *, min_common: int, shrinkage: float, kept: int
) -> sparse.csr_array:
    """The rows most like each row, by the cosine over common columns, shrunk.

    With n columns in common it is Σ x·y / sqrt(Σ x² Σ y²) · (n - 1) / (n - 1 + shrinkage), Koren
    (2010), "Factor in the Neighbors", section 2.2. No dense matrix of all pairs is held.

    Args:
        values: (n, m); an entry that is zero is an entry.
        min_common: columns that two rows must share.
        shrinkage: 0 leaves the cosine as it is.
        kept: similar rows that are kept per row.

    Returns:
        float32 (n, n), positive similarities alone, in the order of `largest_first`; no row is
        similar to itself.
    """
    n_rows = values.shape[0]
    products = _Products(values.astype(np.float64))
    pieces = []
    for part in slices(n_rows, n_rows):
        cosine, common = products.cosine(part)
        more = common - 1
        # a single common column has no weight, unless nothing is shrunk
        weight = np.divide(
            more, more + shrinkage, out=np.ones_like(more), where=more + shrinkage > 0
        )
        similarity = np.where(common >= min_common, cosine * weight, 0.0).astype(np.float32)
        similarity[np.arange(len(similarity)), np.arange(part.start, part.stop)] = 0.0
        pieces.append(largest_first(sparse.csr_array(np.maximum(similarity, 0.0)), kept))
    return sparse.vstack(pieces, format="csr")


def largest_first(matrix: sparse.csr_array, kept: int) -> sparse.csr_array:
    """The `kept` largest entries of every row, the largest first; of equal ones the left first."""
    matrix.sort_indices()
    orders = []
    for first, last in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        orders.append(first + np.argsort(-matrix.data[first:last], kind="stable")[:kept])
    order = np.concatenate(orders)
    starts = np.cumsum([0, *map(len, orders)])
    return sparse.csr_array((matrix.data[order], matrix.indices[order], starts), matrix.shape)


class _Products:
    """Sums over the common columns of two rows."""

    def __init__(self, values: sparse.csr_array) -> None:
        ones = np.ones_like(values.data)
        self._values, self._squares = values, refilled(values, values.data**2)
        self._has = refilled(values, ones)
        self._transposed = [matrix.T for matrix in (self._values, self._squares, self._has)]

    def cosine(self, part: slice) -> tuple[np.ndarray, np.ndarray]:
        """Cosine and number of common columns of the rows `part` and all rows."""
        values, squares, has = self._transposed
        product = (self._values[part] @ values).toarray()
        norm = (self._squares[part] @ has).toarray() * (self._has[part] @ squares).toarray()
        cosine = np.divide(product, np.sqrt(norm), out=np.zeros_like(product), where=norm > 0)
        return cosine, (self._has[part] @ has).toarray()
