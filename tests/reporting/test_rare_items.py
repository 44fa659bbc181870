from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from reporting_samples import content, result

from reelbench.reporting import markdown, page
from reelbench.reporting.rare_items import RareItems, rare_items
from reelbench.reporting.results import Result

# movies 0 and 1 are rare, movie 2 has many ratings in train
COUNTS = np.array([0, 2, 50])
N_USERS = 40


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
    assert text.verdict is not None and bias.verdict is None
    assert text.verdict.comparison.difference == pytest.approx(-0.5)
    assert (text.better, bias.better) == ("text", "")


def test_the_limit_itself_is_rare() -> None:
    models = rated("bias", 1.0, 0.1), rated("text", 0.5, 0.9)
    assert found(*models, limit=1).n_ratings == N_USERS
    assert found(*models, limit=0).n_items == 1
    assert found(*models, limit=50).n_ratings == 3 * N_USERS


def test_worse_and_no_difference() -> None:
    rare = found(rated("bias", 0.5, 0.1), rated("worse", 0.9, 0.1), rated("same", 0.5, 0.1))
    assert {row.model: row.better for row in rare.rows} == {"bias": "", "worse": "bias", "same": ""}


def test_a_model_that_only_ranks_is_left_out() -> None:
    bias = rated("bias", 1.0, 0.1)
    ranks = result("popularity", None)
    ranks = dataclasses.replace(ranks, predictions=bias.predictions.assign(score=None))
    rare = found(ranks, bias)
    assert rare.n_ratings == 80
    assert [row.model for row in rare.rows] == ["bias"]


def test_without_the_yardstick_there_is_no_difference() -> None:
    (row,) = found(rated("text", 0.5, 0.9)).rows
    assert row.verdict is None


def test_the_file_has_a_row_per_model_and_its_heading_always() -> None:
    frame = found(rated("bias", 1.0, 0.1), rated("text", 0.5, 0.9)).frame()
    assert frame["model"].tolist() == ["text", "bias"]
    assert frame["difference"].isna().tolist() == [False, True]
    assert list(found(rated("bias", 1.0, 0.1), limit=-1).frame()) == list(frame)


def test_the_leaderboard_and_the_page_have_the_table() -> None:
    reported = content(result("bias"), result("svd"), result("popularity", None))
    text = markdown.render(reported)
    assert "## Movies with at most 2 train ratings" in text
    assert "have 10 of 60 test ratings: 5 movies, 10 users." in text
    section = text.partition("## Movies with at most")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| ")][2:]
    assert [row[0] for row in rows] == ["| bias", "| svd"]
    assert rows[0][2:] == ["—", "—", "—", "— |"]
    assert rows[1][2] == "+0.0000"
    gallery = {key: [] for key in ("leaderboard", "costs", "training", "predictions", "data")}
    assert 'id="rare"' in page.render(reported, gallery)


def test_no_such_rating_is_a_sentence_and_no_table() -> None:
    reported = content(result("bias"), result("svd"))
    nothing = dataclasses.replace(reported, rare=found(rated("bias", 1, 1), limit=-1))
    text = markdown.render(nothing)
    assert "the test part has no rating of any" in text
    assert "less bias" not in text
