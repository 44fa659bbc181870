from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from reporting_samples import content, result

from reelbench.evaluation.significance import Pair, pairs_frame
from reelbench.reporting import page
from reelbench.reporting.comparisons import (
    RareItems,
    against_best,
    compared_metrics,
    every_pair,
    rare_items,
    verdicts,
)
from reelbench.reporting.results import Result

# movies 0 and 1 are rare, movie 2 has many ratings in train
COUNTS = np.array([0, 2, 50])
N_USERS = 40

RESULTS = [result("svd", 0.85, 0.2), result("bias", 0.9, 0.2), result("popularity", None, 0.3)]


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return every_pair(RESULTS, 10, 200, 1)


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


def test_the_leaderboard_has_the_significant_differences(pairs: list[Pair]) -> None:
    reported = dataclasses.replace(content(*RESULTS), pairs=pairs)
    rows = [line for line in page.leaderboard(reported).splitlines() if line.startswith("| RMSE |")]
    assert len(rows) == 1
    assert rows[0].startswith("| RMSE | bias | svd | +0.0500 | [") and rows[0].endswith("| svd |")


def test_every_model_minus_the_best_of_the_metric(pairs: list[Pair]) -> None:
    found = against_best(RESULTS, pairs)
    assert [(pair.metric.key, pair.first, pair.second) for pair in found] == [
        ("rmse", "bias", "svd"),
        ("ndcg_at_10", "svd", "popularity"),
        ("ndcg_at_10", "bias", "popularity"),
    ]
    assert all(pair.better == pair.second for pair in found)
    assert against_best(RESULTS, []) == []


def test_the_compared_metrics_are_those_of_the_leaderboard() -> None:
    assert [metric.key for metric in compared_metrics(20)] == ["rmse", "ndcg_at_20"]


def test_better_worse_and_neither() -> None:
    results = [result("good", 0.85), result("bias", 0.9), result("bad", 0.95), result("same", 0.9)]
    found = {pair.first: pair for pair in verdicts(results, samples=200, seed=1)}
    assert {model: pair.better for model, pair in found.items()} == {
        "good": "good",
        "bad": "bias",
        "same": None,
    }
    assert found["good"].difference < 0 < found["bad"].difference


def test_among_many_models_a_plain_difference_can_still_be_shown() -> None:
    results = [result("bias", 0.9)] + [result(f"good{i}", 0.85) for i in range(40)]
    assert all(pair.better == pair.first for pair in verdicts(results, 50, 1))


def test_models_that_only_rank_are_not_compared() -> None:
    found = verdicts([result("ranks", None), result("bias"), result("x")], 50, 1)
    assert [pair.first for pair in found] == ["x"]


def test_without_the_baseline_nothing_is_claimed() -> None:
    assert verdicts([result("one"), result("two")], 50, 1) == []
    assert verdicts([result("bias")], 50, 1) == []


def rated(name: str, rare_error: float, error: float) -> Result:
    """Errors of one size on rare movies and of another on the rest, the sign by chance."""
    user = np.repeat(np.arange(N_USERS), 3)
    item = np.tile([0, 1, 2], N_USERS)
    size = np.where(COUNTS[item] <= 2, rare_error, error)
    sign = np.random.default_rng(0).choice([-1, 1], len(user))
    table = {"user_idx": user, "item_idx": item, "rating": 3.0, "score": 3.0 + sign * size}
    return dataclasses.replace(result(name), predictions=pd.DataFrame(table))


def found(*results: Result, limit: int = 2) -> RareItems:
    return rare_items(results, COUNTS, limit, 200, 1)


def test_only_rare_movies_count() -> None:
    rare = found(rated("bias", 1.0, 0.1), rated("text", 0.5, 0.9))
    assert (rare.n_ratings, rare.n_items, rare.n_users) == (80, 2, N_USERS)
    text, bias = rare.rows
    assert (text.model, bias.model) == ("text", "bias")
    assert (text.rmse, bias.rmse) == pytest.approx((0.5, 1.0))
    assert text.pair is not None and bias.pair is None
    assert text.pair.difference == pytest.approx(-0.5)
    assert text.pair.better == "text"


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
    assert rows[0][2:] == ["—", "—", "—", "— |"]
    assert rows[1][2] == "+0.0000"
    assert 'id="rare"' in page.render(reported, {})


def test_no_such_rating_is_a_sentence_and_no_table() -> None:
    reported = content(result("bias"), result("svd"))
    nothing = dataclasses.replace(reported, rare=found(rated("bias", 1, 1), limit=-1))
    text = page.leaderboard(nothing)
    assert "none has a test rating" in text
    assert "minus bias" not in text
