"""Error of predicted ratings, computed from sums: a resample of users needs no second pass.

Every metric is a function of `Moments`. The moments of all test rows give the headline, those of
one user the per-user table, and weighted sums of them the bootstrap: one formula for all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# a variance below this share of the squares it is a difference of is rounding, not variance
_ROUNDING = 1e-12


class Moments(NamedTuple):
    """Sums over ratings; arrays of one shape (one number per group of ratings).

    With e = predicted - given, and r = given less a constant: n, Σe, Σ|e|, Σe², Σr, Σr². The
    constant (mean of all given ratings) changes no metric and keeps the variance's last digits.
    """

    n: np.ndarray
    error: np.ndarray
    absolute: np.ndarray
    squared: np.ndarray
    rating: np.ndarray
    rating_squared: np.ndarray


def moments(group: np.ndarray, n_groups: int, actual: np.ndarray, predicted: np.ndarray) -> Moments:
    """Moments of each group of ratings.

    Args:
        group: integers (n,), the group of each rating, such as the place of its user.
        n_groups: number of groups.
        actual: given ratings (n,).
        predicted: predicted ratings (n,).

    Returns:
        float64 arrays (n_groups,); zeros for a group without ratings.

    Raises:
        ValueError: no ratings, or a rating or prediction that is not finite.
    """
    given = np.asarray(actual, dtype=np.float64)
    error = np.asarray(predicted, dtype=np.float64) - given
    if len(given) == 0:
        raise ValueError("there are no test ratings to measure an error on")
    if not np.isfinite(error).all():
        raise ValueError("ratings and predictions must be finite")
    rating = given - given.mean()
    columns = (np.ones_like(error), error, np.abs(error), error**2, rating, rating**2)
    return Moments(*(np.bincount(group, column, minlength=n_groups) for column in columns))


def total(per_group: Moments) -> Moments:
    """Moments of all groups together, 0-dimensional."""
    return Moments(*(np.sum(column) for column in per_group))


def mse(m: Moments) -> np.ndarray:
    """Mean squared error, Σe²/n, in squared rating units."""
    return m.squared / m.n


def rmse(m: Moments) -> np.ndarray:
    """Root mean squared error, √(Σe²/n), in rating units."""
    return np.sqrt(mse(m))


def mae(m: Moments) -> np.ndarray:
    """Mean absolute error, Σ|e|/n, in rating units."""
    return m.absolute / m.n


def r2(m: Moments) -> np.ndarray:
    """Coefficient of determination, 1 - Σe²/Σ(r - mean)²; below 0 if the mean predicts better.

    Where all given ratings are equal: 1 if the predictions are perfect and 0 otherwise, as
    scikit-learn's `r2_score` has it.
    """
    return _explained(m.squared, m)


def explained_variance(m: Moments) -> np.ndarray:
    """1 - Var(e)/Var(r): R² without the punishment for a constant shift of the predictions.

    Where all given ratings are equal: as for `r2`.
    """
    return _explained(m.squared - m.error**2 / m.n, m)


def _explained(unexplained: np.ndarray, m: Moments) -> np.ndarray:
    spread = m.rating_squared - m.rating**2 / m.n
    flat = spread <= _ROUNDING * m.rating_squared
    share = 1 - unexplained / np.where(flat, 1, spread)
    perfect = unexplained <= _ROUNDING * m.squared
    return np.where(flat, np.where(perfect, 1.0, 0.0), share)


#: every error metric by its key
ERRORS: dict[str, Callable[[Moments], np.ndarray]] = {
    "rmse": rmse,
    "mae": mae,
    "mse": mse,
    "r2": r2,
    "explained_variance": explained_variance,
}
