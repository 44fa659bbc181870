from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest
from reporting_samples import content, result

from reelbench.evaluation.significance import Comparison
from reelbench.reporting import comparison_figures, markdown, page
from reelbench.reporting.comparisons import (
    Metric,
    Pair,
    against_best,
    compared_metrics,
    comparisons_frame,
    every_pair,
)
from reelbench.reporting.published import SOURCES, published

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
    assert pairs[0].comparison.difference == pytest.approx(-0.05)


def test_p_values_are_corrected_within_a_metric(pairs: list[Pair]) -> None:
    # the smallest that 200 resamples can give, alone and as the first of three
    assert pairs[0].p_corrected == pytest.approx(2 / 201)
    # and that of the 300 that three comparisons get
    assert pairs[2].p_corrected == pytest.approx(3 * 2 / 301)


def test_a_difference_that_may_be_chance_is_nobodys() -> None:
    metric = Metric("rmse", "RMSE", higher_is_better=False)
    comparison = Comparison(-0.2, -0.4, 0.01, 0.06)
    assert Pair(metric, "a", "b", comparison, 0.06).better is None
    assert Pair(metric, "a", "b", comparison, 0.04).better == "a"


def test_the_file_has_a_row_per_pair_even_if_there_is_none(pairs: list[Pair]) -> None:
    frame = comparisons_frame(pairs)
    assert frame.loc[0, ["metric", "first", "better"]].tolist() == ["rmse", "svd", "svd"]
    assert frame.loc[1, "better"] == ""
    assert list(comparisons_frame([])) == list(frame)


def test_matrix_has_both_directions_of_every_pair(pairs: list[Pair]) -> None:
    figure = comparison_figures.significance_matrix(pairs[1:])
    assert figure is not None
    (axes,) = figure.axes
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    # popularity (row 2) less svd (column 0), and the other way round
    assert texts[0, 2] == "+0.1000"
    assert texts[2, 0] == "-0.1000"
    colours = np.ma.filled(axes.images[0].get_array(), np.nan)
    np.testing.assert_equal(colours, [[np.nan, 0, -1], [0, np.nan, -1], [1, 1, np.nan]])
    assert comparison_figures.significance_matrix([]) is None


def test_calibration_leaves_thin_bins_and_models_without_ratings_out() -> None:
    table = pd.DataFrame(
        {"n_test": [100, 3], "mean_predicted": [3.0, 4.0], "mean_given": [3.1, 2.0]}
    )
    shown = dataclasses.replace(RESULTS[0], calibration=table)
    figure = comparison_figures.calibration([shown, RESULTS[2]])
    assert figure is not None
    line, perfect = figure.axes[0].lines
    assert line.get_xdata().tolist() == [3.0]
    assert (line.get_label(), perfect.get_label()) == ("svd", "perfect")
    assert comparison_figures.calibration([RESULTS[2]]) is None


def test_a_matrix_of_many_models_is_wide_and_in_thousandths() -> None:
    metric = Metric("rmse", "RMSE", higher_is_better=False)
    names = [f"model_{number}" for number in range(30)]
    pairs = [
        Pair(metric, a, b, Comparison(-0.0123, -0.02, -0.01, 0.0), 0.0)
        for a, b in itertools.combinations(names, 2)
    ]
    figure = comparison_figures.significance_matrix(pairs)
    assert figure is not None
    (axes,) = figure.axes
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert len(texts) == 30 * 29
    assert (texts[29, 0], texts[0, 29]) == ("-12", "+12")
    # a number has its cell to itself
    assert figure.get_figwidth() / 30 > 0.3


def test_calibration_of_many_models_is_a_panel_for_each() -> None:
    table = pd.DataFrame({"n_test": [90, 90], "mean_predicted": [3, 4], "mean_given": [3.1, 3.5]})
    many = [dataclasses.replace(result(f"m{i}"), calibration=table) for i in range(13)]
    figure = comparison_figures.calibration(many)
    assert figure is not None
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in panels] == [f"m{i}" for i in range(13)]
    *others, own, zero = panels[0].lines
    assert len(others) == 13 and list(zero.get_ydata()) == [0, 0]
    np.testing.assert_allclose(own.get_ydata(), [0.1, -0.5])


