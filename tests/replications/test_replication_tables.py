"""The text of a row is composed of its numbers; the page shows every row."""

from __future__ import annotations

import pytest

from replications import tables
from replications.published import (
    Estimate,
    FaultEffect,
    Report,
    Result,
    Row,
    Spread,
    systems,
)
from replications.tables import difference, estimate, number, spread, summary

ROW = Row(id="x", step="x", what="x", published={"rmse": 0.95, "mae": 0.75}, protocol="random")


@pytest.mark.parametrize(
    ("metric", "value", "sign", "text"),
    [
        ("rmse", 0.96275, "-", "0.9627"),
        ("r2", -0.5, "-", "\u22120.5000"),
        ("n_test", 8886.0, "-", "8,886"),
        ("r2", 0.0, "-", "0.0000"),
        ("seconds", 14.0, "-", "14.0"),
        ("seconds", 0.034, "-", "0.03"),
        ("rmse", 0.5, "+", "+0.5000"),
        ("rows", -124448.0, "+", "\u2212124,448"),
    ],
)
def test_numbers(metric: str, value: float, sign: str, text: str) -> None:
    assert number(metric, value, sign) == text


def test_spread_and_interval() -> None:
    assert spread("rmse", Spread(mean=0.9, deviation=0.01, runs=3)) == "0.9000 ± 0.0100"
    assert spread("rmse", Spread(mean=0.9)) == "0.9000"
    assert estimate("rmse", Estimate(value=1.5, low=1.25, high=2)) == "1.5000 [1.2500, 2]"


def test_the_difference_is_composed_of_the_numbers() -> None:
    result = Result(
        same={"mae": Spread(mean=0.75), "rmse": Spread(mean=0.94)},
        honest={"rmse": Estimate(value=1.0)},
        worth=(
            FaultEffect(fault="small", metric="rmse", difference=0.01),
            FaultEffect(fault="large", metric="rmse", difference=-0.07),
        ),
        also={"corrected": {"rmse": Estimate(value=0.8)}},
    )
    assert difference(ROW, result) == (
        "RMSE: difference to published: \u22120.0100; honest minus same protocol: +0.0600; "
        "one fault alone: `large` \u22120.0700, `small` +0.0100. MAE: equal to published. "
        "corrected: RMSE 0.8000."
    )


def test_a_row_that_was_not_run() -> None:
    assert difference(ROW, Result()) == ""
    assert summary(ROW, Result(not_run="no data")) == "x: not run: no data"


def test_the_page_shows_every_row_run_or_not() -> None:
    done = Result(same={"rmse": Spread(mean=0.9627)}, files=("reports/x.png",))
    report = Report(preset="latest_small_temporal", data="tiny", seeds=1, rows={"b_svds": done})
    found = tables.lines(systems().values(), {report.preset: report})
    page = tables.render(found).splitlines()
    for row in (row for s in systems().values() for row in s.rows):
        (line,) = [line for line in page if line.startswith(f"| `{row.id}` |")]
        assert ("not run" in line) == (row.id != "b_svds")
        assert line.count(" | ") == 5
    assert any("RMSE 0.9627" in line and "published: \u22120.0001" in line for line in page)
    assert "Data: `tiny`; seeds: 1. Honest is" in "\n".join(page)
    assert {line.files for line in found} == {"", "reports/x.png"}
