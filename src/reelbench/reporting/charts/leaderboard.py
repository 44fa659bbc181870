"""Charts that compare models: metric by metric, accuracy against time, significant differences."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from reelbench.evaluation.metrics import Metric
from reelbench.evaluation.significance import Pair
from reelbench.reporting.charts.chart import AnyChart, Layers, choosing, data, series, tips, title
from reelbench.reporting.charts.style import FAINT, FREE, MAIN, OTHER, PAGE, ROW, WIDTH
from reelbench.reporting.comparisons import having
from reelbench.reporting.results import Result

# a time of zero has no place on a logarithmic axis
_SHORTEST = 1e-3
_SCATTER_HEIGHT = 380


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
    order = alt.EncodingSortField("place", op="min")
    base = alt.Chart().encode(y=alt.Y("model:N", sort=order, title=None))
    return alt.layer(
        base.mark_rule(color=MAIN, strokeWidth=2).encode(
            x=alt.X("low:Q", scale=FREE, title=None), x2=alt.X2("high:Q")
        ),
        base.mark_point(filled=True, size=70, opacity=1, color=MAIN).encode(
            x=alt.X("value:Q", scale=FREE, title=None),
            tooltip=tips("model:N", "metric:N", "value:Q", "low:Q", "high:Q"),
        ),
        data=data(table),
        height=ROW * table["model"].nunique(),
    )


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
    log = alt.Scale(type="log", nice=False, padding=14)
    base = alt.Chart().encode(
        x=alt.X("cost:Q", scale=log, title=f"{unit} (logarithmic)"),
        y=alt.Y("value:Q", scale=alt.Scale(zero=False, padding=12), title=None),
    )
    front = base.transform_filter("datum.front").mark_line(
        interpolate="step-after", color=OTHER, strokeDash=[4, 3]
    )
    colour = alt.when("datum.front").then(alt.value(OTHER)).otherwise(alt.value(MAIN))
    points = base.mark_point(filled=True, size=80, opacity=0.9).encode(
        color=colour, tooltip=[*tips("model:N", "value:Q"), alt.Tooltip("cost:Q", title=unit)]
    )
    shown = alt.ExprRef("all_names || datum.front ? 1 : 0")
    names = base.mark_text(align="left", dx=7, dy=-5, opacity=shown)
    names = names.encode(text=alt.Text("model:N"))
    every = alt.param(name="all_names", value=False, bind=alt.binding_checkbox(name="all names "))
    layers = choosing(alt.layer(front, points, names, data=data(table)), table, "metric")
    return layers.add_params(every).properties(title=title("metric"), height=_SCATTER_HEIGHT)


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
    colour = series("verdict:N", verdicts.values(), (MAIN, OTHER, FAINT), columns=1)
    axis = alt.Axis(labelAngle=-90, title=None, labelLimit=90)
    named = {"difference": "row minus column", "low": "95 % interval from", "high": "to"}
    cells = choosing(alt.Chart(data(table)), table, "metric")
    cells = cells.transform_calculate(verdict=f"({verdicts!r})[datum.better]")
    cells = cells.properties(title=title("metric + ': row minus column'"), height=ROW * len(names))
    return cells.mark_rect(stroke=PAGE, strokeWidth=1).encode(
        x=alt.X("column:N", sort=names, axis=axis),
        y=alt.Y("row:N", sort=names, title=None),
        color=colour,
        tooltip=[
            *tips("row:N", "column:N"),
            *(alt.Tooltip(f"{name}:Q", format="+.4f", title=t) for name, t in named.items()),
            alt.Tooltip("p:Q", format=".3f"),
        ],
    )


def _row(pair: Pair) -> dict[str, object]:
    numbers = [round(value, pair.metric.digits) for value in pair.comparison[:3]]
    return {
        **{"metric": pair.metric.title, "row": pair.first, "column": pair.second},
        **dict(zip(("difference", "low", "high"), numbers, strict=True)),
        "p": round(pair.p_corrected, 3),
        "better": {pair.first: "better", pair.second: "worse", None: "none"}[pair.better],
    }
