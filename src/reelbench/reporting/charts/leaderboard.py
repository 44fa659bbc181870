"""Charts that compare models: metric by metric, accuracy against time, model by model."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from reelbench.evaluation.metrics import Metric
from reelbench.evaluation.significance import Pair, p_text
from reelbench.reporting.charts.chart import AnyChart, Layers, chooser, choosing, data, drawn, title
from reelbench.reporting.charts.style import FAMILIES, ROW, WIDTH, family
from reelbench.reporting.comparisons import best_of, having
from reelbench.reporting.results import Result

# a cost of zero has no place on a logarithmic axis: the smallest that its file tells from zero
_LEAST = {"energy_wh": 1e-6}
_SHORTEST = 1e-3
# of the families of models
_COLOURS = {
    "families": list(FAMILIES),
    "colours": [f"var(--family-{place})" for place in range(1, len(FAMILIES) + 1)],
}
_BEST = "the best"  # what to compare with, instead of the name of a model


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


def text_help(table: pd.DataFrame) -> AnyChart | None:
    """What texts change in the error, for a chosen group of movies (`comparisons.text_help`)."""
    if table.empty:
        return None
    names = table["model"].str.removeprefix("st_").replace("st", "MiniLM")
    height = ROW * (names.nunique() + 1)
    chart = drawn("text_help", data=data(table.assign(model=names)), height=height)
    return choosing(chart, table, "movies")


def pareto(
    results: Sequence[Result], metrics: Sequence[Metric], costs: Mapping[str, str]
) -> AnyChart | None:
    """A chosen metric against a chosen cost, and the models that no cheaper one equals.

    `costs` has the title of the axis by the key in a cost file.
    """
    table = pd.concat([_front(results, m, key, costs[key]) for m in metrics for key in costs])
    if table.empty:
        return None
    return choosing(drawn("pareto", data=data(table), **_COLOURS), table, "metric", "cost")


def _front(results: Sequence[Result], metric: Metric, cost: str, name: str) -> pd.DataFrame:
    """Models by ascending cost; `front` where no cheaper one is as good."""
    least = _LEAST.get(cost, _SHORTEST)
    known = [
        (r.name, family(r.family), max(costs[cost], least), r.metrics[metric.key])
        for r in having(results, metric)
        if cost in (costs := r.train_cost | r.evaluate_cost)
    ]
    table = pd.DataFrame(known, columns=["model", "family", "spent", "value"])
    loss = table["value"].map(lambda value: metric.loss(0, value))
    # of equally cheap ones the best comes first
    table = table.assign(loss=loss).sort_values(["spent", "loss", "model"])
    table["front"] = table["loss"] < table["loss"].cummin().shift(fill_value=float("inf"))
    table = table.drop(columns="loss").round({"value": metric.digits})
    return table.assign(metric=_better(metric), cost=name)


def against_diversity(
    results: Sequence[Result], accuracy: Metric, diversity: Metric
) -> AnyChart | None:
    """The accuracy of lists against their diversity, re-ranked models joined to their base.

    `front` are the models than which no other one is better in both.
    """
    shown = [r for r in having(results, accuracy) if r.metrics.get(diversity.key) is not None]
    if not shown:
        return None
    points = [
        (r.name, family(r.family), r.metrics[diversity.key], r.metrics[accuracy.key], r.base)
        for r in shown
    ]
    table = pd.DataFrame(points, columns=["model", "family", "x", "y", "base"])
    bases = table[["model", "x", "y"]].add_prefix("base_")
    table = table.merge(bases, "left", left_on="base", right_on="base_model")
    table = table.sort_values(["y", "x", "model"], ascending=[False, False, True])
    table["front"] = table["x"] > table["x"].cummax().shift(fill_value=-float("inf"))
    table["reranked"] = table["base_model"].notna()
    names = {"accuracy": accuracy.title, "diversity": diversity.title}
    table = table.drop(columns=["base", "base_model"])
    # a line of no length, since Vega warns of a layer without rows
    table = table.fillna({"base_x": table["x"], "base_y": table["y"]})
    return drawn("diversity", data=data(table), **_COLOURS, **names)


def differences(results: Sequence[Result], pairs: Sequence[Pair], margin: float) -> AnyChart | None:
    """Every model minus a chosen one, with simultaneous intervals, in per cent.

    It is the best at first, and where the chosen one lacks the metric. The margin is a band.
    """
    if not pairs:
        return None
    names = list(dict.fromkeys(name for pair in pairs for name in (pair.first, pair.second)))
    table, percent = _compared(pairs), 100 * margin
    own = {pair.metric: having(results, pair.metric) for pair in pairs}
    best = {metric.title: best_of(models, metric) for metric, models in own.items()}
    known = {metric.title: [model.name for model in models] for metric, models in own.items()}
    layers = drawn(
        "differences",
        data=data(table),
        margin=data(pd.DataFrame({"low": [-percent], "zero": [0], "high": [percent]})),
        linear=percent or 1,
        height=ROW * len(names),
    )
    chosen = f"indexof(({known!r})[metric], against) < 0 ? ({best!r})[metric] : against"
    other = alt.param("other", expr=chosen)
    against = chooser("against", [_BEST, *names])
    return choosing(layers, table, "metric").add_params(against, other)


def _compared(pairs: Sequence[Pair]) -> pd.DataFrame:
    """Every pair once: the charts turn it round as well."""
    columns = ["metric", "first", "second", "verdict", "difference", "low", "high", "p"]
    columns += ["base", "sign"]
    rows = [
        (
            *(pair.metric.title, pair.first, pair.second, pair.verdict),
            *(float(f"{value:.4g}") for value in (pair.difference, pair.low, pair.high)),
            *(p_text(pair.p), pair.reference, pair.metric.loss(0, 1)),
        )
        for pair in pairs
    ]
    return pd.DataFrame(rows, columns=columns)
