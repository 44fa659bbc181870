"""Charts that compare models: metric by metric, accuracy against time, model by model."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from reelbench.evaluation.metrics import Metric
from reelbench.evaluation.significance import Pair, p_text
from reelbench.reporting.charts.chart import AnyChart, Layers, chooser, choosing, data, drawn, title
from reelbench.reporting.charts.style import ROW, WIDTH
from reelbench.reporting.comparisons import best_of, having
from reelbench.reporting.results import Result

# a cost of zero has no place on a logarithmic axis: the smallest that its file tells from zero
_LEAST = {"energy_wh": 1e-6}
_SHORTEST = 1e-3
# pixels: height of the chart of diversity and least width of its inside, of a line and a letter
_TALL, _NARROW, _LINE, _LETTER = 380, 280, 13, 6.5
# models that are all named in it
_FEW = 10
# what to compare with, instead of the name of a model
_BEST = "the best"


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
    chart = choosing(_text_help(table), table, "movies")
    return chart.properties(title=title("'Movies: ' + movies + ' train ratings'"))


def text_help_panels(table: pd.DataFrame) -> AnyChart | None:
    """The same for every group, a small panel each."""
    if table.empty:
        return None
    panels = []
    for name, own in table.groupby("movies", sort=False):
        note = f"{own['ratings'].iloc[0]:,} test ratings"
        top = alt.Title(f"{name} train ratings", subtitle=note)
        panels.append(_text_help(own).properties(title=top, width=0.4 * WIDTH))
    return alt.hconcat(*panels)


def _text_help(table: pd.DataFrame) -> Layers:
    names = table["model"].str.removeprefix("st_").replace("st", "MiniLM")
    height = ROW * (names.nunique() + 1)
    return drawn("text_help", data=data(table.assign(model=names)), height=height)


def pareto(
    results: Sequence[Result], metrics: Sequence[Metric], cost: str, unit: str
) -> AnyChart | None:
    """A chosen metric against a cost, and the models that no cheaper one equals.

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
    least = _LEAST.get(cost, _SHORTEST)
    known = [
        (r.name, max(costs[cost], least), value := r.metrics[metric.key], metric.loss(0, value))
        for r in having(results, metric)
        if cost in (costs := r.train_cost | r.evaluate_cost)
    ]
    table = pd.DataFrame(known, columns=["model", "cost", "value", "loss"])
    # of equally cheap ones the best comes first
    table = table.sort_values(["cost", "loss", "model"])
    table["front"] = table["loss"] < table["loss"].cummin().shift(fill_value=float("inf"))
    return table.drop(columns="loss").assign(metric=_better(metric)).round({"value": metric.digits})


def against_diversity(
    results: Sequence[Result], accuracy: Metric, diversity: Metric
) -> AnyChart | None:
    """The accuracy of lists against their diversity, re-ranked models joined to their base.

    `front` are the models than which no other one is better in both. They, the re-ranked ones and
    their bases are named, or all of a few.
    """
    shown = [r for r in having(results, accuracy) if r.metrics.get(diversity.key) is not None]
    if not shown:
        return None
    points = [(r.name, r.metrics[diversity.key], r.metrics[accuracy.key], r.base) for r in shown]
    table = pd.DataFrame(points, columns=["model", "x", "y", "base"])
    bases = table[["model", "x", "y"]].add_prefix("base_")
    table = table.merge(bases, "left", left_on="base", right_on="base_model")
    table = table.sort_values(["y", "x", "model"], ascending=[False, False, True])
    table["front"] = table["x"] > table["x"].cummax().shift(fill_value=-float("inf"))
    table["reranked"] = table["base_model"].notna()
    table["named"] = table["front"] | table["reranked"] | table["model"].isin(table["base"])
    table["named"] |= len(table) <= _FEW
    across, up = (_with_margin(table[axis]) for axis in "xy")
    table["right"] = table["x"] > sum(across) / 2
    table.loc[table["named"], "label"] = _heights(table[table["named"]], across, up)
    texts = {"accuracy": accuracy.title, "diversity": diversity.title, "across": across, "up": up}
    texts["title"] = f"{accuracy.title} against {diversity.title}"
    table = table.drop(columns=["base", "base_model"])
    return drawn("diversity", data=data(table), height=_TALL, **texts)


def _with_margin(values: pd.Series) -> list[float]:
    margin = 0.08 * (values.max() - values.min()) or 0.1
    return [values.min() - margin, values.max() + margin]


def _heights(named: pd.DataFrame, across: list[float], up: list[float]) -> list[float]:
    """Where on the vertical axis each name stands, so that none overlaps another.

    From the top, each as high as its point or, below a name that is in its way, a line lower.
    """
    pixel = (up[1] - up[0]) / _TALL
    placed: list[tuple[float, float, float]] = []
    columns = (named[name].tolist() for name in ("model", "x", "y", "right"))
    for model, x, y, right in zip(*columns, strict=True):
        width = len(model) * _LETTER + 10
        left = (x - across[0]) / (across[1] - across[0]) * _NARROW - width * right
        height = (up[1] - y) / pixel - _LINE / 2  # beside the point, above a line to it
        for other, end, taken in sorted(placed, key=lambda name: name[2]):
            if left < end and other < left + width and abs(height - taken) < _LINE:
                height = taken + _LINE
        placed.append((left, left + width, height))
    return [up[1] - height * pixel for _, _, height in placed]


def differences(results: Sequence[Result], pairs: Sequence[Pair], margin: float) -> AnyChart | None:
    """Every model minus a chosen one, with simultaneous intervals, in per cent.

    It is the best at first, and where the chosen one lacks the metric. The margin is a band.
    """
    if not pairs:
        return None
    names, table, percent = _names(pairs), _compared(pairs), 100 * margin
    own = {pair.metric: having(results, pair.metric) for pair in pairs}
    best = {metric.title: best_of(models, metric) for metric, models in own.items()}
    known = {metric.title: [model.name for model in models] for metric, models in own.items()}
    base, sign = zip(*((pair.reference, pair.metric.loss(0, 1)) for pair in pairs), strict=True)
    layers = drawn(
        "differences",
        data=data(table.assign(base=base, sign=sign)),
        margin=data(pd.DataFrame({"low": [-percent], "zero": [0], "high": [percent]})),
        linear=percent or 1,
        height=ROW * len(names),
    )
    chosen = f"indexof(({known!r})[metric], against) < 0 ? ({best!r})[metric] : against"
    other = alt.param("other", expr=chosen)
    against = chooser("against", [_BEST, *names])
    return choosing(layers, table, "metric").add_params(against, other)


def every_pair(pairs: Sequence[Pair]) -> AnyChart | None:
    """The verdicts on all pairs in a chosen metric: the model of the row against the column's."""
    if not pairs:
        return None
    names, table = _names(pairs), _compared(pairs)
    cells = drawn("every_pair", data=data(table), names=names, height=ROW * len(names))
    return choosing(cells, table, "metric")


def _names(pairs: Sequence[Pair]) -> list[str]:
    return list(dict.fromkeys(name for pair in pairs for name in (pair.first, pair.second)))


def _compared(pairs: Sequence[Pair]) -> pd.DataFrame:
    """Every pair once: the charts turn it round as well."""
    columns = ["metric", "first", "second", "verdict", "difference", "low", "high", "p"]
    rows = [
        (
            *(pair.metric.title, pair.first, pair.second, pair.verdict),
            *(float(f"{value:.4g}") for value in (pair.difference, pair.low, pair.high)),
            p_text(pair.p),
        )
        for pair in pairs
    ]
    return pd.DataFrame(rows, columns=columns)
