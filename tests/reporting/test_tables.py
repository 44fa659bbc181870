from __future__ import annotations

import io

import pandas as pd
from reporting_samples import result

from reelbench.evaluation.metrics import leaderboard_metrics
from reelbench.reporting.tables import (
    COSTS,
    Cost,
    cells,
    metrics_frame,
    ranked,
    to_csv,
)


def test_by_rmse_and_rank_only_models_after_by_ndcg() -> None:
    results = [
        result("b_ranks", None, 0.2),
        result("slow", 1.0, 0.9),
        result("a_ranks", None, 0.5),
        result("fast", 0.9, 0.0),
        result("another", 0.9, 0.3),
        result("also", 0.9, 0.0),
    ]
    names = [r.name for r in ranked(results, k=10)]
    assert names == ["another", "also", "fast", "slow", "a_ranks", "b_ranks"]


def test_the_csv_has_every_number_beside_its_bounds_and_costs_at_the_end() -> None:
    energy = {"cpu_seconds": 20.0, "energy_wh": 0.02, "energy_source": "estimated"}
    results = [result("one", 0.9123456789, 0.25, **energy), result("ranks", None, 0.5)]
    frame = pd.read_csv(io.StringIO(to_csv(metrics_frame(results))), index_col="model")
    columns = list(frame.columns)
    assert frame.loc["one", "rmse"] == 0.912346
    place = columns.index("rmse")
    assert columns[place : place + 3] == ["rmse", "rmse_low", "rmse_high"]
    assert frame.loc["one", "ndcg_at_10_high"] == 0.26
    assert frame.loc["ranks"].isna()["rmse"]
    assert not {"cohorts", "intervals"} & set(columns)
    assert columns[-4:] == ["cpu_seconds", "energy_wh", "tuning_cpu_seconds", "energy_source"]
    assert frame.loc["one", "energy_wh"] == 0.02
    assert frame.loc["one", "energy_source"] == "estimated"
    assert frame.loc["ranks", columns[-4:]].isna().all()
    assert frame.loc["ranks", "train_seconds"] == 12.5


def test_columns_do_not_depend_on_which_model_comes_first() -> None:
    results = [result("ranks", None, 0.5), result("one", 0.9, 0.25)]
    assert list(metrics_frame(results)) == list(metrics_frame(results[::-1]))


def test_cells_are_rounded_carry_intervals_and_mark_the_best() -> None:
    columns = leaderboard_metrics(10)
    first, second, third = cells(
        [result("a", 0.9, 0.1), result("b", 1.0, 0.3), result("c", None, 0.3)], columns
    )
    by_key = dict(zip([column.key for column in columns], first, strict=True))
    assert by_key["rmse"].text == "0.9000"
    assert by_key["rmse"].interval == "[0.890, 0.910]"
    assert by_key["rmse"].best
    assert not by_key["ndcg_at_10"].best
    # equals are best together
    assert second[3].best and third[3].best
    assert (third[0].text, third[0].interval, third[0].best) == ("—", "", False)


def test_costs_have_units_and_no_winner() -> None:
    spent = {"cpu_seconds": 20.5, "energy_wh": 0.01993, "tuning_cpu_seconds": 1234.5}
    (row,) = cells([result("a", **spent, energy_source="measured")], COSTS)
    expected = ["12.50", "41", "250", "1.5", "20.50", "0.01993", "1,234"]
    assert [cell.text for cell in row] == expected
    assert not any(cell.best for cell in row)


def test_an_energy_that_was_not_measured_is_marked() -> None:
    (row,) = cells([result("a", energy_wh=0.5, energy_source="estimated")], COSTS)
    assert [cell.text for cell in row][-2] == "~0.50000"


def test_a_missing_cost_is_a_dash() -> None:
    (row,) = cells([result("a", train_seconds=None)], [Cost("train_seconds", "s", 2)])
    assert row[0].text == "—"
