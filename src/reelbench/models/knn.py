"""Models `knn_item` and `knn_user`: residuals of similar items or users, on top of biases.

rating ≈ b_ui + Σ s·(r - b) / Σ s over the k most similar items that the user has rated (users that
have rated the item), b being damped biases: Koren (2010), "Factor in the Neighbors", formula 3,
which is Surprise's KNNBaseline.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveInt
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.base import Recommender
from reelbench.models.shared.biases import Biases, damped_biases
from reelbench.models.shared.state import Arrays, Saved
from reelbench.models.shared.user_items import (
    NewUser,
    groups,
    refilled,
    slices,
    with_unknown,
)
from reelbench.params import Section

# entry by entry: index into the items asked for, similarity, and residual of the neighbour's
# rating; entries of an item follow each other, the most similar first
_Neighbours = tuple[np.ndarray, np.ndarray, np.ndarray]
# user → neighbours for the items that it was made for
_Find = Callable[[int], _Neighbours]
# a matrix with its entries to the power 1, 2 and 0
_Powers = tuple[sparse.csr_array, sparse.csr_array, sparse.csr_array]


class KNNConfig(Section):
    """Parameters; the defaults are those of Surprise's KNNBaseline, of items."""

    #: whether residuals come from similar items that the user rated, or similar users of the item
    based_on: Literal["item", "user"] = "item"
    #: of raw ratings, or of their residuals after the biases
    similarity: Literal["cosine", "pearson_baseline"] = "pearson_baseline"
    #: neighbours that a prediction takes at most, the most similar first
    k: PositiveInt = 40
    #: with fewer neighbours than this a prediction is that of the biases
    min_k: PositiveInt = 1
    #: common ratings, minus one, at which a similarity counts half
    shrinkage: NonNegativeFloat = 100.0
    #: similar items (users) that are stored for each, whoever has rated them
    stored: PositiveInt = 500
    #: number of pseudo-ratings at the mean that are added to those of every user
    user_damping: NonNegativeFloat = 5.0
    #: likewise, of every item
    item_damping: NonNegativeFloat = 5.0
    #: what neighbours' ratings are compared with: damped biases of users and items, or the mean
    #: of train; a prediction is then the weighted mean of ratings
    baseline: Literal["biases", "mean"] = "biases"

    @property
    def min_common(self) -> int:
        """Ratings in common that make two items (users) similar: residuals of one mean nothing."""
        return 2 if self.similarity == "pearson_baseline" else 1


