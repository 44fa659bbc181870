from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reporting_samples import CONFIG, content, result

from reelbench.evaluation.metrics import find
from reelbench.evaluation.significance import P_FLOOR, Pair, pairs_frame
from reelbench.reporting import page
from reelbench.reporting.comparisons import (
    RareItems,
    against_best,
    compared_metrics,
    every_pair,
    rare_items,
    text_help,
    verdicts,
)
from reelbench.reporting.content import compared, describe
from reelbench.reporting.results import Result

# movies 0 and 1 are rare, movie 2 has many ratings in train
COUNTS = np.array([0, 2, 50])
N_USERS = 40

RESULTS = [result("svd", 0.85, 0.2), result("bias", 0.9, 0.2), result("popularity", None, 0.3)]


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return every_pair(RESULTS, CONFIG, 1)


def test_every_model_against_every_other_that_has_the_metric(pairs: list[Pair]) -> None:
    found = [(pair.metric.key, pair.first, pair.second) for pair in pairs]
    assert found == [
        ("rmse", "svd", "bias"),
        ("ndcg_at_10", "svd", "bias"),
        ("ndcg_at_10", "svd", "popularity"),
        ("ndcg_at_10", "bias", "popularity"),
    ]


def test_better_is_lower_in_errors_and_higher_in_ranking(pairs: list[Pair]) -> None:
    assert [pair.better for pair in pairs] == ["svd", None, "popularity", "popularity"]
    assert pairs[0].difference == pytest.approx(-0.05)


def test_the_file_has_a_row_per_pair_even_if_there_is_none(pairs: list[Pair]) -> None:
    frame = pairs_frame(pairs)
    assert frame.loc[0, ["metric", "first", "better"]].tolist() == ["rmse", "svd", "svd"]
    assert frame.loc[1, "better"] == ""
    assert list(pairs_frame([])) == list(frame)


def test_the_margin_of_the_parameters_decides_what_is_equivalent() -> None:
    close = [result("svd", 0.9), result("bias", 0.905), result("poor", 0.99)]
    found = {}
    for margin in (0.0, 0.02):
        config = CONFIG.model_copy(update={"margin": margin})
        found[margin] = [pair.verdict for pair in every_pair(close, config, 1)[:2]]
    assert "equivalent" not in found[0.0]
    assert found[0.02][1] == "better"


def test_the_leaderboard_has_a_table_per_metric(pairs: list[Pair]) -> None:
    reported = dataclasses.replace(content(*RESULTS), pairs=pairs)
    text = page.leaderboard(reported)
    section = text.partition("### RMSE: every model against svd")[2].partition("\nIntervals")[0]
    _, _, row = (line for line in section.splitlines() if line.startswith("| "))
    assert row.startswith("| bias | worse | +0.0500 | [+0.0") and "| +5.88 % | < 1e-6 |" in row
    assert text.index("### nDCG@10: every model against popularity") < text.index("### RMSE")
    assert "### RMSE" not in page.leaderboard(content(*RESULTS))


def test_what_the_test_set_could_have_found(pairs: list[Pair]) -> None:
    reported = dataclasses.replace(content(*RESULTS), pairs=pairs)
    errors = next(row for row in reported.detectable.rows if row[0] == "RMSE")
    (pair,) = (p for p in pairs if p.metric.key == "rmse")
    size = pair.minimum_detectable
    assert size > 0
    assert errors[1:] == ["svd", *[f"{size:.4f} ({100 * size / 0.85:.1f} %)"] * 3]
    assert "## Minimum detectable differences" in page.leaderboard(reported)
    assert "detectable" not in page.leaderboard(content(*RESULTS))


def judged(bounds: dict[str, tuple[float, float]], **seconds: float) -> str:
    """The answer of a report with these intervals against the best and these training times."""
    names = {"popularity": 0.3, "svd": 0.2999, "bias": 0.25}
    models = [
        result(name, None, ndcg, train_seconds=seconds.get(name, 12.5))
        for name, ndcg in names.items()
    ]
    models.append(result("content", 0.9, 0.2, train_seconds=1.0))
    close = [
        pair._replace(**dict(zip(("low", "high"), bounds[pair.second], strict=True)))
        for pair in every_pair(models, CONFIG, 1)
        if pair.first == "popularity" and pair.second in bounds
    ]
    return page.leaderboard(dataclasses.replace(content(*models), pairs=close))


BOUNDS = {"svd": (-0.001, 0.001), "bias": (-0.2, 0.1)}


