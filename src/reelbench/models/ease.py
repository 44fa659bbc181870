"""Model `ease`: a linear model from a user's movies to all others, in closed form.

Steck (2019), "Embarrassingly Shallow Autoencoders for Sparse Data". With X the users' rated movies,
P = (XᵀX + λI)⁻¹ and B = I - P · diag(P)⁻¹, the scores are XB: B predicts every column of X from the
others with least squares, an L2 penalty λ and a zero diagonal. X is ones and zeros in the paper;
here a high rating may count for more (`user_items.preferences`).

Where there are fewer users than items, the same scores come from a matrix of users (Woodbury): with
K = XXᵀ + λI, XP = K⁻¹X and P_ii = (1 - x_iᵀK⁻¹x_i) / λ.
"""

import math
from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from scipy import linalg, sparse

from reelbench.machine import memory_bytes
from reelbench.models.base import Features, Ids, Interactions, NewUser, Ranker, Saved
from reelbench.models.shared.user_items import Profiles, for_every_user, preference, preferences
from reelbench.parallel import CSR, for_row_blocks, kernel, parts
from reelbench.params import ParamsError, Section

# columns of a product, and users, that a thread takes at a time
_COLUMNS_AT_ONCE = 64
_USERS_AT_ONCE = 16
# share of the memory that a fit may take, and bytes per entry: one of float64 and one of float32
_SHARE = 0.75
_BYTES = 12


class EASEConfig(Section):
    """Parameters; the penalty is that of the paper for MovieLens 20M."""

    #: L2 penalty λ, in ratings
    regularization: PositiveFloat = 500.0
    #: how much more a high rating counts than a low one; 0: all are ones, as in the paper
    rating_power: NonNegativeFloat = 0.0
    #: a fit is refused where both users and items are more than this; None: as many as three
    #: quarters of the machine's memory have room for
    max_side: PositiveInt | None = None


