"""Model `svds`: truncated singular value decomposition of the ratings minus each user's mean.

rating ≈ mean_u + (U S Vᵀ)_ui, a missing rating counting as the user's mean: Sarwar et al. (2000),
"Application of Dimensionality Reduction in Recommender System".
"""

from typing import Self

import numpy as np
from pydantic import PositiveInt
from scipy import sparse

from reelbench.models.base import Features, Interactions, Section
from reelbench.models.shared.biases import group_means
from reelbench.models.shared.factors import FactorModel, Factors
from reelbench.models.shared.user_items import NewUser, with_unknown


class SVDSConfig(Section):
    """Parameters."""

    factors: PositiveInt = 50  # singular values that are kept; fewer where the matrix has fewer


class SVDS(FactorModel):
    """A cold or unknown item has the user's mean, a cold or unknown user the mean of train.

    The seed changes rounding errors alone. Fold-in is exact: of centred ratings A = U S Vᵀ the rows
    of U S are those of A V, and so is a new row's.
    """

    config: SVDSConfig

    def _factorise(self, train: Interactions, valid: Interactions, features: Features) -> Factors:
        ids = features.ids
        mean = float(train.rating.mean(dtype=np.float64))
        bias = group_means(train.user_idx, train.rating, ids.n_users + 1) - mean
        residual = train.rating - mean - bias[train.user_idx]
        users, items = self._decompose(with_unknown(train, residual, ids))
        return Factors(mean, bias, np.zeros(ids.n_items + 1), users, items)

    def _fold_in(self, user: NewUser) -> Self:
        mean = float(user.ratings.mean())
        vector = (user.ratings - mean) @ self._factors.item_factors[user.items]
        return self._with_user(mean - self._factors.mean, vector)

    def _decompose(self, matrix: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
        """U S and V of the largest singular values; rows without an entry are zero."""
        size = min(self.config.factors, min(matrix.shape) - 1)
        if not matrix.data.any():  # ARPACK refuses a matrix of zeros
            return np.zeros((matrix.shape[0], size)), np.zeros((matrix.shape[1], size))
        if 2 * size >= min(matrix.shape):
            # ARPACK, asked for most of a matrix, starts again from vectors that no seed reaches
            left, values, right = np.linalg.svd(matrix.toarray(), full_matrices=False)
            left, values, right = left[:, :size], values[:size], right[:size]
        else:
            start = np.random.default_rng(self.seed).normal(size=min(matrix.shape))
            left, values, right = sparse.linalg.svds(matrix, k=size, v0=start)
        users, items = left * values, right.T
        users[np.diff(matrix.indptr) == 0] = 0.0
        items[np.bincount(matrix.indices, minlength=len(items)) == 0] = 0.0
        return users, items
