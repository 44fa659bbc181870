from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from reporting_samples import content, dataset, result

from reelbench.faults import Fault, warning
from reelbench.reporting.charts import leaderboard, models, ratings, sections
from reelbench.reporting.charts.chart import Chart, data, finished
from reelbench.reporting.charts.style import javascript
from reelbench.reporting.comparisons import compared_metrics, every_pair
from reelbench.reporting.tables import metric_columns

RESULTS = [result("svd", 0.85, 0.2), result("bias", 0.9, 0.1), result("popularity", None, 0.3)]
METRICS = compared_metrics(10)


def spec(chart: Any) -> dict[str, Any]:
    (found,) = finished(iter([("name", "A caption", chart)]))
    return found.spec


def rows(chart: Any) -> pd.DataFrame:
    """The largest table in a chart."""
    tables = [table for table in spec(chart).get("datasets", {}).values()]
    inline = [layer["data"]["values"] for layer in _units(spec(chart)) if "data" in layer]
    return pd.DataFrame(max([*tables, *inline], key=len))


def _units(tree: dict[str, Any]) -> list[dict[str, Any]]:
    return [tree, *(unit for layer in tree.get("layer", []) for unit in _units(layer))]


def test_data_is_short_and_knows_no_nan() -> None:
    table = pd.DataFrame({"a": [np.nan, 1 / 3], "b": [1, 2], "c": ["x", None]})
    assert data(table).to_dict()["values"] == [{"b": 1, "c": "x"}, {"a": 0.333333, "b": 2}]


def test_every_chart_fills_its_box_and_says_what_it_is() -> None:
    charts = [chart for section in sections.charts(content(*RESULTS)).values() for chart in section]
    assert len({chart.name for chart in charts}) == len(charts) > 15
    assert all(isinstance(chart, Chart) and chart.spec["width"] == "container" for chart in charts)
    assert all(chart.spec["description"] == chart.caption for chart in charts)


def test_the_leaderboard_has_the_best_first_in_each_metric() -> None:
    table = rows(leaderboard.leaderboard(RESULTS, metric_columns(10)))
    errors = table[table["metric"] == "RMSE (lower is better)"]
    assert list(errors.sort_values("place")["model"]) == ["svd", "bias"]
    ranking = table[table["metric"] == "nDCG@10 (higher is better)"]
    assert list(ranking.sort_values("place")["model"]) == ["popularity", "svd", "bias"]
    assert ranking.iloc[0][["low", "high"]].tolist() == pytest.approx([0.29, 0.31])


def test_charts_of_a_faulty_protocol_say_so_themselves() -> None:
    honest = replace(content(*RESULTS), pairs=every_pair(RESULTS, 10, 200, 1))
    faulty = replace(honest, faults=(Fault.DROP_COLD_ITEMS,))
    for section in ("leaderboard", "costs", "differences"):
        assert all("subtitle" not in c.spec["title"] for c in sections.charts(honest)[section])
        marked = [c.spec["title"]["subtitle"] for c in sections.charts(faulty)[section]]
        assert marked and all(" ".join(m) == warning(faulty.faults) for m in marked)


def test_the_front_is_of_models_that_no_cheaper_one_equals() -> None:
    costs = {"a": (1.0, 0.9), "b": (2.0, 0.95), "c": (3.0, 0.8), "d": (3.0, 0.7), "e": (9.0, 0.7)}
    several = [result(name, rmse, train_seconds=s) for name, (s, rmse) in costs.items()]
    table = rows(leaderboard.pareto(several, METRICS[:1], "train_seconds", "s"))
    assert sorted(table.loc[table["front"], "model"]) == ["a", "d"]


def test_no_time_at_all_has_a_place_on_a_logarithmic_axis() -> None:
    chart = leaderboard.pareto([result("bias", train_seconds=0.0)], METRICS, "train_seconds", "s")
    assert (rows(chart)["cost"] > 0).all()
    costless = result("bias")
    costless.train_cost.clear()
    assert leaderboard.pareto([costless], METRICS, "train_seconds", "s") is None


def test_differences_read_the_same_both_ways() -> None:
    table = rows(leaderboard.differences(every_pair(RESULTS, 10, 200, 1)))
    table = table[table["metric"] == "RMSE"].set_index(["row", "column"])
    assert table.loc[("svd", "bias"), "verdict"] == "row better"
    assert table.loc[("bias", "svd"), "verdict"] == "row worse"
    there, back = (table.loc[pair, "difference"] for pair in (("svd", "bias"), ("bias", "svd")))
    assert there == pytest.approx(-back) and there < 0
    assert leaderboard.differences([]) is None


