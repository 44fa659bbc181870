from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reelbench.columns import ABSOLUTE_ERROR, N_TEST, SQUARED_ERROR, USER_IDX
from reelbench.evaluation.metrics import RatingMetric, keys_of
from reelbench.evaluation.rating_metrics import error_sums
from reelbench.evaluation.significance import (
    ALPHA,
    P_FLOOR,
    Pair,
    compared_pairs,
    holm,
    intervals,
    p_text,
    pairs_frame,
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


def paired(first: pd.DataFrame, second: pd.DataFrame, metric: str, samples: int, seed: int) -> Pair:
    tables = {"first": first, "second": second}
    return compared_pairs(tables, metric, samples, seed, margin=0.0)[0]


def test_a_model_equals_itself() -> None:
    same = table(np.random.default_rng(7).random(50))
    result = paired(same, same, "rmse", SAMPLES, 0)
    assert (result.difference, result.low, result.high) == (0, 0, 0)
    assert (result.p, result.p_step_down, result.p_sign_flip) == (1, 1, 1)
    assert (result.share_better, result.share_equal, result.share_worse) == (0, 1, 0)
    assert result.verdict == "equivalent"


def test_a_small_but_steady_advantage_is_found_only_in_pairs() -> None:
    squared = np.random.default_rng(8).gamma(0.5, 4, size=300)
    better, worse = table(squared * 0.98), table(squared)
    result = paired(better, worse, "rmse", SAMPLES, 0)
    assert result.high < 0
    assert result.p == P_FLOOR
    assert result.better == "first" and result.share_better == 1
    # the two intervals by themselves overlap widely
    low, high = intervals(None, {"x": squared}, SAMPLES, resampling(0))["x"]
    assert high - low > 10 * abs(squared.mean() * 0.02)


def test_the_difference_is_that_of_the_metrics() -> None:
    # two ratings per user: rmse √(8/4) and √(2/4); mae 8/4 and 2/4
    first, second = table(np.array([2.0, 6.0])), table(np.array([1.0, 1.0]))
    rmse = paired(first, second, "rmse", 50, 0)
    mae = paired(first, second, "mae", 50, 0)
    assert rmse.difference == pytest.approx(2**0.5 - 0.5**0.5)
    assert mae.difference == pytest.approx(1.5)


def test_ranking_metrics_are_means_over_users_with_a_value() -> None:
    first = table(np.ones(3), np.array([0.9, 0.5, np.nan]))
    second = table(np.ones(3), np.array([0.2, 0.2, np.nan]))
    result = paired(first, second, "ndcg_at_10", 50, 0)
    assert result.difference == pytest.approx(0.5)


def test_p_is_uniform_when_there_is_no_difference() -> None:
    rng = np.random.default_rng(9)
    found = [
        paired(table(rng.random(60)), table(rng.random(60)), "mse", 200, n) for n in range(300)
    ]
    for p in ([pair.p for pair in found], [pair.p_sign_flip for pair in found]):
        assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.1
        assert 0.4 <= np.mean(p) <= 0.6


def random_tables(n: int, users: int, seed: int) -> dict[str, pd.DataFrame]:
    """Skewed errors, and lists most of which have no hit, of models some of which are better."""
    rng = np.random.default_rng(seed)
    of_user, empty = rng.gamma(0.7, 2, users), rng.random(users) < 0.6
    return {
        str(number): table(
            of_user * rng.gamma(2, 1 + 0.2 * number, users),
            np.where(empty & (rng.random(users) < 0.9), 0, rng.random(users) ** (1 + number)),
        )
        for number in range(n)
    }


@pytest.mark.parametrize("metric", ["rmse", "mae", "ndcg_at_10"])
@pytest.mark.parametrize("users", [3, 40, 400])
@pytest.mark.parametrize("samples", [7, 300])
def test_interval_verdict_and_p_value_agree(metric: str, users: int, samples: int) -> None:
    pairs = compared_pairs(random_tables(6, users, users), metric, samples, 0)
    assert len(pairs) == 15
    for pair in (*pairs, *(pair.reversed() for pair in pairs)):
        excludes_zero = pair.low > 0 or pair.high < 0
        assert excludes_zero == (pair.p < ALPHA) == (pair.better is not None)
        assert pair.low <= pair.difference <= pair.high
        assert pair.p_step_down <= pair.p
        assert pair.share_better + pair.share_equal + pair.share_worse == pytest.approx(1)
        assert min(pair.p, pair.p_sign_flip) >= P_FLOOR
        assert (pair.verdict in ("better", "worse")) == excludes_zero
        if not excludes_zero:
            within = max(-pair.low, pair.high) <= 0.01 * min(pair.value, pair.reference)
            assert pair.verdict == ("equivalent" if within else "undecided")
    frame = pairs_frame(pairs)
    assert frame["verdict"].tolist() == [pair.verdict for pair in pairs]
    assert list(pairs_frame([])) == list(frame)


def test_the_other_way_round_is_the_same() -> None:
    tables = random_tables(3, 100, 1)
    pairs = compared_pairs(tables, "rmse", 200, 0)
    turned = compared_pairs(tables, "rmse", 200, 0, [(p.second, p.first) for p in pairs])
    for pair, other in zip(pairs, turned, strict=True):
        for found, expected in zip(pair.reversed()[3:], other[3:], strict=True):
            assert found == pytest.approx(expected)


def test_a_family_has_wider_intervals_than_a_pair() -> None:
    tables = random_tables(8, 300, 2)
    together = compared_pairs(tables, "rmse", 1000, 0)[0]
    alone = compared_pairs(tables, "rmse", 1000, 0, [("0", "1")])[0]
    assert together.difference == pytest.approx(alone.difference)
    # with independent differences of 8 models the ratio would be 3.03 / 1.96
    assert 1.3 < (together.high - together.low) / (alone.high - alone.low) < 1.8
    assert together.p > alone.p
    assert together.minimum_detectable > alone.minimum_detectable


def test_the_interval_of_a_difference_of_means_is_that_of_the_textbook() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(0.5, 0.1, (2, 5000))
    first, second = (table(np.ones(5000), own) for own in values)
    pair = paired(first, second, "ndcg_at_10", SAMPLES, 1)
    error = (values[0] - values[1]).std() / np.sqrt(5000)
    assert pair.high - pair.difference == pytest.approx(1.96 * error, rel=0.06)
    assert pair.minimum_detectable == pytest.approx((1.96 + 0.8416) * error, rel=0.06)


def test_what_three_users_decide_is_not_sure() -> None:
    values = np.zeros((2, 900))
    values[0, :3] = 1.0
    pair = paired(*(table(np.ones(900), own) for own in values), "ndcg_at_10", 2000, 1)
    # the exact sign test of three of three users: p = 0.25
    assert pair.verdict == "undecided" and pair.p > 0.1
    assert pair.p_sign_flip == pytest.approx(0.25, abs=0.03)


def test_lists_that_are_equally_good_for_all_are_not_called_equivalent() -> None:
    tables = random_tables(3, 300, 4)
    nothing = table(np.ones(300), np.zeros(300))
    pairs = compared_pairs({**tables, "x": nothing, "y": nothing}, "ndcg_at_10", 300, 0)
    assert pairs[-1].verdict == "undecided" and pairs[-1].high > 0 and pairs[-1].p == 1


def test_a_small_p_value_is_told_from_a_smaller_one() -> None:
    rng = np.random.default_rng(5)
    found = []
    for shift in (0.0035, 0.005, 0.01):
        values = rng.normal(0.5, 0.02, 400)
        values -= values.mean() - 0.5
        first, second = (table(np.ones(400), own) for own in (values + shift, 0 * values + 0.5))
        found.append(paired(first, second, "ndcg_at_10", 1000, 0))
    exact = [2 * stats.norm.sf(shift / 0.001) for shift in (0.0035, 0.005)]
    for pair, p in zip(found, exact, strict=False):
        assert p / 4 < pair.p < 4 * p
    assert found[2].p == P_FLOOR and p_text(found[2].p) == "< 1e-6"


def test_seeds_are_a_second_source_of_variance() -> None:
    rng = np.random.default_rng(6)
    users = rng.normal(0.5, 0.1, 400)
    runs = [table(np.ones(400), users + shift) for shift in (0.00, 0.02, 0.04)]
    other = table(np.ones(400), users + rng.normal(0, 0.01, 400))
    tables = {"stochastic": runs[1], "fixed": other}
    single = compared_pairs(tables, "ndcg_at_10", 1000, 0)[0]
    assert single.better == "stochastic"
    repeats = {"stochastic": [runs[0], runs[2]]}
    several = compared_pairs(tables, "ndcg_at_10", 1000, 0, repeats=repeats)[0]
    assert several.difference == pytest.approx(single.difference)
    assert several.better is None
    # standard error of a mean of three with deviation 0.02; Student's t has two degrees of freedom
    assert (several.high - several.low) / 2 == pytest.approx(4.3 * 0.02 / 3**0.5, rel=0.25)
    same = compared_pairs(tables, "ndcg_at_10", 1000, 0, repeats={"stochastic": [runs[1]]})[0]
    assert same.high - same.low == pytest.approx(single.high - single.low, rel=0.01)


def test_other_columns_of_a_table_need_not_be_there() -> None:
    first, second = (own.drop(columns=ABSOLUTE_ERROR) for own in random_tables(2, 30, 7).values())
    assert isinstance(paired(first, second, "rmse", 50, 0), Pair)
    with pytest.raises(ValueError, match="without 'mae'"):
        paired(first, second, "mae", 50, 0)


def test_other_users_are_refused() -> None:
    first = table(np.ones(3))
    second = first.assign(**{USER_IDX: [0, 1, 3]})
    with pytest.raises(ValueError, match="same test users"):
        paired(first, second, "rmse", 10, 0)


def test_a_metric_that_a_model_lacks_is_refused() -> None:
    first = table(np.ones(3))
    second = first.assign(**{SQUARED_ERROR: None})
    with pytest.raises(ValueError, match="rmse"):
        paired(first, second, "rmse", 10, 0)
    with pytest.raises(ValueError, match="ndcg_at_99"):
        paired(first, first, "ndcg_at_99", 10, 0)


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
    assert found.verdict == "undecided" and found.minimum_detectable == np.inf
    per_user = error_sums(np.zeros(3, int), 1, np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 3.0]))
    assert intervals(per_user, {}, 100, np.random.default_rng(0)) == {}
    assert intervals(None, {"x": np.array([0.5])}, 100, np.random.default_rng(0)) == {}
