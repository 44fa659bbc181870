from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reelbench.columns import ABSOLUTE_ERROR, N_TEST, SQUARED_ERROR, USER_IDX
from reelbench.evaluation.metrics import RatingMetric, keys_of
from reelbench.evaluation.rating_metrics import error_sums
from reelbench.evaluation.significance import (
    ALPHA,
    compared,
    enough_resamples,
    holm,
    intervals,
    paired,
    resampled_sums,
    resampling,
)

SAMPLES = 2000


def table(squared: np.ndarray, ndcg: np.ndarray | None = None) -> pd.DataFrame:
    users = len(squared)
    return pd.DataFrame(
        {
            USER_IDX: np.arange(users),
            N_TEST: np.full(users, 2),
            SQUARED_ERROR: squared,
            ABSOLUTE_ERROR: squared,
            "ndcg_at_10": np.full(users, 0.5) if ndcg is None else ndcg,
        }
    )


def test_resampled_sums_draw_whole_users() -> None:
    # one column counts draws, one holds powers of four: its digits tell how often each was drawn
    columns = np.column_stack([np.ones(4), 4.0 ** np.arange(4) * 5])
    sums = resampled_sums(columns, 500, np.random.default_rng(0))
    assert sums.shape == (500, 2)
    assert (sums[:, 0] == 4).all()
    possible = {sum(5 * 4.0**u for u in draw) for draw in np.ndindex(4, 4, 4, 4)}
    assert set(sums[:, 1]) <= possible
    assert len(set(sums[:, 1])) > 20


def test_batches_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = np.random.default_rng(1).normal(size=(30, 2))
    whole = resampled_sums(columns, 50, np.random.default_rng(2))
    monkeypatch.setattr("reelbench.evaluation.significance._WEIGHTS_AT_ONCE", 100)
    np.testing.assert_allclose(whole, resampled_sums(columns, 50, np.random.default_rng(2)))


def test_same_seed_same_interval() -> None:
    values = {"x": np.random.default_rng(3).normal(size=50)}
    first = intervals(None, values, 200, resampling(42))
    assert first == intervals(None, values, 200, resampling(42))
    assert first != intervals(None, values, 200, resampling(43))


def test_the_interval_of_a_mean_is_that_of_the_textbook() -> None:
    values = np.random.default_rng(4).normal(3, 2, size=2000)
    low, high = intervals(None, {"x": values}, SAMPLES, resampling(1))["x"]
    half = 1.96 * values.std() / np.sqrt(2000)
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_intervals_cover_the_truth_about_95_times_in_100() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(300):
        low, high = intervals(None, {"x": rng.normal(size=80)}, 300, rng)["x"]
        covered += low <= 0 <= high
    assert 0.91 <= covered / 300 <= 0.98


def test_clustered_ratings_widen_the_interval() -> None:
    # 50 users with 20 ratings each: errors that are all the user's tell less than independent ones
    rng = np.random.default_rng(6)
    users = np.repeat(np.arange(50), 20)
    given = np.zeros(1000)
    by_user = rng.normal(size=50)[users]
    own = rng.normal(size=1000)
    wide, narrow = (
        intervals(error_sums(users, 50, given, error), {}, 500, resampling(0))["rmse"]
        for error in (by_user, own)
    )
    assert wide[1] - wide[0] > 2.5 * (narrow[1] - narrow[0])


def test_users_without_a_value_are_left_out_and_not_zero() -> None:
    values = np.concatenate([np.full(40, 0.7), np.full(60, np.nan)])
    found = intervals(None, {"x": values, "none": np.full(100, np.nan)}, 300, resampling(0))
    assert found.keys() == {"x"}
    assert found["x"] == pytest.approx([0.7, 0.7])


def test_intervals_of_errors_and_of_means_have_the_same_draws() -> None:
    rng = np.random.default_rng(11)
    users, given, predicted = rng.integers(0, 30, 200), rng.random(200), rng.random(200)
    errors = error_sums(users, 30, given, predicted)
    some = np.where(rng.random(30) < 0.3, np.nan, rng.random(30))
    means = {"x": rng.random(30), "some": some, "same": some + 1, "none": np.full(30, np.nan)}
    together = intervals(errors, means, 200, resampling(0))
    alone = intervals(errors, {}, 200, resampling(0))
    for key, values in means.items():
        alone |= intervals(None, {key: values}, 200, resampling(0))
    assert together.keys() == alone.keys() == {*keys_of(RatingMetric), "x", "some", "same"}
    for key, bounds in alone.items():
        assert together[key] == pytest.approx(bounds, abs=1e-12)


def test_a_model_equals_itself() -> None:
    same = table(np.random.default_rng(7).random(50))
    result = paired(same, same, "rmse", SAMPLES, resampling(0))
    assert result == (0, 0, 0, 1)