def test_the_verdict_speaks_of_equivalent_and_undecided_models_apart() -> None:
    lines = judged(BOUNDS).splitlines()
    assert lines[2] == (
        "Use `popularity` to rank movies (nDCG@10 0.3000); use `content` to predict ratings "
        "(RMSE 0.9000)."
    )
    assert lines[4] == (
        "- nDCG@10 0.3000: popularity is the best; equivalent within 1 %: svd; undecided: bias"
    )


def test_an_equivalent_model_that_trains_faster_is_advised() -> None:
    answer = judged(BOUNDS, svd=0.3, bias=0.01).splitlines()[2]
    assert answer.startswith(
        "Use `svd` to rank movies: within 1 % of the best, `popularity`, at 1/42 of the training "
        "time; use `content`"
    )
    assert "Where cost counts" not in answer
    # a third less is within what times differ by from run to run
    assert judged(BOUNDS, svd=9.0).splitlines()[2].startswith("Use `popularity` to rank")


def test_an_undecided_model_is_named_but_not_advised() -> None:
    answer = judged({"bias": (-0.2, 0.1)}, bias=2.5).splitlines()[2]
    assert answer.startswith("Use `popularity` to rank movies (nDCG@10 0.3000)")
    assert answer.endswith(
        "Where cost counts: `bias` to rank movies (nDCG@10 17 % lower, undecided, at 1/5 of the "
        "training time)."
    )
    assert "Where cost counts" not in judged({"bias": (0.01, 0.1)}, bias=2.5)


PAIR = Pair(
    **{"metric": find("rmse"), "first": "a", "second": "b", "value": 0.8, "reference": 1.0},
    **{"low": -0.4, "high": 0.1, "p": 0.3, "p_step_down": 0.2, "p_sign_flip": 0.25},
    **{"share_better": 0.55, "share_equal": 0.1, "share_worse": 0.35},
    **{"minimum_detectable": 0.4, "margin": 0.01},
)


def test_a_pair_as_text() -> None:
    assert compared(PAIR) == [
        *("undecided", "-0.2000", "[-0.4000, +0.1000]", "-20.00 %", "0.300"),
        "55 / 10 / 35 %",
    ]
    assert describe(PAIR) == "-0.2000 [-0.4000, +0.1000], p = 0.300"


def test_no_p_value_is_zero() -> None:
    small = PAIR._replace(p=P_FLOOR / 10)
    assert compared(small)[4].startswith("< 1") and ", p < 1" in describe(small)


def test_a_bound_near_zero_keeps_its_side() -> None:
    worse = PAIR._replace(value=1.004, low=0.00003, high=0.009)
    assert compared(worse)[:3] == ["worse", "+0.00400", "[+0.00003, +0.00900]"]
    nothing = PAIR._replace(value=0.0, reference=0.0, low=0.0, high=0.0)
    assert compared(nothing)[:4] == ["equivalent", "+0.0000", "[+0.0000, +0.0000]", "—"]
    unknown = PAIR._replace(low=-np.inf, high=np.inf)
    assert compared(unknown)[2] == "[-inf, +inf]"


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    users=st.integers(2, 60),
    scales=st.lists(st.sampled_from([1.0, 1.0, 1.003, 1.02, 1.2, 2.0]), min_size=2, max_size=5),
    shared=st.sampled_from([0.0, 0.9, 1.0]),
)
def test_no_interval_contradicts_its_verdict(
    seed: int, users: int, scales: list[float], shared: float
) -> None:
    """As a reader sees them, for models that are alike, the same, or far apart."""
    rng = np.random.default_rng(seed)
    common, gain = rng.gamma(0.5, 1, users), rng.gamma(0.5, 1, users) * rng.integers(0, 2, users)
    results = []
    for number, scale in enumerate(scales):
        own = shared + (1 - shared) * rng.gamma(1, 1, (2, users))
        error, ndcg = scale * common * own[0], np.minimum(1, gain * own[1] / scale)
        made = result("bias" if number == 0 else f"m{number}", float(np.sqrt(error.mean())))
        table = made.per_user.iloc[:1].loc[np.zeros(users, int)].reset_index(drop=True)
        table = table.assign(
            user_idx=np.arange(users), squared_error=error, absolute_error=np.sqrt(error)
        ).assign(ndcg_at_10=ndcg)
        metrics = made.metrics | {"ndcg_at_10": float(ndcg.mean())}
        results.append(dataclasses.replace(made, per_user=table, metrics=metrics))
    config = CONFIG.model_copy(update={"bootstrap_samples": 60})
    pairs = every_pair(results, config, 1)
    found = [*pairs, *against_best(results, pairs), *verdicts(results, config, 1)]
    for pair in found:
        verdict, _, interval, _, p, _ = compared(pair)
        low, high = map(float, interval.strip("[]").split(", "))
        if verdict in ("better", "worse"):
            side = "better" if (high < 0) != bool(pair.metric.higher_is_better) else "worse"
            assert (low > 0 or high < 0) and side == verdict and pair.p < 0.05, pair
            assert pair.better == (pair.first if verdict == "better" else pair.second)
        else:
            assert low <= 0 <= high and pair.p >= 0.05 and pair.better is None, (pair, p)
        if verdict == "equivalent" and pair.difference:
            margin = config.margin * min(pair.value, pair.reference)
            assert max(-low, high) <= margin + 10**-pair.metric.digits / 2, pair


