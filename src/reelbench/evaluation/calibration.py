"""Whether ratings predicted near a value turn out near it."""

from __future__ import annotations

import numpy as np

from reelbench.columns import BIN_HIGH, BIN_LOW, MEAN_GIVEN, MEAN_PREDICTED, N_TEST


def calibration(
    actual: np.ndarray, predicted: np.ndarray, low: float, high: float, n_bins: int
) -> dict[str, np.ndarray]:
    """Mean given against mean predicted rating, by bins of the predicted one.

    Bins are of equal width over the rating scale [low, high], each without its upper end but the
    last; a bin without predictions is left out.

    Returns:
        columns `bin_low`, `bin_high`, `n_test`, `mean_predicted`, `mean_given`, a row per bin.
    """
    edges = np.linspace(low, high, n_bins + 1)
    place = np.clip(np.searchsorted(edges, predicted, side="right") - 1, 0, n_bins - 1)
    count = np.bincount(place, minlength=n_bins)
    used = np.flatnonzero(count)
    sums = [np.bincount(place, of, minlength=n_bins)[used] for of in (predicted, actual)]
    return {
        BIN_LOW: edges[used],
        BIN_HIGH: edges[used + 1],
        N_TEST: count[used],
        MEAN_PREDICTED: sums[0] / count[used],
        MEAN_GIVEN: sums[1] / count[used],
    }


def calibration_error(table: dict[str, np.ndarray]) -> float:
    """Expected calibration error: Σ_b n_b/n · |mean predicted - mean given|, in rating units.

    Naeini et al. (AAAI 2015) and Guo et al. (ICML 2017), with ratings in the place of confidences
    and hits. 0 where every bin's mean is right; it says nothing of the spread within a bin.
    """
    gap = np.abs(table[MEAN_PREDICTED] - table[MEAN_GIVEN])
    return float(gap @ table[N_TEST] / table[N_TEST].sum())
