"""Model `nmf`: the product of two matrices without negative entries, as Surprise's NMF.

rating ≈ q_i·p_u, Luo et al. (2014), "An Efficient Non-Negative Matrix-Factorization-Based Approach
to Collaborative Filtering for Recommender Systems".
"""

from functools import partial
from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from scipy import sparse

from reelbench.models.base import Features, Interactions, Section
from reelbench.models.shared.factors import FactorModel, Factors
from reelbench.models.shared.surprise_base import RatingsByUser, known_pairs
from reelbench.models.shared.user_items import NewUser
from reelbench.parallel import CSR, for_row_blocks, kernel, parts

_ROWS_AT_ONCE = 256


class NMFConfig(Section):
    """Parameters; the defaults are Surprise's."""

    factors: PositiveInt = 15  # length of the vectors of users and items
    epochs: PositiveInt = 50  # passes over the ratings
    user_regularization: NonNegativeFloat = 0.06  # L2 penalty of the factors of users
    item_regularization: NonNegativeFloat = 0.06  # L2 penalty of the factors of items
    init_max: PositiveFloat = 1.0  # factors start anywhere between 0 and this


class NMF(FactorModel):
    """Surprise's NMF without biases; where user or item is cold or unknown, the mean of train.

    Fold-in: factors by least squares that are not negative, with the penalty per rating; close to
    those of training.
    """

    config: NMFConfig
    stochastic = True
    _markers = 2  # see `known_pairs`

    def _factorise(self, train: Interactions, valid: Interactions, features: Features) -> Factors:
        config, ratings = self.config, RatingsByUser.of(train)
        random = np.random.RandomState(self.seed)
        users, items = (
            random.uniform(0.0, config.init_max, (len(index), config.factors))
            for index in (ratings.users, ratings.items)
        )
        starts, columns, values = ratings.matrix
        shape = len(ratings.users), len(ratings.items)
        by_item = parts(sparse.csr_array(sparse.csr_array((values, columns, starts), shape).T))
        for _ in range(config.epochs):
            users, items = (
                self._updated(ratings.matrix, users, items, config.user_regularization),
                self._updated(by_item, items, users, config.item_regularization),
            )
        mean = float(train.rating.mean(dtype=np.float64))
        return ratings.in_catalogue(known_pairs(mean, 0.0, 0.0, users, items), features.ids)

    def _updated(
        self, ratings: CSR, own: np.ndarray, other: np.ndarray, penalty: float
    ) -> np.ndarray:
        """Factors (n, d) of the rows of a matrix of ratings after an update."""
        updated = np.empty_like(own)

        def work(rows: slice) -> None:
            _update(ratings, own, other, penalty, (rows.start, rows.stop), updated)

        for_row_blocks(work, len(own), block=_ROWS_AT_ONCE, threads=self.threads)
        return updated

    def _fold_in(self, user: NewUser) -> Self:
        from scipy.optimize import nnls  # 0.2 s that other models need not wait for

        items = self._factors.item_factors[user.items, : -self._markers]
        ridge = np.sqrt(len(items) * self.config.user_regularization) * np.eye(items.shape[1])
        target = np.append(user.ratings, np.zeros(items.shape[1]))
        vector, _ = nnls(np.vstack([items, ridge]), target)
        return self._with_user(0.0, np.append(vector, [-self._factors.mean, 1.0]))


@partial(kernel, reorder=True)
def _update(
    ratings: CSR,
    own: np.ndarray,
    other: np.ndarray,
    penalty: float,
    rows: tuple[int, int],
    updated: np.ndarray,
) -> None:
    """The multiplicative update of the factors of some rows, whose columns have factors `other`."""
    starts, columns, values = ratings
    up, down = np.empty(own.shape[1]), np.empty(own.shape[1])
    for row in range(*rows):
        mine = own[row]
        up[:], down[:] = 0.0, 0.0
        for entry in range(starts[row], starts[row + 1]):
            theirs, rating, dot = other[columns[entry]], values[entry], 0.0
            for f in range(len(mine)):
                dot += mine[f] * theirs[f]
            for f in range(len(mine)):
                up[f] += theirs[f] * rating
                down[f] += theirs[f] * dot
        # the penalty counts once per rating; a factor that is 0 stays 0
        count = starts[row + 1] - starts[row]
        for f in range(len(mine)):
            factor = mine[f]
            total = down[f] + count * penalty * factor
            updated[row, f] = factor * up[f] / total if factor != 0.0 else 0.0
