"""Model `st`: sentence embeddings of items, a ridge regression over items and one more per user.

1. Biases of items shrink towards a ridge regression from an item's features to its bias, so that a
   cold item starts from what its text says (`shared/biases.py`). It is linear, or a kernel ridge:
   similar items have similar biases.
2. The residuals of a user's ratings after the biases are regressed on the features of the rated
   items: w_u = (XᵀX + λI)⁻¹ Xᵀe, closed form (Hoerl & Kennard 1970), no iterations and no seed.
"""

from typing import Literal, Self

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt
from scipy.linalg import cholesky, solve_triangular
from typing_extensions import override

from reelbench.features.matrices import dense_columns, principal_components
from reelbench.models.base import Features, Interactions
from reelbench.models.shared.biases import Biases, damped_biases
from reelbench.models.shared.factors import FactorModel, Factors
from reelbench.models.shared.user_items import NewUser, groups
from reelbench.params import ParamsError, Section

_JITTER = 1e-6  # added to the diagonal: items with the same features make the kernel singular


class STConfig(Section):
    """Parameters."""

    #: factor on the columns of a declared block, 1 for a block without one: a text vector has
    #: length 1, a row of genres has not
    weights: dict[str, PositiveFloat] = Field(default_factory=dict)
    components: PositiveInt = 128  # principal components of the weighted columns that are kept
    user_damping: PositiveFloat = 5.0  # pseudo-ratings at the mean that every user has as well
    item_damping: PositiveFloat = 5.0  # likewise, of every item, at what its features suggest
    item_kernel: Literal["linear", "gaussian"] = "linear"  # of the regression on items' features
    gamma: PositiveFloat = 0.4  # of the Gaussian kernel: how fast it falls with squared distance
    #: of the Gaussian kernel: items of train that stand for all, by chance where there are more.
    #: Memory grows with items times landmarks, time with its square
    landmarks: PositiveInt = 2000
    item_regularization: PositiveFloat = 2.0  # L2 penalty of that regression
    user_regularization: PositiveFloat = 4.0  # L2 penalty λ of each user's own ridge


class ST(FactorModel):
    """Ridge regressions on item features; cold users have no weights, unknown items no features.

    Fold-in is exact: the user's bias, and their own ridge regression.
    """

    Config = STConfig
    config: STConfig

    @property
    @override
    def stochastic(self) -> bool:  # type: ignore[override]
        return self.config.item_kernel == "gaussian"  # with more items than landmarks

    def _factorise(self, train: Interactions, valid: Interactions, features: Features) -> Factors:
        config, known = self.config, np.unique(train.item_idx)
        items = principal_components(self._columns(features), known, config.components)
        of_biases = items  # what biases of items are regressed on
        if config.item_kernel == "gaussian":
            some = np.random.default_rng(self.seed).permutation(known)[: config.landmarks]
            of_biases = kernel_columns(items, np.sort(some), config.gamma)
        penalty, dampings = config.item_regularization, (config.user_damping, config.item_damping)
        biases = damped_biases(
            train, features.ids, *dampings, columns=of_biases, regularization=penalty
        )
        items = np.vstack([items, np.zeros((1, items.shape[1]))])
        residual = train.rating - biases.predict(train.user_idx, train.item_idx)
        # a cold user has no weights, nor has the unknown one in the last row
        users = np.zeros((features.ids.n_users + 1, items.shape[1]))
        for user, rows in groups(train.user_idx):
            rated = items[train.item_idx[rows]]
            users[user] = ridge(rated, residual[rows], config.user_regularization)
        return Factors(biases.mean, biases.user, biases.item, users, items)

    def _columns(self, features: Features) -> np.ndarray:
        """Weighted columns of the declared blocks, float64 (n_items, d)."""
        weights = self.config.weights
        if unknown := set(weights) - set(features):
            raise ParamsError(
                f"weights are given for {', '.join(sorted(unknown))}, but the model's features are "
                f"{', '.join(sorted(features)) or '(none)'}"
            )
        n_items = features.ids.n_items
        columns = [
            weights.get(name, 1.0) * dense_columns(features[name], n_items) for name in features
        ]
        return np.hstack([np.zeros((n_items, 0)), *columns])

    def _fold_in(self, user: NewUser) -> Self:
        factors = self._factors
        biases = Biases(factors.mean, factors.user_bias, factors.item_bias)
        folded, residual = biases.fold_in(user, self.config.user_damping)
        rated = factors.item_factors[user.items]
        weights = ridge(rated, residual, self.config.user_regularization)
        return self._with_user(float(folded.user[-1]), weights)


def ridge(design: np.ndarray, target: np.ndarray, regularization: float) -> np.ndarray:
    """Weights (d,) of a ridge without intercept, from the smaller of n and d equations."""
    n_rows, n_columns = design.shape
    if n_rows < n_columns:
        kernel = design @ design.T + regularization * np.eye(n_rows)
        return design.T @ np.linalg.solve(kernel, target)
    gram = design.T @ design + regularization * np.eye(n_columns)
    return np.linalg.solve(gram, design.T @ target)


def kernel_columns(columns: np.ndarray, landmarks: np.ndarray, gamma: float) -> np.ndarray:
    """Columns whose inner products are exp(-gamma |a - b|²), exactly so between landmarks.

    K(·, L) chol(K(L, L))⁻ᵀ, the Nyström approximation (Williams & Seeger 2001, "Using the Nyström
    Method to Speed Up Kernel Machines"): a ridge regression on these columns is the kernel ridge
    regression where all rows that it learns from are landmarks. Memory is rows times landmarks:
    float64 (n, m) of columns (n, d) and the numbers of m rows.
    """
    others = columns[landmarks]
    squares = (columns**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * columns @ others.T
    kernel = np.exp(-gamma * np.maximum(squares, 0.0))
    among = kernel[landmarks] + _JITTER * np.eye(len(landmarks))
    root = cholesky(among, lower=True)
    return solve_triangular(root, kernel.T, lower=True).T
