"""Model `ease`: a linear model from a user's movies to all others, in closed form.

Steck (2019), "Embarrassingly Shallow Autoencoders for Sparse Data". With X the users' rows of
`preferences` (ones and zeros in the paper), P = (XᵀX + λI)⁻¹ and B = I - P · diag(P)⁻¹, the scores
are XB: B predicts every column of X from the others, with an L2 penalty λ and a zero diagonal.

With `dropout` p the penalty of an item is λ + p / (1 - p) · ‖x_i‖², what training on X with a share
p of its entries dropped comes to on average: model `edlae`, Steck (2020), "Autoencoders that don't
overfit towards the Identity".

Where there are fewer users than items, the same scores come from a matrix of users (Woodbury): with
K = XXᵀ + λI, XP = K⁻¹X and P_ii = (1 - x_iᵀK⁻¹x_i) / λ. Other penalties λ_i are those of X with its
columns times √(λ / λ_i).

Where both are too many, an item has weights of the `neighbours` items with the highest cosine only,
from the rows and columns of XᵀX of these (Steck 2019, "Markov Random Fields for Collaborative
Filtering"). One inverse serves an item and those of its nearest that have no weights yet.
"""

import logging
import math
from typing import Self

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt
from scipy import linalg, sparse
from threadpoolctl import threadpool_limits

from reelbench.machine import memory_bytes
from reelbench.models.base import Ids, Interactions, NewUser, Saved
from reelbench.models.shared.fold_in import PreferenceConfig, PreferenceRanker
from reelbench.models.shared.user_items import Profiles, for_every_user, gram
from reelbench.parallel import CSR, for_row_blocks, kernel, parts

_LOG = logging.getLogger(__name__)

_USERS_AT_ONCE = 16  # users that a thread takes at a time
# share of the memory that a fit may take, and bytes per entry: one of float64 and one of float32
_SHARE = 0.75
_BYTES = 12
_ROWS_AT_ONCE = 256  # items whose neighbours a thread looks for at a time
_NEAREST = 0.2  # share of an item's neighbours whose weights its inverse may serve


class EASEConfig(PreferenceConfig):
    """Parameters; the penalty is that of the paper for MovieLens 20M."""

    #: L2 penalty λ, in ratings
    regularization: PositiveFloat = 500.0
    #: share of a user's ratings that are taken to be dropped in training
    dropout: float = Field(0.0, ge=0, lt=1)
    #: items have weights of `neighbours` others where both users and items are more than this;
    #: None: as many as three quarters of the machine's memory have room for
    max_side: PositiveInt | None = None
    neighbours: PositiveInt = 500  # of an item; not read below `max_side`


