"""The section on repetitions: means, a paired verdict over windows, the spread over seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from reporting_samples import CONFIG, content, result
from scipy import stats

from reelbench.evaluation.metrics import find
from reelbench.reporting import page
from reelbench.reporting.charts import sections
from reelbench.reporting.comparisons import every_pair, verdicts
from reelbench.reporting.repeats import Repeats, paired_verdicts
from reelbench.reporting.tables import Cell

RMSE = {"good": [0.9, 0.8, 1.0, 0.95], "bias": [1.0, 0.9, 1.15, 1.0], "odd": [0.8, 1.3, 0.9, 1.1]}


def record(kind: str, values: list[float], **more: Any) -> dict[str, Any]:
    by_number = {str(n): {"rmse": v, "n_test": 7, **more} for n, v in enumerate(values, 1)}
    return {
        "kind": kind,
        "own": 1,
        "values": by_number,
        "cold": {number: {"users": 0.25, "items": 0.5, "rows": 0.75} for number in by_number},
        "mean": {"rmse": sum(values) / len(values)},
        "deviation": {"rmse": 0.01234},
    }


def repeats(kind: str) -> Repeats:
    return Repeats({model: record(kind, values) for model, values in RMSE.items()}, 10)


def test_the_verdict_is_a_paired_t_test_with_bonferronis_correction() -> None:
    found = paired_verdicts({m: np.array(values) for m, values in RMSE.items()}, find("rmse"))
    rows = {row[0]: row for row in found.rows}
    assert set(rows) == {"bias", "odd"} and {row[1] for row in rows.values()} == {"good"}
    for model, row in rows.items():
        test = stats.ttest_rel(RMSE[model], RMSE["good"])
        low, high = test.confidence_interval(1 - 0.05 / 2)
        assert row[3] == f"[{low:+.4f}, {high:+.4f}]"
        assert row[4] == f"{min(1, 2 * test.pvalue):.3f}"
        assert row[5] == ("worse" if 2 * test.pvalue < 0.05 else "undecided")
    assert (rows["bias"][5], rows["odd"][5]) == ("worse", "undecided")


def test_higher_is_better_and_equal_models_are_undecided() -> None:
    first, second = np.array([0.1, 0.2, 0.3]), np.array([0.2, 0.3, 0.4])
    (row,) = paired_verdicts({"a": first, "b": second}, find("ndcg_at_10")).rows
    assert row[:3] == ["a", "b", "-0.1000"] and row[5] == "worse"
    (row,) = paired_verdicts({"a": first, "b": first}, find("ndcg_at_10")).rows
    assert row[4:] == ["1.000", "undecided"]
    assert paired_verdicts({"a": first}, find("rmse")).rows == []


def test_every_window_has_a_column_and_every_kind_its_words() -> None:
    shown = list(repeats("windows").sections)
    titles = [title for title, _, _ in shown]
    assert [title.split(": ")[1] for title in titles] == [
        "RMSE by window",
        "cold shares by window",
        "RMSE, verdict",
    ]
    _, text, table = shown[0]
    assert "4 test periods" in text
    assert list(table.titles) == [
        "model",
        *(f"window {n}" for n in range(1, 5)),
        "mean",
        "deviation",
    ]
    assert table.rows[0] == ["good", "0.9000", "0.8000", "1.0000", "0.9500", "0.9125", "0.0854"]
    cold = shown[1][2]
    assert cold.rows[0] == ["1", "25.0%", "50.0%", "75.0%"]
    assert (
        len(list(repeats("folds").sections)) == 2
    )  # folds have no verdict: they share their train rows
    assert len(list(repeats("seeds").sections)) == 1


def test_numbers_are_in_their_order_and_a_row_each() -> None:
    many = Repeats({"good": record("seeds", [1.0] * 11)}, 10)
    assert many.numbers == list(map(str, range(1, 12)))
    frame = many.frame()
    assert list(frame["repeat"]) == list(range(1, 12)) and set(frame["metric"]) == {"rmse"}
    assert Repeats({}, 10).frame().columns.to_list() == list(frame)


def test_the_leaderboard_shows_the_spread_over_seeds_alone() -> None:
    columns, plain = [find("rmse"), find("mae")], [Cell("0.9000", best=True), Cell("0.7000")]
    results, rows = [result("good"), result("order")], [[*plain], [*plain]]
    repeats("windows").mark(results, columns, rows)
    assert rows == [plain, plain]
    repeats("seeds").mark(results, columns, rows)
    assert rows == [[Cell("0.9000 ± 0.0123", best=True), Cell("0.7000")], plain]


@pytest.mark.parametrize("kind", ["seeds", "windows"])
def test_the_report_has_the_section(kind: str) -> None:
    found = content(result("good"), result("bias", 0.95), result("order", None))
    models = [result.name for result in found.results if result.predicts_ratings]
    records = {model: record(kind, RMSE["good"]) for model in models}
    shown = replace(found, repeats=Repeats(records, 10))
    text = page.leaderboard(shown)
    assert f"## Repetitions: RMSE by {kind[:-1]}" in text
    assert ("± 0.0123" in text) == (kind == "seeds")
    html = page.render(shown, sections.charts(shown))
    assert '<h3 id="repetitions">Repetitions</h3>' in html
    assert "Repetitions" not in page.leaderboard(found)


def test_comparisons_take_other_seeds_into_account() -> None:
    models = [result("good"), result("bias", 0.95)]
    worse = models[0].per_user.assign(squared_error=2 * models[0].per_user["squared_error"])
    for compare in (every_pair, verdicts):
        alone, with_seeds = (
            compare(models, CONFIG, 1)[0],
            compare(models, CONFIG, 1, {"good": [worse]})[0],
        )
        assert with_seeds.high - with_seeds.low > alone.high - alone.low
        assert with_seeds.difference > alone.difference  # that of the mean over both
