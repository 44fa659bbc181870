from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from reelbench.evaluation.metrics import RatingMetric, values_of
from reelbench.evaluation.rating_metrics import calibration, calibration_error, error_sums, total

ORACLES = {
    "rmse": sklearn_metrics.root_mean_squared_error,
    "mae": sklearn_metrics.mean_absolute_error,
    "mse": sklearn_metrics.mean_squared_error,
    "r2": sklearn_metrics.r2_score,
    "explained_variance": sklearn_metrics.explained_variance_score,
}


def errors(actual: object, predicted: object) -> dict[str, float]:
    actual, predicted = np.asarray(actual), np.asarray(predicted)
    group = np.arange(len(actual)) % 3
    whole = total(error_sums(group, 3, actual, predicted))
    return {key: float(value) for key, value in values_of(RatingMetric, whole).items()}


def test_by_hand() -> None:
    # errors e = predicted - actual: -1, 1, 1, 0; actual has mean 3 and squares around it 4+1+1+4
    result = errors([1, 2, 4, 5], [0, 3, 5, 5])
    assert result["mse"] == pytest.approx(3 / 4)
    assert result["rmse"] == pytest.approx(0.75**0.5)
    assert result["mae"] == pytest.approx(3 / 4)
    assert result["r2"] == pytest.approx(1 - 3 / 10)
    # Σe = 1, so Σ(e - mean)² = 3 - 1/4
    assert result["explained_variance"] == pytest.approx(1 - 2.75 / 10)


def test_a_constant_shift_costs_r2_but_no_explained_variance() -> None:
    result = errors([1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 5.0])
    assert result["explained_variance"] == pytest.approx(1.0)
    assert result["r2"] == pytest.approx(1 - 4 / 5)


def test_by_group_and_in_total() -> None:
    # group 0: errors 1 and -1; group 1 has no rating; group 2: error 3
    by_group = error_sums(np.array([0, 0, 2]), 3, np.array([1, 2, 2]), np.array([2, 1, 5]))
    assert by_group.n.tolist() == [2, 0, 1]
    assert by_group.squared.tolist() == [2, 0, 9]
    assert by_group.absolute.tolist() == [2, 0, 3]
    assert float(total(by_group).squared) == 11


def test_agrees_with_scikit_learn() -> None:
    for case in range(200):
        rng = np.random.default_rng(case)
        n = int(rng.integers(2, 300))
        actual = rng.integers(1, 6, size=n).astype(np.float32)
        predicted = rng.normal(3.5, 1, size=n).astype(np.float32)
        result = errors(actual, predicted)
        for key, oracle in ORACLES.items():
            expected = oracle(actual.astype(np.float64), predicted.astype(np.float64))
            assert result[key] == pytest.approx(expected, abs=1e-9), key


@pytest.mark.parametrize("actual", [[4.0, 4.0, 4.0], [2.5, 2.5, 2.5]])
@pytest.mark.parametrize("shift", [0.0, 0.5])
@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_equal_ratings_are_answered_as_scikit_learn_does(
    actual: list[float], shift: float, slope: float
) -> None:
    predicted = np.array(actual) + shift + slope * np.arange(3)
    result = errors(actual, predicted)
    assert result["r2"] == ORACLES["r2"](actual, predicted)
    assert result["explained_variance"] == ORACLES["explained_variance"](actual, predicted)


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(ValueError, match="no test ratings"):
        errors([], [])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        errors([1.0, 2.0], [1.0, bad])


def test_equal_ratings_that_are_no_binary_fractions_do_not_explode() -> None:
    # their mean is not exactly 0.1, so a naive variance is 1e-34 and R² minus 6e33
    assert errors([0.1, 0.1, 0.1], [0.6, 0.6, 0.6])["r2"] == 0


def test_by_hand_of_calibration() -> None:
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