def test_every_model_minus_the_best_of_the_metric(pairs: list[Pair]) -> None:
    found = against_best(RESULTS, pairs)
    assert [(pair.metric.key, pair.first, pair.second) for pair in found] == [
        ("rmse", "bias", "svd"),
        ("ndcg_at_10", "svd", "popularity"),
        ("ndcg_at_10", "bias", "popularity"),
    ]
    assert all(pair.better == pair.second for pair in found)
    assert against_best(RESULTS, []) == []


def test_a_pair_the_other_way_round() -> None:
    turned = PAIR._replace(high=-0.1).reversed()
    assert (turned.first, turned.second, turned.verdict, turned.better) == ("b", "a", "worse", "a")
    assert (turned.difference, turned.low, turned.high) == pytest.approx((0.2, 0.1, 0.4))
    assert (turned.share_better, turned.share_worse) == (0.35, 0.55)
    assert turned.relative == pytest.approx(0.25)
    assert compared(PAIR._replace(value=1.0).reversed())[1] == "+0.0000"


def test_the_compared_metrics_are_those_of_the_leaderboard() -> None:
    assert [metric.key for metric in compared_metrics(20)] == ["rmse", "ndcg_at_20"]


def test_better_worse_and_neither() -> None:
    results = [result("good", 0.85), result("bias", 0.9), result("bad", 0.95), result("same", 0.9)]
    found = {pair.first: pair for pair in verdicts(results, CONFIG, seed=1)}
    assert {model: pair.better for model, pair in found.items()} == {
        "good": "good",
        "bad": "bias",
        "same": None,
    }
    assert found["good"].difference < 0 < found["bad"].difference


def test_intervals_widen_with_the_number_of_models() -> None:
    alone = verdicts([result("bias", 0.9), noisy("x", 1)], CONFIG, 1)[0]
    among = verdicts([result("bias", 0.9), *(noisy(f"x{i}", i) for i in range(1, 9))], CONFIG, 1)[0]
    assert among.difference == alone.difference
    assert among.high - among.low > 1.1 * (alone.high - alone.low)
    assert among.p > alone.p


def noisy(name: str, seed: int) -> Result:
    """About as good as any, with errors of its own."""
    made, squared = result(name), np.random.default_rng(seed).gamma(2, 0.4, 60)
    table = made.per_user.assign(squared_error=squared)
    return dataclasses.replace(made, per_user=table)


def test_among_many_models_a_plain_difference_can_still_be_shown() -> None:
    results = [result("bias", 0.9)] + [result(f"good{i}", 0.85) for i in range(40)]
    few = CONFIG.model_copy(update={"bootstrap_samples": 50})
    assert all(pair.verdict == "better" for pair in verdicts(results, few, 1))


def test_models_that_only_rank_are_not_compared() -> None:
    found = verdicts([result("ranks", None), result("bias"), result("x")], CONFIG, 1)
    assert [pair.first for pair in found] == ["x"]


def test_without_the_baseline_nothing_is_claimed() -> None:
    assert verdicts([result("one"), result("two")], CONFIG, 1) == []
    assert verdicts([result("bias")], CONFIG, 1) == []


def rated(name: str, rare_error: float, error: float) -> Result:
    """Errors of one size on rare movies and of another on the rest, the sign by chance."""
    user = np.repeat(np.arange(N_USERS), 3)
    item = np.tile([0, 1, 2], N_USERS)
    size = np.where(COUNTS[item] <= 2, rare_error, error)
    sign = np.random.default_rng(0).choice([-1, 1], len(user))
    table = {"user_idx": user, "item_idx": item, "rating": 3.0, "score": 3.0 + sign * size}
    return dataclasses.replace(result(name), predictions=pd.DataFrame(table))