def test_a_small_but_steady_advantage_is_found_only_in_pairs() -> None:
    squared = np.random.default_rng(8).gamma(0.5, 4, size=300)
    better, worse = table(squared * 0.98), table(squared)
    result = paired(better, worse, "rmse", SAMPLES, resampling(0))
    assert result.high < 0
    assert result.p == pytest.approx(2 / (SAMPLES + 1))
    # the two intervals by themselves overlap widely
    low, high = intervals(None, {"x": squared}, SAMPLES, resampling(0))["x"]
    assert high - low > 10 * abs(squared.mean() * 0.02)


def test_the_difference_is_that_of_the_metrics() -> None:
    # two ratings per user: rmse √(8/4) and √(2/4); mae 8/4 and 2/4
    first, second = table(np.array([2.0, 6.0])), table(np.array([1.0, 1.0]))
    rmse = paired(first, second, "rmse", 50, resampling(0))
    mae = paired(first, second, "mae", 50, resampling(0))
    assert rmse.difference == pytest.approx(2**0.5 - 0.5**0.5)
    assert mae.difference == pytest.approx(1.5)


def test_ranking_metrics_are_means_over_users_with_a_value() -> None:
    first = table(np.ones(3), np.array([0.9, 0.5, np.nan]))
    second = table(np.ones(3), np.array([0.2, 0.2, np.nan]))
    result = paired(first, second, "ndcg_at_10", 50, resampling(0))
    assert result.difference == pytest.approx(0.5)


def test_p_is_uniform_when_there_is_no_difference() -> None:
    rng = np.random.default_rng(9)
    p = [
        paired(table(rng.random(60)), table(rng.random(60)), "mse", 200, rng).p for _ in range(300)
    ]
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.1
    assert 0.4 <= np.mean(p) <= 0.6


def test_several_models_are_compared_as_each_pair_by_itself() -> None:
    rng = np.random.default_rng(10)
    tables = [table(rng.random(80), rng.random(80)) for _ in range(4)]
    pairs = [(0, 1), (2, 3), (3, 0)]
    for metric in ("rmse", "mae", "ndcg_at_10"):
        together = compared(tables, pairs, metric, 300, resampling(0))
        for (first, second), found in zip(pairs, together, strict=True):
            alone = paired(tables[first], tables[second], metric, 300, resampling(0))
            assert found == pytest.approx(alone)


@pytest.mark.parametrize("comparisons", [1, 10, 29, 435])
def test_enough_resamples_leave_room_for_a_real_difference(comparisons: int) -> None:
    samples = enough_resamples(1000, comparisons)
    assert samples >= 1000
    assert comparisons * 2 / (samples + 1) < ALPHA / 2
    assert enough_resamples(10**6, comparisons) == 10**6


def test_other_users_are_refused() -> None:
    first = table(np.ones(3))
    second = first.assign(**{USER_IDX: [0, 1, 3]})
    with pytest.raises(ValueError, match="same test users"):
        paired(first, second, "rmse", 10, resampling(0))


def test_a_metric_that_a_model_lacks_is_refused() -> None:
    first = table(np.ones(3))
    second = first.assign(**{SQUARED_ERROR: None})
    with pytest.raises(ValueError, match="rmse"):
        paired(first, second, "rmse", 10, resampling(0))
    with pytest.raises(ValueError, match="ndcg_at_99"):
        paired(first, first, "ndcg_at_99", 10, resampling(0))


def test_holm_by_hand() -> None:
    # sorted .01 .02 .03 .5 times 4 3 2 1: .04 .06 .06 .5, each at least its predecessor
    corrected = holm(np.array([0.03, 0.01, 0.5, 0.02]))
    assert corrected.tolist() == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm(np.array([0.9, 0.8])).tolist() == [1, 1]
    assert holm(np.array([])).tolist() == []


def test_a_single_user_shows_nothing() -> None:
    """TMDB's ratings are those of one pseudo-user: a resample of users is always the same."""
    one = pd.DataFrame({USER_IDX: [0], N_TEST: [9], SQUARED_ERROR: [9.0], ABSOLUTE_ERROR: [9.0]})
    other = one.assign(**{SQUARED_ERROR: 1.0})
    found = paired(one, other, "rmse", 100, np.random.default_rng(0))
    assert found.difference == pytest.approx(1 - 1 / 3)
    assert (found.low, found.high, found.p) == (-np.inf, np.inf, 1.0)
    per_user = error_sums(np.zeros(3, int), 1, np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 3.0]))
    assert intervals(per_user, {}, 100, np.random.default_rng(0)) == {}
    assert intervals(None, {"x": np.array([0.5])}, 100, np.random.default_rng(0)) == {}
