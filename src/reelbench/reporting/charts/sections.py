"""All charts by section of the page, in the order in which it shows them, and their PNGs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reelbench.columns import ITEM_IDX, USER_IDX
from reelbench.evaluation.metrics import find, leaderboard_metrics
from reelbench.reporting.charts import leaderboard, models, networks, ratings
from reelbench.reporting.charts.chart import Chart, existing
from reelbench.reporting.comparisons import WITHOUT_TEXT, compared_metrics
from reelbench.reporting.content import Content
from reelbench.reporting.dataset import Dataset
from reelbench.reporting.results import Result

# axis of the first chart, by key
_COSTS = {
    "train_seconds": "seconds of training",
    "score_microseconds_per_user": "µs of scoring per user",
    "energy_wh": "Wh of training",
}


def charts(content: Content) -> Mapping[str, list[Chart]]:
    """By section of the page: leaderboard, costs, differences, cohorts, training and the rest."""
    results, warning, metrics = content.results, content.warning, compared_metrics(content.k)
    lists = find(f"ndcg_at_{content.k}"), find(f"diversity_genres_at_{content.k}")
    compared = dict.fromkeys(pair.metric for pair in content.pairs)
    in_grey = "The chosen model in blue, all others in grey"
    single = {
        "leaderboard": Chart(
            "leaderboard",
            "Every model with its 95 % interval, the best on top",
            leaderboard.leaderboard(results, leaderboard_metrics(content.k)),
            {"leaderboard": {}},
            still=leaderboard.overview(results, metrics),
        ),
        "costs": Chart(
            "accuracy_vs_cost",
            "Accuracy against cost, which has a logarithmic axis. On the line, with bold names: "
            "models that no cheaper one equals",
            leaderboard.pareto(results, metrics[::-1], _COSTS),
            wide=True,
        ),
        "lists": Chart(
            "accuracy_vs_diversity",
            "On the line, with bold names: models than which none is better in both; diamonds, "
            "joined to their base: re-ranked",
            leaderboard.against_diversity(results, *lists),
            wide=True,
        ),
        "differences": Chart(
            "differences",
            "Difference from the chosen model with its simultaneous 95 % interval; green: the "
            "margin, beyond which the axis is logarithmic",
            leaderboard.differences(results, content.pairs, content.config.margin),
            {f"differences_{metric.key}": {"metric": metric.title} for metric in compared},
        ),
        "text": Chart(
            "does_text_help",
            f"RMSE minus that of {WITHOUT_TEXT}, which reads no text, with its simultaneous 95 % "
            "interval; st_random: random vectors instead of texts",
            leaderboard.text_help(content.text),
            wide=True,
        ),
        "cohorts": Chart("cohorts", in_grey, models.cohorts(results, metrics), wide=True),
    }
    return {
        **{section: existing([chart], warning) for section, chart in single.items()},
        "training": existing(map(_training, results), warning),
        "networks": existing(map(_network, content.networks)),
        "predictions": existing(_predictions(results), warning),
        "data": existing(_data(content.dataset)),
    }


def pictures(drawn: Mapping[str, Sequence[Chart]]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of the PNG of every chart that has one.

    Their bytes are those of the last run as long as no number moved: what shows costs, which differ
    from run to run, is on the page only.
    """
    return (picture for section in drawn.values() for chart in section for picture in chart.pngs())


def _training(result: Result) -> Chart:
    name = f"learning_curve_{result.name}"
    caption = f"Loss of {result.name} per epoch; dotted: the best epoch on valid"
    return Chart(name, caption, models.learning_curve(result.name, result.curves), {name: {}})


def _network(result: Result) -> Chart:
    title, name = f"Network of {result.name}", f"network_{result.name}"
    caption = (
        f"{title}: {len(result.layers)} layers from the inputs, on top, to the predicted rating; "
        f"{result.parameters:,} trained parameters"
    )
    return Chart(name, caption, networks.network(title, result.layers), {name: {}}, wide=True)


def _predictions(results: Sequence[Result]) -> Iterable[Chart]:
    tables = {r.name: r.predictions for r in results}
    yield Chart(
        "calibration",
        "Mean given minus mean predicted rating, by bins of the prediction; grey: the others",
        models.calibration(results),
        {"calibration": {}},
        still=models.calibration_panels(results),
    )
    yield Chart(
        "predicted_vs_actual",
        "Predictions per given rating: quartiles, median, 5 and 95 %; diamond: mean",
        models.predictions(tables),
        {"predicted_vs_actual": {}},
        still=models.prediction_panels(tables),
    )


def _data(dataset: Dataset) -> Iterable[Chart]:
    given, items, users = dataset.interactions, dataset.items, dataset.users
    tail = "The long tail; left of the orange line are half of all ratings"
    drawn = {
        "ratings_per_value": ("How often each rating was given", ratings.per_value(given)),
        "ratings_per_day": ("When ratings were given", ratings.per_day(given)),
        "ratings_per_user": (tail, ratings.long_tail(given, USER_IDX, "user")),
        "ratings_per_movie": (tail, ratings.long_tail(given, ITEM_IDX, "movie")),
        "ages": ("Users by age", ratings.ages(users)),
        "genres": ("Movies per genre; a movie counts in each of its genres", ratings.genres(items)),
        "mean_per_genre": ("Dashed: the mean of all", ratings.mean_per_genre(given, items)),
        "mean_per_release_year": ("By release year", ratings.mean_per_year(given, items)),
    }
    for name, (caption, chart) in drawn.items():
        yield Chart(name, caption, chart, {name: {}})