def found(*results: Result, limit: int = 2) -> RareItems:
    config = CONFIG.model_copy(update={"rare_item_ratings": limit})
    return rare_items(results, COUNTS, config, 1)


def test_only_rare_movies_count() -> None:
    rare = found(rated("bias", 1.0, 0.1), rated("text", 0.5, 0.9))
    assert (rare.n_ratings, rare.n_items, rare.n_users) == (80, 2, N_USERS)
    text, bias = rare.rows
    assert (text.model, bias.model) == ("text", "bias")
    assert (text.rmse, bias.rmse) == pytest.approx((0.5, 1.0))
    assert text.pair is not None and bias.pair is None
    assert text.pair.difference == pytest.approx(-0.5)
    assert text.pair.better == "text"


def test_text_helps_where_it_does() -> None:
    """It halves errors on cold and rare movies, and changes little in those of popular ones."""
    models = rated("st_genres", 1.0, 0.5), rated("st", 0.5, 0.5), rated("svd", 0.1, 0.1)
    table = text_help(models, COUNTS, CONFIG, 1)
    assert list(table["movies"]) == ["cold, 0", "rare, 1 to 2", "popular, 50 or more"]
    assert list(table["verdict"]) == ["better", "better", "equivalent"]
    assert table["difference"].tolist() == pytest.approx([-0.5, -0.5, 0])
    assert set(table["model"]) == {"st"} and set(table["ratings"]) == {N_USERS}
    shown = page.leaderboard(dataclasses.replace(content(*models), text=table))
    assert "| st | -0.5000 better | -0.5000 better | +0.0000 equivalent |" in shown


def test_without_the_model_that_reads_no_text_there_is_no_answer() -> None:
    assert text_help([rated("st", 1.0, 0.5), rated("bias", 1.0, 0.5)], COUNTS, CONFIG, 1).empty
    assert text_help([rated("st_genres", 1.0, 0.5)], COUNTS, CONFIG, 1).empty
    assert "Does text help?" not in page.leaderboard(content(rated("st", 1.0, 0.5)))


def test_the_limit_itself_is_rare() -> None:
    models = rated("bias", 1.0, 0.1), rated("text", 0.5, 0.9)
    assert found(*models, limit=1).n_ratings == N_USERS
    assert found(*models, limit=0).n_items == 1
    assert found(*models, limit=50).n_ratings == 3 * N_USERS


def test_worse_and_no_difference() -> None:
    rare = found(rated("bias", 0.5, 0.1), rated("worse", 0.9, 0.1), rated("same", 0.5, 0.1))
    better = rare.frame().set_index("model")["better"].to_dict()
    assert better == {"bias": "", "worse": "bias", "same": ""}


def test_a_model_that_only_ranks_is_left_out() -> None:
    bias = rated("bias", 1.0, 0.1)
    ranks = result("popularity", None)
    ranks = dataclasses.replace(ranks, predictions=bias.predictions.assign(score=None))
    rare = found(ranks, bias)
    assert rare.n_ratings == 80
    assert [row.model for row in rare.rows] == ["bias"]


def test_without_the_baseline_there_is_no_difference() -> None:
    (row,) = found(rated("text", 0.5, 0.9)).rows
    assert row.pair is None


def test_the_file_of_rare_movies_has_a_row_per_model() -> None:
    frame = found(rated("bias", 1.0, 0.1), rated("text", 0.5, 0.9)).frame()
    assert frame["model"].tolist() == ["text", "bias"]
    assert frame["difference"].isna().tolist() == [False, True]
    assert list(found(rated("bias", 1.0, 0.1), limit=-1).frame()) == list(frame)


def test_the_leaderboard_and_the_page_have_the_table() -> None:
    reported = content(result("bias"), result("svd"), result("popularity", None))
    text = page.leaderboard(reported)
    assert "## Movies with at most 2 train ratings" in text
    assert "have 10 of 60 test ratings: 5 movies, 10 users." in text
    section = text.partition("## Movies with at most")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| ")][2:]
    assert [row[0] for row in rows] == ["| bias", "| svd"]
    assert rows[0][2:] == ["—"] * 5 + ["— |"]
    assert rows[1][2:4] == ["equivalent", "+0.0000"]
    assert 'id="rare"' in page.render(reported, {})


def test_no_such_rating_is_a_sentence_and_no_table() -> None:
    reported = content(result("bias"), result("svd"))
    nothing = dataclasses.replace(reported, rare=found(rated("bias", 1, 1), limit=-1))
    text = page.leaderboard(nothing)
    assert "none has a test rating" in text
    assert "| minus bias |" not in text
