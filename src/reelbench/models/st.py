"""Model `st`: sentence embeddings of items, a ridge regression over items and one more per user.

1. Item effects shrink towards a ridge regression from an item's features to its effect, so that a
   cold item starts from what its text says (`shared/biases.py`). It is linear, or a
   kernel ridge: items that are alike have like effects.
2. What the effects leave of a user's ratings is regressed on the features of the rated items:
   w_u = (XᵀX + λI)⁻¹ Xᵀe, closed form (Hoerl & Kennard 1970), no iterations and no seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import PositiveFloat, PositiveInt
from scipy.linalg import cholesky, solve_triangular

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.features.matrices import dense_columns
from reelbench.models.base import Arrays, Recommender
from reelbench.models.shared.biases import Biases, biases_around_prior
from reelbench.params import ParamsError, Section


class STConfig(Section):
    #: factor on the columns of each declared block: a text vector has length 1, a row of ones has
    #: not
    weights: dict[str, PositiveFloat]
    #: principal components of the weighted columns that are kept
    components: PositiveInt
    user_damping: PositiveFloat
    item_damping: PositiveFloat
    #: of the regression from features to item effects
    item_kernel: Literal["linear", "gaussian"]
    #: of the Gaussian kernel: how fast likeness falls with the squared distance of two items
    gamma: PositiveFloat
    #: of the Gaussian kernel: items of train that stand for all, by chance where there are more.
    #: Memory grows with items times landmarks, time with its square
    landmarks: PositiveInt
    #: L2 penalty of that regression
    item_regularization: PositiveFloat
    #: L2 penalty λ of each user's own ridge
    user_regularization: PositiveFloat


class ST(Recommender):
    """Ridge regressions on item features; cold users have no weights, unknown items no features."""

    Config = STConfig

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        known = np.unique(train.item_idx)
        items = principal_components(self._columns(features), known, self.config.components)
        self._effects = biases_around_prior(
            train,
            features.ids,
            self._prior_columns(items, known),
            user_damping=self.config.user_damping,
            item_damping=self.config.item_damping,
            regularization=self.config.item_regularization,
        )
        self._items = np.vstack([items, np.zeros((1, items.shape[1]))])
        self._users = self._fit_users(train, features.ids.n_users)

    def _columns(self, features: Features) -> np.ndarray:
        """Weighted columns of the declared blocks, float64 (n_items, d)."""
        weights = self.config.weights
        if set(weights) != set(features):
            raise ParamsError(
                f"weights are given for the blocks {', '.join(sorted(weights)) or '(none)'}, "
                f"but the model's features are {', '.join(sorted(features)) or '(none)'}"
            )
        n_items = features.ids.n_items
        return np.hstack([weights[n] * dense_columns(features[n], n_items) for n in features])

    def _prior_columns(self, items: np.ndarray, known: np.ndarray) -> np.ndarray:
        """What item effects are regressed on: float64 (n_items, d)."""
        if self.config.item_kernel == "linear":
            return items
        rng = np.random.default_rng(self.seed)
        some = rng.permutation(known)[: self.config.landmarks]
        return kernel_columns(items, np.sort(some), self.config.gamma)

    def _fit_users(self, train: Interactions, n_users: int) -> np.ndarray:
        """Weights of every user, zeros for cold ones and for the last row: (n_users + 1, d)."""
        residual = train.rating - self._effects.predict(train.user_idx, train.item_idx)
        weights = np.zeros((n_users + 1, self._items.shape[1]))
        for user, rows in _rows_by_user(train.user_idx):
            design = self._items[train.item_idx[rows]]
            weights[user] = ridge(design, residual[rows], self.config.user_regularization)
        return weights

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        taste = np.einsum("nd,nd->n", self._users[user_idx], self._items[item_idx])
        return self._effects.predict(user_idx, item_idx) + taste

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        effects = self._effects
        taste = self._users[user_idx] @ self._items[:-1].T
        return effects.mean + effects.user[user_idx, None] + effects.item[:-1] + taste

    def _state(self) -> Arrays:
        return {"items": self._items, "users": self._users, **self._effects.state()}

    def _restore(self, state: Arrays) -> None:
        self._items, self._users = state["items"], state["users"]
        self._effects = Biases.from_state(state)


def principal_components(columns: np.ndarray, rows: np.ndarray, components: int) -> np.ndarray:
    """Columns centred and projected on their first components.

    Args:
        rows: the rows that mean and components are taken from.

    Returns:
        float64 (n, at most `components`).
    """
    centred = columns - columns[rows].mean(axis=0)
    _, _, axes = np.linalg.svd(centred[rows], full_matrices=False)
    return centred @ axes[:components].T


def ridge(design: np.ndarray, target: np.ndarray, regularization: float) -> np.ndarray:
    """Weights (d,) of a ridge without intercept, from the smaller of n and d equations."""
    n_rows, n_columns = design.shape
    if n_rows < n_columns:
        kernel = design @ design.T + regularization * np.eye(n_rows)
        return design.T @ np.linalg.solve(kernel, target)
    gram = design.T @ design + regularization * np.eye(n_columns)
    return np.linalg.solve(gram, design.T @ target)


def _rows_by_user(user_idx: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each user with the row numbers of their ratings, in their order."""
    order = np.argsort(user_idx, kind="stable")
    users, starts = np.unique(user_idx[order], return_index=True)
    yield from zip(users.tolist(), np.split(order, starts[1:]), strict=True)


# added to the diagonal: items with the same features make the kernel singular
_JITTER = 1e-6


def kernel_columns(columns: np.ndarray, landmarks: np.ndarray, gamma: float) -> np.ndarray:
    """Columns whose inner products are exp(-gamma |a - b|²), exactly so between landmarks.

    K(·, L) chol(K(L, L))⁻ᵀ, the Nyström approximation (Williams & Seeger 2001, "Using the Nyström
    Method to Speed Up Kernel Machines"): a ridge regression on these columns is the kernel ridge
    regression where all rows that it learns from are landmarks. Memory is rows times landmarks.

    Args:
        columns: float64 (n, d).
        landmarks: numbers of the m rows that stand for all.
        gamma: how fast the likeness of two rows falls with their squared distance.

    Returns:
        float64 (n, m).
    """
    kernel = _gaussian(columns, columns[landmarks], gamma)
    among = kernel[landmarks] + _JITTER * np.eye(len(landmarks))
    root = cholesky(among, lower=True)
    return solve_triangular(root, kernel.T, lower=True).T


def _gaussian(rows: np.ndarray, others: np.ndarray, gamma: float) -> np.ndarray:
    squares = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * rows @ others.T
    return np.exp(-gamma * np.maximum(squares, 0.0))