def test_the_leaderboard_says_which_differences_are_real(pairs: list[Pair]) -> None:
    reported = dataclasses.replace(content(*RESULTS), pairs=pairs)
    rows = [line for line in markdown.render(reported).splitlines() if line.startswith("| RMSE |")]
    assert len(rows) == 1
    assert rows[0].startswith("| RMSE | bias | svd | +0.0500 | [") and rows[0].endswith("| svd |")


def test_listed_is_every_model_less_the_best_of_the_metric(pairs: list[Pair]) -> None:
    found = against_best(RESULTS, pairs)
    assert [(pair.metric.key, pair.first, pair.second) for pair in found] == [
        ("rmse", "bias", "svd"),
        ("ndcg_at_10", "svd", "popularity"),
        ("ndcg_at_10", "bias", "popularity"),
    ]
    assert all(pair.better == pair.second for pair in found)
    assert against_best(RESULTS, []) == []


def test_a_pair_the_other_way_round() -> None:
    metric = Metric("rmse", "RMSE", higher_is_better=False)
    turned = Pair(metric, "a", "b", Comparison(-0.2, -0.4, 0.1, 0.06), 0.04).reversed()
    assert turned == Pair(metric, "b", "a", Comparison(0.2, -0.1, 0.4, 0.06), 0.04)
    assert turned.better == "a"
    same = Pair(metric, "a", "b", Comparison(0.0, 0.0, 0.0, 1.0), 1.0).reversed()
    assert f"{same.comparison.difference:+.4f}" == "+0.0000"


def test_published_rows_are_marked_and_only_shown_for_their_protocol() -> None:
    assert published(None) == published("another") == []
    rows = published("recommenders_ml100k")
    assert [row.algorithm for row in rows][:2] == ["ALS", "SVD"]
    assert "rmse" not in rows[2].values and rows[2].values["ndcg_at_10"] == 0.393819
    reported = dataclasses.replace(
        content(*RESULTS), protocol="recommenders_ml100k", published=rows
    )
    text = markdown.render(reported)
    assert "## Published, not run here" in text
    assert "| SVD | 0.942506 | 0.744752 | 0.299984 | 0.094445 |" in text
    gallery = {key: [] for key in ("leaderboard", "costs", "training", "predictions", "data")}
    html = page.render(reported, gallery)
    assert "Published, not run here" in html and "LightGCN" in html
    # none of them is a row of the leaderboard
    assert "SVD" not in html[: html.index('id="published"')]


def test_every_protocol_has_a_source() -> None:
    assert all(published(protocol) for protocol in SOURCES)


def test_cohorts_are_a_table_per_metric_and_division() -> None:
    cohorts = pd.DataFrame(
        {
            "by": ["genre", "genre", "decade"],
            "cohort": ["Drama", "War", "1990s"],
            "n_test": [50, 10, 60],
            "rmse": [0.9, 1.1, 0.95],
            "ndcg_at_10": [0.1, np.nan, 0.2],
        }
    )
    ranks = dataclasses.replace(RESULTS[2], cohorts=cohorts.assign(rmse=np.nan))
    shown = [dataclasses.replace(RESULTS[0], cohorts=cohorts), ranks]
    found = dataclasses.replace(content(*RESULTS), results=shown).cohort_tables()
    assert [table.title for table in found] == [
        "RMSE by genre",
        "nDCG@10 by genre",
        "RMSE by decade",
        "nDCG@10 by decade",
    ]
    assert found[0].columns == [("Drama", 50), ("War", 10)]
    assert found[0].rows == [("svd", ["0.9000", "1.1000"])]
    assert found[1].rows[1] == ("popularity", ["0.1000", "—"])
    assert content(*RESULTS).cohort_tables() == []


def test_the_compared_metrics_are_those_of_the_leaderboard() -> None:
    assert [metric.key for metric in compared_metrics(20)] == ["rmse", "ndcg_at_20"]
