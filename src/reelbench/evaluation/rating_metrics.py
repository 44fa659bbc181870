"""Error of predicted ratings, computed from sums: a resample of users needs no second pass.

Every error metric is a function of `ErrorSums`. The sums over all test rows give the headline,
those of one user the per-user table, and weighted sums of them the bootstrap: one formula for all.

    >>> import numpy as np
    >>> sums = error_sums(np.array([0, 0, 1]), 2, np.array([5, 3, 2]), np.array([4, 3, 4]))
    >>> mae(sums)
    array([0.5, 2. ])
    >>> round(float(rmse(total(sums))), 3)
    1.291
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reelbench import columns
from reelbench.evaluation import Floats, Ints

CalibrationTable = dict[str, NDArray[Any]]

#: column of the per-user table for each field of `ErrorSums`, in their order
SUM_COLUMNS = (
    columns.N_TEST,
    columns.ERROR,
    columns.ABSOLUTE_ERROR,
    columns.SQUARED_ERROR,
    columns.DEVIATION,
    columns.SQUARED_DEVIATION,
)

_ROUNDING = 1e-12  # a variance below this share of the squares it comes from is rounding


class ErrorSums(NamedTuple):
    """Sums over ratings; arrays of one shape (one number per group of ratings).

    With e = predicted - given, and r = given minus a constant: n, Σe, Σ|e|, Σe², Σr, Σr². The
    constant (mean of all given ratings) changes no metric and keeps the variance's last digits.
    """

    n: Floats
    error: Floats
    absolute: Floats
    squared: Floats
    rating: Floats
    rating_squared: Floats


def error_sums(group: Ints, n_groups: int, actual: Floats, predicted: Floats) -> ErrorSums:
    """Sums over ratings (n,) by group, int (n,), such as the row of a user: float64 (n_groups,).

    No ratings, or a rating or prediction that is not finite, is a ValueError.
    """
    every = (np.ones(len(actual)), *error_terms(actual, predicted))
    return ErrorSums(*(np.bincount(group, of, minlength=n_groups).astype(float) for of in every))


def error_terms(actual: Floats, predicted: Floats) -> tuple[Floats, ...]:
    """What `ErrorSums` has the sums of, but for n: five arrays, float64 (n,); see `error_sums`."""
    given = np.asarray(actual, dtype=np.float64)
    error = np.asarray(predicted, dtype=np.float64) - given
    if len(given) == 0:
        raise ValueError("there are no test ratings to measure an error on")
    if not np.isfinite(error).all():
        raise ValueError("ratings and predictions must be finite")
    rating = given - given.mean()
    return error, np.abs(error), error**2, rating, rating**2


def total(per_group: ErrorSums) -> ErrorSums:
    """Sums over all groups together, 0-dimensional."""
    return ErrorSums(*(np.asarray(column.sum()) for column in per_group))


def mse(sums: ErrorSums) -> Floats:
    """Mean squared error, Σe²/n, in squared rating units."""
    return sums.squared / sums.n


def rmse(sums: ErrorSums) -> Floats:
    """Root mean squared error, √(Σe²/n), in rating units."""
    return np.sqrt(mse(sums))


def mae(sums: ErrorSums) -> Floats:
    """Mean absolute error, Σ|e|/n, in rating units."""
    return sums.absolute / sums.n


def r2(sums: ErrorSums) -> Floats:
    """Coefficient of determination, 1 - Σe²/Σ(r - mean)²; below 0 if the mean predicts better.

    Where all given ratings are equal: 1 if the predictions are perfect and 0 otherwise, as in
    scikit-learn's `r2_score`.
    """
    return _explained(sums.squared, sums)


def explained_variance(sums: ErrorSums) -> Floats:
    """1 - Var(e)/Var(r): R², see there, without the penalty for a constant shift of predictions."""
    return _explained(sums.squared - sums.error**2 / sums.n, sums)


def _explained(unexplained: Floats, sums: ErrorSums) -> Floats:
    spread = sums.rating_squared - sums.rating**2 / sums.n
    flat = spread <= _ROUNDING * sums.rating_squared
    share = 1 - unexplained / np.where(flat, 1, spread)
    perfect = unexplained <= _ROUNDING * sums.squared
    return np.where(flat, np.where(perfect, 1.0, 0.0), share)


def calibration(
    actual: Floats, predicted: Floats, low: float, high: float, n_bins: int
) -> CalibrationTable:
    """Mean given rating by bins of the predicted rating, both (n,).

    Bins have equal width over the rating scale [low, high] and exclude their upper end, but for the
    last; a bin without predictions is left out. The columns are `bin_low`, `bin_high`, `n_test`,
    `mean_predicted` and `mean_given`, a row per bin.
    """
    edges = np.linspace(low, high, n_bins + 1)
    place = np.clip(np.searchsorted(edges, predicted, side="right") - 1, 0, n_bins - 1)
    count = np.bincount(place, minlength=n_bins)
    used = np.flatnonzero(count)
    sums = [np.bincount(place, of, minlength=n_bins)[used] for of in (predicted, actual)]
    return {
        columns.BIN_LOW: edges[used],
        columns.BIN_HIGH: edges[used + 1],
        columns.N_TEST: count[used],
        columns.MEAN_PREDICTED: sums[0] / count[used],
        columns.MEAN_GIVEN: sums[1] / count[used],
    }


def calibration_error(table: CalibrationTable) -> float:
    """Expected calibration error: Σ_b n_b/n · |mean predicted - mean given|, in rating units.

    Naeini et al. (AAAI 2015) and Guo et al. (ICML 2017), with ratings in place of confidences
    and hits. 0 where every bin's mean is right; the spread within a bin does not count.

    >>> import numpy as np
    >>> calibration_error(calibration(np.array([2, 4, 4]), np.array([1, 2, 5]), 1, 5, 2))
    1.3333333333333333
    """
    gap = np.abs(table[columns.MEAN_PREDICTED] - table[columns.MEAN_GIVEN])
    return float(gap @ table[columns.N_TEST] / table[columns.N_TEST].sum())