class EASE(Ranker):
    """EASE on weighted ratings; it only ranks, and `predict` returns the mean rating of train.

    Memory: with m the smaller of n_users and n_items, 8·m² bytes for the matrix that is inverted
    in place and 4·m² for what is kept and saved; time grows with m³. For 20,000 that is 3.2 + 1.6
    GB; above `max_side` a fit is refused, below it the limit does not change the result. A user
    without ratings gets the mean of everybody's scores, an item without ratings the score 0.
    Fold-in is exact.

    >>> from reelbench.data.interactions import Interactions
    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [5, 3, 4, 2, 1])
    >>> model = EASE(regularization=1).fit(train)
    >>> model.score([2]).round(2)
    array([[ 0.33,  0.  , -0.12]], dtype=float32)
    >>> model.fold_in([1], [1.0]).score([-1]).round(2)  # has rated what user 2 has
    array([[ 0.33,  0.  , -0.12]], dtype=float32)
    """

    Config = EASEConfig
    config: EASEConfig
    _weights: Saved[np.ndarray]
    _diagonal: Saved[np.ndarray]
    _profiles: Saved[Profiles]

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        super()._fit(train, valid, features)
        chosen = preferences(train, features.ids, self.config.rating_power)
        side, cells = min(chosen.shape), int(_SHARE * memory_bytes()) // _BYTES
        limit = self.config.max_side or math.isqrt(cells)
        if side > limit:
            raise ParamsError(
                f"ease inverts a matrix of {side:,} by {side:,} numbers (the fewer of users and "
                f"items), which takes {_BYTES * side**2 / 1e9:.1f} GB; the limit max_side is "
                f"{limit:,}. Keep fewer movies with filter.min_per_item in conf/config.yaml, or "
                "raise max_side in conf/models/ease.yaml if the machine has that memory"
            )
        self._profiles = Profiles.of(chosen)
        if chosen.shape[0] < chosen.shape[1]:
            self._fit_over_users(chosen)
            return
        # the weights are B, and there is no diagonal
        inverse = _inverse(_gram(chosen, self.threads), self.config.regularization)
        inverse /= -np.diagonal(inverse).copy()
        np.fill_diagonal(inverse, 0.0)
        self._weights, self._diagonal = inverse.astype(np.float32), np.empty(0)

    def _fit_over_users(self, chosen: sparse.csr_array) -> None:
        """`weights` = K⁻¹ and the mean of its rows; `diagonal` of P, float64 (n_items,)."""
        penalty = self.config.regularization
        inverse = _inverse(_gram(chosen.T.tocsr(), self.threads), penalty)
        wide = chosen.astype(np.float64)
        explained = np.asarray(wide.multiply(inverse @ wide).sum(axis=0)).ravel()
        self._diagonal = (1.0 - explained) / penalty
        warm = np.diff(chosen.indptr) > 0
        self._weights = np.vstack([inverse, inverse[warm].mean(axis=0)]).astype(np.float32)

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        rows = self._profiles.rows(user_idx)
        if len(self._diagonal) == 0:
            product = np.zeros(rows.shape, dtype=np.float32)
            entries = parts(rows)

            def work(some: slice) -> None:
                _multiply(entries, self._weights, some.start, some.stop, product)

            for_row_blocks(work, len(product), block=_USERS_AT_ONCE, threads=self.threads)
            return product
        explained = self._weights[self._profiles.place(user_idx)] @ self._profiles.matrix[:-1]
        return rows.toarray() - explained / self._diagonal

    def _fold_in(self, user: NewUser) -> Self:
        values = preference(user.ratings, self.ids, self.config.rating_power)
        if len(self._diagonal) == 0:
            return self._copy(_profiles=Profiles.of_new_user(user, values, self.ids))
        # K⁻¹ of users is kept: xP = (x - xXᵀ K⁻¹ X) / λ for any row x, so the new user is one more
        # row of X, and has the weights (-xXᵀK⁻¹, 1) / λ for the rows
        others = self._profiles.matrix[:-1]
        x = user.last_row(values, (1, others.shape[1]))
        common = (x @ others.T).toarray()[0]
        weights = np.append(-common @ self._weights[:-1], 1.0) / self.config.regularization
        profiles = Profiles(sparse.csr_array(sparse.vstack([others, x, x], format="csr")))
        weights = for_every_user(weights.astype(np.float32), len(weights))
        return self._copy(_profiles=profiles, _weights=weights)

    def _fold_in_users(self, profiles: Interactions, ids: Ids) -> Self | None:
        if len(self._diagonal):
            return None
        chosen = preferences(profiles, ids, self.config.rating_power)
        return self._copy(_ids=ids, _profiles=Profiles.of(chosen))


def _gram(matrix: sparse.csr_array, threads: int) -> np.ndarray:
    """matrixᵀ · matrix, float64 (n_columns, n_columns), with zeros above the diagonal."""
    gram = np.zeros((matrix.shape[1],) * 2)
    columns, rows = parts(matrix.T.tocsr()), parts(matrix)

    def work(block: slice) -> None:
        _add_products(columns, rows, block.start, block.stop, gram)

    for_row_blocks(work, len(gram), block=_COLUMNS_AT_ONCE, threads=threads)
    return gram


@kernel
def _add_products(columns: CSR, rows: CSR, first: int, last: int, gram: np.ndarray) -> None:
    """Add the products of the columns from `first` to `last` with those up to themselves."""
    starts, members, values = columns
    row_starts, others, other_values = rows
    for column in range(first, last):
        sums = gram[column]
        for entry in range(starts[column], starts[column + 1]):
            value = np.float64(values[entry])
            for place in range(row_starts[members[entry]], row_starts[members[entry] + 1]):
                if others[place] > column:
                    break
                sums[others[place]] += value * other_values[place]


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


def _inverse(gram: np.ndarray, penalty: float) -> np.ndarray:
    """(gram + penalty · I)⁻¹ in the memory of `gram`, by Cholesky's decomposition.

    Of `gram` nothing above the diagonal is read. Rows of the result are contiguous.
    """
    gram.flat[:: len(gram) + 1] += penalty
    return linalg.inv(gram.T, overwrite_a=True, assume_a="pos", check_finite=False).T
