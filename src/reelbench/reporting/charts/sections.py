"""All charts of the page, by section and in the order in which it shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reelbench.columns import ITEM_IDX, USER_IDX
from reelbench.reporting import tables
from reelbench.reporting.charts import leaderboard, models, ratings
from reelbench.reporting.charts.chart import Chart, Drawn, finished
from reelbench.reporting.comparisons import compared_metrics
from reelbench.reporting.content import Content
from reelbench.reporting.dataset import Dataset
from reelbench.reporting.results import Result

_COSTS = {
    "train_seconds": ("accuracy_vs_training", "seconds of training"),
    "score_microseconds_per_user": ("accuracy_vs_scoring", "µs of scoring per user"),
}


def charts(content: Content) -> Mapping[str, list[Chart]]:
    """By section of the page: leaderboard, costs, differences, cohorts, training, …"""
    results, k = content.results, content.k
    return {
        "leaderboard": finished(_leaderboard(content), wide=True),
        "costs": finished(_costs(content)),
        "differences": finished(_differences(content), wide=True),
        "cohorts": finished(_cohorts(results, k), wide=True),
        "training": finished(_training(results)),
        "predictions": finished(_predictions(results)),
        "data": finished(_data(content.dataset)),
    }


def _leaderboard(content: Content) -> Drawn:
    columns = tables.metric_columns(content.k)
    caption = "Every model with its 95 % interval, the best on top"
    chart = leaderboard.leaderboard(content.results, columns, content.faults)
    yield "leaderboard", caption, chart


def _costs(content: Content) -> Drawn:
    metrics = compared_metrics(content.k)
    for cost, (name, unit) in _COSTS.items():
        caption = f"Accuracy against {unit}; orange: no cheaper model is as good"
        chart = leaderboard.pareto(content.results, metrics, cost, unit, content.faults)
        yield name, caption, chart


def _differences(content: Content) -> Drawn:
    caption = "Row less column, coloured where a paired test tells the two apart"
    yield "differences", caption, leaderboard.differences(content.pairs, content.faults)


def _cohorts(results: Sequence[Result], k: int) -> Drawn:
    caption = "The chosen model in blue, all others in grey"
    yield "cohorts", caption, models.cohorts(results, compared_metrics(k))


def _training(results: Sequence[Result]) -> Drawn:
    for r in results:
        caption = f"Loss of {r.name} per epoch; dotted: the best epoch on valid"
        yield f"learning_curve_{r.name}", caption, models.learning_curve(r.name, r.curves)


def _predictions(results: Sequence[Result]) -> Drawn:
    caption = "What was given less what was predicted, by bins of the prediction; grey: the others"
    yield "calibration", caption, models.calibration(results)
    caption = "Predictions per given rating: quartiles, median, 5 and 95 %; diamond: mean"
    yield "predicted_vs_given", caption, models.predictions(results)


def _data(dataset: Dataset) -> Drawn:
    given, items = dataset.interactions, dataset.items
    yield "ratings_per_value", "How often each rating was given", ratings.per_value(given)
    yield "ratings_per_year", "Ratings per year in which they were given", ratings.per_year(given)
    yield "ratings_per_day", "When ratings were given", ratings.per_day(given)
    tail = "The long tail; left of the orange line are half of all ratings"
    yield "ratings_per_user", tail, ratings.long_tail(given, USER_IDX, "user")
    yield "ratings_per_movie", tail, ratings.long_tail(given, ITEM_IDX, "movie")
    yield "ages", "Users by age", ratings.ages(dataset.users)
    yield "genres", "Movies per genre; a movie counts in each of its genres", ratings.genres(items)
    means = ratings.mean_per_genre(given, items)
    yield "mean_per_genre", "Dashed: the mean of all ratings", means
    years = ratings.mean_per_release_year(given, items)
    yield "mean_per_release_year", "Mean rating by the year in which the movie came out", years
    counts = ratings.per_release_year(given, items)
    yield "ratings_per_release_year", "Ratings by the year in which the movie came out", counts