class KNN(Recommender):
    """Weighted mean over neighbours, of positive similarity alone.

    A cold or unknown user or item has no neighbours: the biases answer. Of equally similar
    neighbours that of the lower index counts first. Training takes the sum of squares of the
    users' numbers of ratings (based on users: the items'); the model keeps up to `stored`
    similarities of 8 bytes for every item (user), and the ratings. Fold-in is exact; based on users
    it is so for a user who is not in train, while one of train meets themselves.

    Attributes:
        biases: damped means of users and items.
        residual: CSR (n_users + 1, n_items + 1), of the ratings after the biases.
        similar: square CSR over items (users), a row's entries from the most similar on.

    >>> from reelbench.data.interactions import Interactions
    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 1, 1], [5, 4, 2, 1, 4])
    >>> model = KNN(shrinkage=0).fit(train)
    >>> model.similar_items(1).round(2)
    array([0.75, 0.  ])
    >>> model.predict([2], [0]).round(1)
    array([4.2], dtype=float32)
    """

    Config = KNNConfig
    config: KNNConfig
    biases: Saved[Biases]
    residual: Saved[sparse.csr_array]
    similar: Saved[sparse.csr_array]

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        config, ids = self.config, features.ids
        self.biases = self._baseline(train, ids)
        residual = train.rating - self.biases.predict(train.user_idx, train.item_idx)
        centred = config.similarity == "pearson_baseline"
        values = with_unknown(train, residual if centred else train.rating, ids)
        self.residual = with_unknown(train, residual.astype(np.float32), ids)
        self.similar = similar_rows(
            values if config.based_on == "user" else values.T.tocsr(),
            min_common=config.min_common,
            shrinkage=config.shrinkage,
            kept=config.stored,
        )

    def _baseline(self, train: Interactions, ids: Ids) -> Biases:
        if self.config.baseline == "biases":
            return damped_biases(train, ids, self.config.user_damping, self.config.item_damping)
        mean = float(train.rating.mean(dtype=np.float64))
        return Biases(mean, np.zeros(ids.n_users + 1), np.zeros(ids.n_items + 1))

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        rating = self.biases.predict(user_idx, item_idx)
        for user, rows in groups(user_idx):
            rating[rows] += self._mean_of(self._finder(item_idx[rows])(user), len(rows))
        return rating

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        n_items, rating = self.ids.n_items, self.biases.score(user_idx)
        find = self._finder(np.arange(n_items))
        for row, user in zip(rating, user_idx, strict=True):
            row += self._mean_of(find(user), n_items)
        return rating

    def _mean_of(self, neighbours: _Neighbours, n_items: int) -> np.ndarray:
        """Mean over the k most similar neighbours of every item, float64 (n_items,)."""
        place, weight, residual = neighbours
        count = np.bincount(place, minlength=n_items)
        near = np.arange(len(place)) - (np.cumsum(count) - count)[place] < self.config.k
        place, weight = place[near], weight[near].astype(np.float64)
        total = np.bincount(place, weight * residual[near], minlength=n_items)
        norm = np.bincount(place, weight, minlength=n_items)
        return np.divide(total, norm, out=np.zeros(n_items), where=count >= self.config.min_k)

    def _finder(self, items: np.ndarray) -> _Find:
        return self._of_items(items) if self.config.based_on == "item" else self._of_users(items)

    def _of_items(self, items: np.ndarray) -> _Find:
        """Finds similar items that the user has rated."""
        similar = self.similar[items]
        place = np.repeat(np.arange(len(items)), np.diff(similar.indptr))

        def find(user: int) -> _Neighbours:
            own = self.residual[[user]]
            residual = np.full(own.shape[1], np.nan, dtype=np.float32)
            residual[own.indices] = own.data
            residual = residual[similar.indices]
            rated = np.flatnonzero(~np.isnan(residual))
            return place[rated], similar.data[rated], residual[rated]

        return find

    def _of_users(self, items: np.ndarray) -> _Find:
        """Finds similar users that have rated the items."""

        def find(user: int) -> _Neighbours:
            similar = self.similar[[user]]
            rated = self.residual[similar.indices][:, items].tocsc()
            place = np.repeat(np.arange(len(items)), np.diff(rated.indptr))
            return place, similar.data[rated.indices], rated.data

        return find

    def _similar_items(self, item_idx: int) -> np.ndarray:
        if self.config.based_on == "user":
            return super()._similar_items(item_idx)
        return self.similar[[item_idx]].toarray()[0, :-1]

    def _fold_in(self, user: NewUser) -> Self:
        other = self._copy()
        residual = user.ratings - self.biases.mean
        if self.config.baseline == "biases":
            other.biases, residual = self.biases.fold_in(user, self.config.user_damping)
        if self.config.based_on == "item":
            other.residual = user.last_row(residual, self.residual.shape)
        else:
            other.similar = self._similar_users(user, residual)
        return other

    def _similar_users(self, user: NewUser, residual: np.ndarray) -> sparse.csr_array:
        """The users most similar to a new one, in the last row, as `similar_rows` finds them."""
        values, own = self.residual, residual
        if self.config.similarity == "cosine":
            values, own = self._ratings(), user.ratings
        row = user.last_row(own, (1, values.shape[1]))
        found = _cosine(_powers(row), _powers(values))
        similarity = _shrunk(*found, self.config.min_common, self.config.shrinkage)[0]
        near = np.flatnonzero(similarity > 0)
        last, shape = np.full(len(near), self.ids.n_users), (self.ids.n_users + 1,) * 2
        matrix = sparse.csr_array((similarity[near].astype(np.float32), (last, near)), shape=shape)
        return largest_first(matrix, self.config.stored)

    def _ratings(self) -> sparse.csr_array:
        """Ratings again, from their residuals."""
        users = np.repeat(np.arange(self.residual.shape[0]), np.diff(self.residual.indptr))
        bias = self.biases.predict(users, self.residual.indices)
        return refilled(self.residual, self.residual.data + bias)

    def _restore(self, state: Arrays) -> None:
        super()._restore(state)
        # columns of a row are stored in ascending order
        self.similar = largest_first(self.similar, self.config.stored)


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
    powers = _powers(values)
    pieces = []
    for part in slices(n_rows, n_rows):
        value, square, one = powers
        found = _cosine((value[part], square[part], one[part]), powers)
        similarity = _shrunk(*found, min_common, shrinkage).astype(np.float32)
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


def _shrunk(
    cosine: np.ndarray, common: np.ndarray, min_common: int, shrinkage: float
) -> np.ndarray:
    """Cosines times (n - 1) / (n - 1 + shrinkage), 0 where n is less than `min_common`."""
    more = common - 1
    # a single common column has no weight, unless nothing is shrunk
    weight = np.divide(more, more + shrinkage, out=np.ones_like(more), where=more + shrinkage > 0)
    return np.where(common >= min_common, cosine * weight, 0.0)


def _powers(matrix: sparse.csr_array) -> _Powers:
    """Float64 entries of a matrix to the power 1, 2 and 0."""
    wide = matrix.astype(np.float64)
    return wide, refilled(wide, wide.data**2), refilled(wide, np.ones_like(wide.data))


def _cosine(rows: _Powers, others: _Powers) -> tuple[np.ndarray, np.ndarray]:
    """Cosine over common columns, and their number, of n rows with m others: float64 (n, m)."""
    values, squares, has = rows
    other_values, other_squares, other_has = (matrix.T for matrix in others)
    product = (values @ other_values).toarray()
    norm = (squares @ other_has).toarray() * (has @ other_squares).toarray()
    cosine = np.divide(product, np.sqrt(norm), out=np.zeros_like(product), where=norm > 0)
    return cosine, (has @ other_has).toarray()
