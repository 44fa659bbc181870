"""The mean of sampled machines, as biases and factors of users and items.

With x = (x_u, x_i) and q = Σ_j v_j x_j of either part, the machine's sum over pairs of columns is

    Σ_{j<k} (v_j·v_k) x_j x_k = p(x_u) + p(x_i) + q_u·q_i,   p(x) = (|q|² - Σ_j |v_j|² x_j²) / 2

(Rendle 2010, lemma 3.1), and likewise for two parts of x_u or of x_i. Over samples the numbers per
user and item are averaged, and the factors stand beside each other, compressed now and then.
"""

import numpy as np
from scipy import sparse

from reelbench.models.fm.design import Side

_COLUMNS = 320  # columns gathered before they are compressed: bounds the memory, not the result


class SideSample:
    """One side of one sample: `bias` float64 (n + 1,), `factors` float64 (n + 1, rank)."""

    def __init__(self, side: Side, weights: np.ndarray, vectors: np.ndarray) -> None:
        n_own = side.own.shape[1]
        own_bias, own = _machine(side.own, weights[:n_own], vectors[:n_own])
        cold = np.ones(len(own), dtype=bool)
        cold[side.warm] = False
        for values in (own_bias, own):
            values[cold] = values[side.warm].mean(axis=0)
        known_bias, known = _machine(side.known, weights[n_own:], vectors[n_own:])
        self.factors = own + known
        self.bias = own_bias + known_bias + (own * known).sum(axis=1)


def _machine(
    rows: sparse.csr_array, weights: np.ndarray, vectors: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Σ_j w_j x_j + p(x), float64 (n,), and q, float64 (n, rank), of every row x."""
    q = rows @ vectors
    squares = rows.multiply(rows) @ (vectors**2).sum(axis=1)
    return rows @ weights + ((q**2).sum(axis=1) - squares) / 2, q


class PosteriorMean:
    """Mean over the samples given to `add`; biases are float64 (n + 1,)."""

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance
        self._n = 0
        self.user_bias, self.item_bias = np.zeros(1), np.zeros(1)
        self._users: list[np.ndarray] = []
        self._items: list[np.ndarray] = []

    def add(self, users: SideSample, items: SideSample) -> None:
        """Take one sample into the mean."""
        self._n += 1
        self.user_bias = self.user_bias + (users.bias - self.user_bias) / self._n
        self.item_bias = self.item_bias + (items.bias - self.item_bias) / self._n
        self._users.append(users.factors)
        self._items.append(items.factors)
        if sum(part.shape[1] for part in self._users[1:]) >= _COLUMNS:
            self._compress()

    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """Factors (n_users + 1, d) and (n_items + 1, d) whose product is the mean product."""
        self._compress()
        return self._users[0] / self._n, self._items[0]

    def _compress(self) -> None:
        # the product is that of the sum over samples so far
        tolerance = self._tolerance * self._n
        left, right = low_rank(np.hstack(self._users), np.hstack(self._items), tolerance)
        self._users, self._items = [left], [right]


def low_rank(
    left: np.ndarray, right: np.ndarray, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Matrices (n, d) and (m, d) of nearly the same product as (n, k) and (m, k), d ≤ min(n, m, k).

    U√S and V√S of the product's largest singular values, which the QR decompositions of both give
    without making the product; `tolerance` is the root mean square by which it may change.
    """
    left_basis, left_core = np.linalg.qr(left)
    right_basis, right_core = np.linalg.qr(right)
    u, values, vt = np.linalg.svd(left_core @ right_core.T)
    # squares of the error of keeping the first 0, 1, 2, … values, the least that is possible
    error = np.append(np.cumsum(values[::-1] ** 2)[::-1], 0.0) / (len(left) * len(right))
    kept = max(1, int((error > tolerance**2).sum()))
    root = np.sqrt(values[:kept])
    return left_basis @ (u[:, :kept] * root), right_basis @ (vt[:kept].T * root)