def test_a_learning_curve_marks_the_best_epoch() -> None:
    chart = spec(models.learning_curve("svd", RESULTS[0].curves))
    assert [{"epoch": 2}] in [unit["data"]["values"] for unit in _units(chart) if "data" in unit]
    assert models.learning_curve("svd", RESULTS[0].curves[:0]) is None


def test_predictions_are_grouped_by_the_given_rating() -> None:
    table = rows(models.predictions(RESULTS))
    assert set(table["model"]) == {"svd", "bias"}
    first = table[table["model"] == "svd"]
    assert first["given"].tolist() == [1, 2, 3, 4, 5]
    assert first["median"].tolist() == [2, 2.5, 3, 3.5, 4]


def test_calibration_is_what_was_given_less_what_was_predicted() -> None:
    own = result("svd")
    bins = {"n_test": [30, 30], "mean_predicted": [2.0, 4.0], "mean_given": [2.5, 3.9]}
    object.__setattr__(own, "calibration", pd.DataFrame(bins))
    assert rows(models.calibration([own]))["excess"].tolist() == pytest.approx([0.5, -0.1])
    assert models.calibration(RESULTS) is None


def test_cohorts_of_which_there_is_one_are_left_out() -> None:
    own = result("svd")
    table = {"by": ["users", "genre", "genre"], "cohort": ["warm", "War", "Drama"]}
    numbers = {"n_test": [9, 4, 5], "rmse": [0.9, 0.8, 1.0], "ndcg_at_10": [0.1, 0.2, 0.3]}
    object.__setattr__(own, "cohorts", pd.DataFrame(table | numbers))
    assert set(rows(models.cohorts([own], METRICS))["by"]) == {"genre"}
    assert models.cohorts(RESULTS, METRICS) is None


def test_shares_of_the_ratings_are_a_whole() -> None:
    given = dataset().interactions
    table = rows(ratings.per_value(given))
    assert table["share"].sum() == pytest.approx(1, abs=1e-5)
    assert table["ratings"].sum() == len(given)


def test_days_without_a_rating_are_zero() -> None:
    day = 86_400
    given = pd.DataFrame({"timestamp": [day, day, 4 * day], "rating": [1.0, 2.0, 3.0]})
    assert rows(ratings.per_day(given))["ratings"].tolist() == [2, 0, 0, 1]
    assert rows(ratings.per_day(given))["day"].iloc[0] == "1970-01-02"
    unknown = given.assign(timestamp=-1)
    assert ratings.per_day(unknown) is None and ratings.per_year(unknown) is None


def test_years_without_a_rating_are_zero() -> None:
    given = pd.DataFrame({"timestamp": [0, 3 * 366 * 86_400], "rating": [1.0, 2.0]})
    assert rows(ratings.per_year(given))["ratings"].tolist() == [1, 0, 0, 1]


def test_a_long_tail_stays_short() -> None:
    given = pd.DataFrame({"user_idx": np.repeat(np.arange(5000), np.arange(5000) % 7 + 1)})
    table = rows(ratings.long_tail(given, "user_idx", "user"))
    assert len(table) <= 300 and table["rank"].iloc[-1] == 5000
    assert table["ratings"].is_monotonic_decreasing
    assert table["share"].iloc[-1] == 1


def test_means_per_genre_by_hand() -> None:
    items = pd.DataFrame({"item_idx": [0, 1], "genres": [["Drama"], ["Drama", "War"]]})
    given = pd.DataFrame({"item_idx": [0, 1, 1], "rating": [1.0, 4.0, 5.0]})
    table = rows(ratings.mean_per_genre(given, items)).set_index("genre")
    assert table["mean"].to_dict() == pytest.approx({"Drama": 10 / 3, "War": 4.5}, rel=1e-5)


def test_ages_by_five_years_or_as_they_are_coded() -> None:
    many = pd.DataFrame({"age": np.arange(20, 50)})
    assert rows(ratings.ages(many))["ages"].tolist()[0] == "20-24"
    coded = pd.DataFrame({"age": [1, 18, 25, 25, 56]})
    assert rows(ratings.ages(coded))["users"].tolist() == [1, 1, 2, 1]
    assert ratings.ages(pd.DataFrame({"user_idx": [0]})) is None


def test_a_source_without_years_and_genres() -> None:
    given, items = dataset().interactions, pd.DataFrame({"item_idx": range(30)})
    assert ratings.genres(items) is None and ratings.mean_per_genre(given, items) is None
    assert ratings.per_release_year(given, items) is None
    assert ratings.mean_per_release_year(given, items) is None


def test_the_bundle_cannot_end_its_element() -> None:
    assert "</script" not in javascript() and "window.vegaEmbed=" in javascript()
    assert math.isclose(len(javascript()), 900_000, rel_tol=0.2)
