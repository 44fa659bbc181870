"""The text of a row is composed of its numbers; the page shows every row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reelbench import paths
from replications import tables
from replications.published import Row, System, systems
from replications.results import (
    FOLDER,
    Estimate,
    FaultEffect,
    Report,
    Result,
    Spread,
    read_all,
)
from replications.tables import difference, effects, estimate, number, spread, summary

ROW = Row(
    id="x", step="x", what="x", published={"rmse": 0.95, "mae": "0.75"}, line=1, protocol="random"
)


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


def test_what_a_row_says_of_its_numbers() -> None:
    result = Result(
        same={"mae": Spread(mean=0.75), "rmse": Spread(mean=0.94)},
        honest={"rmse": Estimate(value=1.0)},
        worth=(
            FaultEffect(fault="small", metric="rmse", difference=0.01),
            FaultEffect(fault="large", metric="mae", difference=0.02),
            FaultEffect(fault="large", metric="rmse", difference=-0.07),
        ),
        also={"corrected": {"rmse": Estimate(value=0.8)}},
    )
    assert difference(ROW, result) == (
        "Ours minus published: RMSE \u22120.0100. corrected: RMSE 0.8000."
    )
    assert effects(ROW, result) == [
        ("large", "RMSE \u22120.0700, MAE +0.0200"),
        ("small", "RMSE +0.0100"),
    ]


def test_a_row_that_was_not_run() -> None:
    assert difference(ROW, Result()) == ""
    assert summary(ROW, Result(not_run="no data")) == "x: not run: no data"


def test_the_page_shows_every_row_run_or_not() -> None:
    known = systems().values()
    figures = {"rmse": Spread(mean=0.9627)}
    done = Result(same=figures, files=("reports/x.png",), data="tiny", seeds=1)
    report = Report(preset="latest_small_temporal", rows={"b_svds": done})
    page = tables.render(known, {report.preset: report}).splitlines()
    for row in (row for s in known for row in s.rows):
        (line,) = [line for line in page if line.startswith(f"| `{row.id}` | {row.step}")]
        assert ("not run" in line) == (row.id != "b_svds")
        assert line.count(" | ") == 6
    assert any("RMSE 0.9627" in line and "published: RMSE \u22120.0001" in line for line in page)
    assert "1 other data" in page[2] and "(tiny)" in "\n".join(page)
    found = tables.lines(known, {report.preset: report})
    assert {line.files for line in found} == {"", "reports/x.png"}


ROOT = Path(__file__).parents[2]


REPORTS = read_all(ROOT / FOLDER)


@pytest.mark.parametrize("system", systems().values(), ids=lambda system: system.preset)
def test_every_row_has_run(system: System) -> None:
    rows = REPORTS[system.preset].rows
    assert {row.id for row in system.rows} == set(rows)
    assert {name: row.not_run for name, row in rows.items() if row.not_run} == {}


@pytest.mark.parametrize(
    ("row", "metric", "published", "within"),
    [
        ("b_svds", "rmse", 0.9628, 0.0002),
        ("b_svds", "mae", 0.7459, 0.0002),
        ("b_svds", "n_test", 8886, 0),
        ("b_dnn", "rmse", 0.8752, 0.02),
        ("b_dnn", "mae", 0.6726, 0.02),
        ("b_dnn_recall", "recall_at_10", 0.6789, 0.03),
        ("e_network", "rmse", 0.787, 0.05),
    ],
)
def test_published_figures_are_reproduced(
    row: str, metric: str, published: float, within: float
) -> None:
    assert abs(_of(row).rows[row].same[metric].mean - published) <= within


def test_titles_of_unseen_movies_are_worse_than_the_mean_as_published() -> None:
    found = {row: _of(row).rows[row] for row in ("d_dnn", "d_glove", "d_finetune")}
    for result in found.values():
        assert result.same["r2"].mean < 0 and result.same["r2"].runs >= 10
    assert min(found, key=lambda row: found[row].same["rmse"].mean) == "d_dnn"
    assert abs(found["d_dnn"].same["rmse"].mean - 1.3) <= 0.1
    assert abs(found["d_dnn"].same["r2"].mean + 0.32) <= 0.15
    also = found["d_dnn"].also
    corrected = [figures["r2"].value for name, figures in also.items() if "corrected" in name]
    assert corrected and min(corrected) > 0


def test_the_printed_ladder_falls_where_one_network_is_trained_further() -> None:
    text = _of("a_ladder").rows["a_ladder"].shown
    steps = [int(n) for n in re.findall(r"lower in (\d) of 5 steps", text)]
    continued, rebuilt = steps[:2]
    assert continued >= 4 > rebuilt


def test_the_printed_cosine_is_worse_than_the_mean() -> None:
    rows = _of("c_cosine").rows
    assert rows["c_cosine"].same["rmse"].mean > rows["c_mean"].same["rmse"].mean
    assert abs(rows["c_cosine_small"].same["rmse"].mean - 1.066) <= 0.02


def test_the_committed_page_is_that_of_the_results() -> None:
    page = tables.render(systems().values(), REPORTS)
    assert (ROOT / paths.REPLICATION_MD).read_text(encoding="utf-8") == page


def test_memory_stays_below_6_gb() -> None:
    for preset in ("ml20m_hybrid", "netflix_overviews"):
        used = [row.peak_memory_bytes or 0 for row in REPORTS[preset].rows.values()]
        assert 0 < max(used) < 6e9


def _of(row: str) -> Report:
    """The report that has the row; the five have the letters of their systems."""
    (report,) = [report for report in REPORTS.values() if row in report.rows]
    return report
