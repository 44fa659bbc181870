"""The line of a row says nothing but its numbers."""

from __future__ import annotations

import pytest

from replications.result import Estimate, Result, Spread, Worth
from replications.rows import Row
from replications.words import estimate, line, number, report_line, spread

ROW = Row(id="x", step="x", what="x", published={"rmse": 0.95, "mae": 0.75}, protocol="random")


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("rmse", 0.96275, "0.9627"),
        ("r2", -0.5, "\u22120.5000"),
        ("n_test", 8886.0, "8,886"),
        ("r2", 0.0, "0.0000"),
        ("seconds", 14.0, "14.0"),
        ("seconds", 0.034, "0.03"),
    ],
)
def test_numbers(metric: str, value: float, text: str) -> None:
    assert number(metric, value) == text


def test_spread_and_interval() -> None:
    assert spread("rmse", Spread(mean=0.9, deviation=0.01, runs=3)) == "0.9000 ± 0.0100"
    assert spread("rmse", Spread(mean=0.9)) == "0.9000"
    assert estimate("rmse", Estimate(value=1.5, low=1.25, high=2)) == "1.5000 [1.2500, 2]"


def test_the_line_is_made_of_the_numbers() -> None:
    result = Result(
        row="x",
        same={"mae": Spread(mean=0.75), "rmse": Spread(mean=0.94)},
        honest={"rmse": Estimate(value=1.0)},
        worth=(
            Worth(fault="small", metric="rmse", difference=0.01),
            Worth(fault="large", metric="rmse", difference=-0.07),
        ),
        also={"corrected": {"rmse": Estimate(value=0.8)}},
    )
    assert line(ROW, result) == (
        "RMSE: ours less published \u22120.0100, honest less ours +0.0600, one fault alone: "
        "`large` \u22120.0700, `small` +0.0100. MAE: the published value. corrected: RMSE 0.8000."
    )


def test_a_row_that_was_not_run_says_so() -> None:
    assert line(ROW, Result(row="x")) == ""
    assert report_line(Result(row="x", not_run="no data")) == "x: not run: no data"
