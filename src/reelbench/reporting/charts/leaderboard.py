"""Charts that compare models: metric by metric, accuracy against time, significant differences."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from reelbench.evaluation.metrics import Metric
from reelbench.evaluation.significance import Pair
from reelbench.reporting.charts.chart import AnyChart, Layers, choosing, data, drawn, title
from reelbench.reporting.charts.style import ROW, WIDTH
from reelbench.reporting.comparisons import having
from reelbench.reporting.results import Result

# a time of zero has no place on a logarithmic axis
_SHORTEST = 1e-3


def leaderboard(results: Sequence[Result], metrics: Sequence[Metric]) -> AnyChart | None:
    """A chosen metric of every model with its 95 % interval, the best on top."""
    table = pd.concat([_scores(results, metric) for metric in metrics])
    if table.empty:
        return None
    return choosing(_intervals(table), table, "metric").properties(title=title("metric"))


def overview(results: Sequence[Result], metrics: Sequence[Metric]) -> AnyChart | None:
    """Metrics side by side, each with its own order of the models."""
    tables = [table for metric in metrics if len(table := _scores(results, metric))]
    if not tables:
        return None
    named = [(_intervals(table), table["metric"].iloc[0]) for table in tables]
    return alt.hconcat(*(own.properties(title=name, width=0.6 * WIDTH) for own, name in named))


def _intervals(table: pd.DataFrame) -> Layers:
    return drawn("intervals", data=data(table), height=ROW * table["model"].nunique())


def _scores(results: Sequence[Result], metric: Metric) -> pd.DataFrame:
    shown = having(results, metric)
    shown.sort(key=lambda result: metric.loss(0.0, result.metrics[metric.key]))
    rows = []
    for place, result in enumerate(shown):
        value = result.metrics[metric.key]
        bounds = result.metrics.get("intervals", {}).get(metric.key, (value, value))
        numbers = (round(number, metric.digits) for number in (value, *bounds))
        rows.append((_better(metric), result.name, *numbers, place))
    return pd.DataFrame(rows, columns=["metric", "model", "value", "low", "high", "place"])


def _better(metric: Metric) -> str:
    return f"{metric.title} ({metric.better} is better)"


def pareto(
    results: Sequence[Result], metrics: Sequence[Metric], cost: str, unit: str
) -> AnyChart | None:
    """A chosen metric against a time, and the models that no cheaper one equals.

    `cost` is a key of a cost file, and `unit` the title of its axis.
    """
    tables = [_front(results, metric, cost) for metric in metrics]
    table = pd.concat([own for own in tables if len(own)] or tables)
    if table.empty:
        return None
    layers = drawn("pareto", data=data(table), axis=f"{unit} (logarithmic)", unit=unit)
    every = alt.param(name="all_names", value=False, bind=alt.binding_checkbox(name="all names "))
    return choosing(layers, table, "metric").add_params(every)


def _front(results: Sequence[Result], metric: Metric, cost: str) -> pd.DataFrame:
    """Models by ascending cost; `front` where no cheaper one is as good."""
    known = [
        (r.name, max(costs[cost], _SHORTEST), value := r.metrics[metric.key], metric.loss(0, value))
        for r in having(results, metric)
        if cost in (costs := r.train_cost | r.evaluate_cost)
    ]
    table = pd.DataFrame(known, columns=["model", "cost", "value", "loss"])
    # of equally cheap ones the best comes first
    table = table.sort_values(["cost", "loss", "model"])
    table["front"] = table["loss"] < table["loss"].cummin().shift(fill_value=float("inf"))
    return table.drop(columns="loss").assign(metric=_better(metric)).round({"value": metric.digits})


def differences(pairs: Sequence[Pair]) -> AnyChart | None:
    """A chosen metric of the row minus that of the column, coloured where it is significant."""
    if not pairs:
        return None
    names = list(dict.fromkeys(name for pair in pairs for name in (pair.first, pair.second)))
    table = pd.DataFrame([_row(turned) for pair in pairs for turned in (pair, pair.reversed())])
    verdicts = {"better": "row better", "worse": "row worse", "none": "no significant difference"}
    shown = {"names": names, "verdicts": list(verdicts.values()), "height": ROW * len(names)}
    cells = choosing(drawn("differences", data=data(table), **shown), table, "metric")
    return cells.transform_calculate(verdict=f"({verdicts!r})[datum.better]")


def _row(pair: Pair) -> dict[str, object]:
    numbers = [round(value, pair.metric.digits) for value in (pair.difference, pair.low, pair.high)]
    return {
        **{"metric": pair.metric.title, "row": pair.first, "column": pair.second},
        **dict(zip(("difference", "low", "high"), numbers, strict=True)),
        "p": round(pair.p, 6),
        "better": {pair.first: "better", pair.second: "worse", None: "none"}[pair.better],
    }
