from __future__ import annotations

import numpy as np
import pytest

from reelbench.evaluation.rating_metrics import calibration, calibration_error


def test_by_hand() -> None:
    # bins [1, 3) and [3, 5]: predictions 1 and 2 for 2 and 4, prediction 5 for 4
    table = calibration(np.array([2, 4, 4]), np.array([1.0, 2.0, 5.0]), 1, 5, 2)
    assert table["n_test"].tolist() == [2, 1]
    assert table["mean_predicted"].tolist() == [1.5, 5]
    assert table["mean_given"].tolist() == [3, 4]
    assert table["bin_low"].tolist() == [1, 3]
    assert calibration_error(table) == pytest.approx((2 * 1.5 + 1 * 1) / 3)


def test_an_edge_belongs_to_the_bin_above_and_the_last_to_the_last() -> None:
    table = calibration(np.ones(3), np.array([3.0, 5.0, 1.0]), 1, 5, 2)
    assert table["n_test"].tolist() == [1, 2]


def test_empty_bins_are_left_out() -> None:
    table = calibration(np.ones(2), np.array([1.1, 4.9]), 1, 5, 8)
    assert len(table["n_test"]) == 2


def test_a_perfect_and_a_shifted_forecast() -> None:
    rng = np.random.default_rng(0)
    predicted = rng.uniform(2, 4, 5000)
    assert calibration_error(calibration(predicted, predicted, 1, 5, 16)) == pytest.approx(0)
    shifted = calibration(predicted + 0.3, predicted, 1, 5, 16)
    assert calibration_error(shifted) == pytest.approx(0.3)


def test_agrees_with_scikit_learns_calibration_curve() -> None:
    for seed in range(20):
        from sklearn.calibration import calibration_curve

        rng = np.random.default_rng(seed)
        given = rng.integers(0, 2, 300)
        predicted = rng.random(300)
        table = calibration(given, predicted, 0, 1, 10)
        actual, mean = calibration_curve(given, predicted, n_bins=10)
        assert table["mean_given"].tolist() == pytest.approx(actual.tolist())
        assert table["mean_predicted"].tolist() == pytest.approx(mean.tolist())