class EASE(PreferenceRanker):
    """EASE on weighted ratings; an item without ratings has the score 0. Fold-in is exact.

    Memory: with m the smaller of n_users and n_items, 8·m² bytes for the matrix that is inverted in
    place and 4·m² for what is kept and saved; time grows with m³. For 20,000 that is 3.2 + 1.6 GB.
    Above `max_side` scores are an approximation that keeps 12 bytes per item and neighbour.

    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [5, 3, 4, 2, 1])
    >>> model = EASE(regularization=1).fit(train)
    >>> model.score([2]).round(2)
    array([[ 0.33,  0.  , -0.12]], dtype=float32)
    >>> model.fold_in([1], [1.0]).score([-1]).round(2)  # has rated what user 2 has
    array([[ 0.33,  0.  , -0.12]], dtype=float32)
    """

    config: EASEConfig
    _weights: Saved[np.ndarray]
    _diagonal: Saved[np.ndarray]
    _near: Saved[sparse.csr_array]

    def _learn(self, chosen: sparse.csr_array, valid: Interactions) -> None:
        self._weights = self._diagonal = np.empty(0)
        self._near = sparse.csr_array((0, 0), dtype=np.float32)
        limit = self.config.max_side or math.isqrt(int(_SHARE * memory_bytes()) // _BYTES)
        if min(chosen.shape) > limit:
            self._fit_neighbours(chosen, limit)
        elif chosen.shape[0] < chosen.shape[1]:
            self._fit_over_users(chosen)
        else:  # the weights are B, and there is no diagonal
            products = gram(chosen, self.threads)
            inverse = _inverse(products, self._penalties(np.diagonal(products)))
            inverse /= -np.diagonal(inverse).copy()
            np.fill_diagonal(inverse, 0.0)
            self._weights = inverse.astype(np.float32)

    def _fit_over_users(self, chosen: sparse.csr_array) -> None:
        """`weights` = K⁻¹ and the mean of its rows; `diagonal` of P, float64 (n_items,)."""
        penalty, wide = self.config.regularization, self._penalised(chosen)
        inverse = _inverse(gram(wide.T.tocsr(), self.threads), penalty)
        explained = np.asarray(wide.multiply(inverse @ wide).sum(axis=0)).ravel()
        self._diagonal = (1.0 - explained) / penalty
        warm = np.diff(chosen.indptr) > 0
        self._weights = np.vstack([inverse, inverse[warm].mean(axis=0)]).astype(np.float32)

    def _fit_neighbours(self, chosen: sparse.csr_array, limit: int) -> None:
        """`near` = weights by item and item that is scored, float32 CSR (n_items, n_items)."""
        _LOG.info("more than %d users and movies: each has weights of its nearest only", limit)
        wide = chosen.astype(np.float64)
        n_items = wide.shape[1]
        near = nearest(wide, min(self.config.neighbours, n_items - 1), self.threads)
        penalties = self._penalties(_squares(wide))
        columns = sparse.csc_array(wide)
        groups = _groups(near)
        found = [(np.empty(0, np.float32), *np.empty((2, 0), np.int64))] * (1 + len(groups))

        def work(block: slice) -> None:
            members, served = groups[block.start]
            own = columns[:, members]
            products = (own.T @ own).toarray()
            products[np.diag_indices(len(products))] += penalties[members]
            inverse = np.linalg.inv(products)[:, served]
            weights = -inverse / inverse[served, range(len(served))]
            weights[served, range(len(served))] = 0.0
            places = np.meshgrid(members, members[served], indexing="ij")
            found[block.start] = (weights.astype(np.float32).ravel(), *map(np.ravel, places))

        with threadpool_limits(1, "blas"):
            for_row_blocks(work, len(groups), block=1, threads=self.threads)
        values, rows, targets = map(np.concatenate, zip(*found, strict=True))
        self._near = sparse.csr_array((values, (rows, targets)), shape=(n_items, n_items))
        self._near.eliminate_zeros()

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        rows = self._profiles.rows(user_idx)
        if not len(self._weights):
            return (rows @ self._near).toarray()
        if len(self._diagonal) == 0:
            product = np.zeros(rows.shape, dtype=np.float32)
            entries = parts(rows)

            def work(some: slice) -> None:
                _multiply(entries, self._weights, some.start, some.stop, product)

            for_row_blocks(work, len(product), block=_USERS_AT_ONCE, threads=self.threads)
            return product
        explained = self._weights[self._profiles.place(user_idx)] @ self._profiles.users
        return rows.toarray() - explained / self._diagonal

    def _fold_in(self, user: NewUser) -> Self:
        if len(self._diagonal) == 0:
            return super()._fold_in(user)
        # K⁻¹ of users is kept: xP = (x - xXᵀ K⁻¹ X) / λ for any row x, so the new user is one more
        # row of X, and has the weights (-xXᵀK⁻¹, 1) / λ for the rows
        others = self._profiles.users
        x = self._rows(user.interactions(), self.ids)[[0]]
        common = (x @ self._penalised(others, 1.0).T).toarray()[0]
        weights = np.append(-common @ self._weights[:-1], 1.0) / self.config.regularization
        profiles = Profiles(sparse.csr_array(sparse.vstack([others, x, x], format="csr")))
        weights = for_every_user(weights.astype(np.float32), len(weights))
        return self._copy(_profiles=profiles, _weights=weights)

    def _fold_in_users(self, profiles: Interactions, ids: Ids) -> Self | None:
        return None if len(self._diagonal) else super()._fold_in_users(profiles, ids)

    def _penalties(self, squares: np.ndarray) -> np.ndarray:
        """λ_i of items whose columns have these squared lengths, float64 (n_items,)."""
        dropout = self.config.dropout
        return self.config.regularization + dropout / (1 - dropout) * squares

    def _penalised(self, chosen: sparse.csr_array, power: float = 0.5) -> sparse.csr_array:
        """X with its columns times (λ / λ_i)^power, float64."""
        wide = chosen.astype(np.float64)
        share = self.config.regularization / self._penalties(_squares(wide))
        return sparse.csr_array(wide.multiply(share**power)) if self.config.dropout else wide


def nearest(matrix: sparse.csr_array, n: int, threads: int) -> np.ndarray:
    """The n columns with the highest cosine with each, int32 (n_columns, n), -1 for none left.

    A column that shares no row with it is no neighbour; of equals the first comes first.
    """
    unit = sparse.csr_array(matrix.multiply(1.0 / np.sqrt(np.maximum(_squares(matrix), 1e-300))))
    by_column = unit.T.tocsr()
    found = np.full((matrix.shape[1], n), -1, np.int32)

    def work(block: slice) -> None:
        cosines = (by_column[block] @ unit).tocsr()
        cosines.sort_indices()
        for row, column in enumerate(range(block.start, block.stop)):
            entries = slice(cosines.indptr[row], cosines.indptr[row + 1])
            others, values = cosines.indices[entries], cosines.data[entries].copy()
            values[others == column] = -1.0
            best = others[np.argsort(-values, kind="stable")[: min(n, len(others) - 1)]]
            found[column, : len(best)] = best

    for_row_blocks(work, len(found), block=_ROWS_AT_ONCE, threads=threads)
    return found


def _squares(matrix: sparse.csr_array) -> np.ndarray:
    """Squared lengths of the columns, float64 (n_columns,)."""
    return np.asarray(matrix.power(2).sum(axis=0)).ravel()


def _groups(near: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Items and their neighbours that share an inverse, and the places among them that it serves.

    Every item that has neighbours is served once.
    """
    open_ = near[:, 0] >= 0
    found = []
    for item in np.flatnonzero(open_):
        if not open_[item]:
            continue
        members = np.append(item, near[item][near[item] >= 0])
        served = np.flatnonzero(open_[members[: 1 + int(_NEAREST * near.shape[1])]])
        open_[members[served]] = False
        found.append((members, served))
    return found


@kernel
def _multiply(users: CSR, weights: np.ndarray, first: int, last: int, product: np.ndarray) -> None:
    """Add the product of the rows from `first` to `last` with the weights.

    Four rows of weights are added at a time, to a piece of the product that stays in the cache.
    """
    starts, items, values = users
    for left in range(0, weights.shape[1], 4096):
        for user in range(first, last):
            sums = product[user, left : left + 4096]
            entry, end = starts[user], starts[user + 1]
            while entry + 4 <= end:
                w0 = weights[items[entry], left : left + 4096]
                w1 = weights[items[entry + 1], left : left + 4096]
                w2 = weights[items[entry + 2], left : left + 4096]
                w3 = weights[items[entry + 3], left : left + 4096]
                x0, x1 = values[entry], values[entry + 1]
                x2, x3 = values[entry + 2], values[entry + 3]
                for column in range(len(sums)):
                    sums[column] = (
                        ((sums[column] + x0 * w0[column]) + x1 * w1[column]) + x2 * w2[column]
                    ) + x3 * w3[column]
                entry += 4
            for rest in range(entry, end):
                w0, x0 = weights[items[rest], left : left + 4096], values[rest]
                for column in range(len(sums)):
                    sums[column] += x0 * w0[column]


def _inverse(gram: np.ndarray, penalty: float | np.ndarray) -> np.ndarray:
    """(gram + diagonal of penalties)⁻¹ in the memory of `gram`, by Cholesky's decomposition.

    Of `gram` nothing above the diagonal is read. Rows of the result are contiguous.
    """
    gram.flat[:: len(gram) + 1] += penalty
    return linalg.inv(gram.T, overwrite_a=True, assume_a="pos", check_finite=False).T
