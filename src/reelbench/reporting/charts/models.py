"""Charts of single models: learning curves, cohorts, calibration, predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from reelbench.columns import COHORT, COHORT_BY, MEAN_GIVEN, MEAN_PREDICTED, N_TEST, RATING, SCORE
from reelbench.evaluation.metrics import Metric
from reelbench.reporting.charts import chart
from reelbench.reporting.charts.chart import AnyChart, Layers
from reelbench.reporting.charts.style import FAINT, FREE, HEIGHT, png
from reelbench.reporting.results import Result

# the mean of a bin of the rating scale with fewer ratings is noise
_FEWEST_RATINGS = 20
# more given values than this are drawn in as many equal bins
_MOST_BOXES = 10
_MOST_BINS = 50
# pixels: width of a small panel
_PANEL = 120
_PANELS_PER_ROW = 6
_PARTS = {"train_loss": "train", "valid_loss": "valid"}


def learning_curve(model: str, curves: pd.DataFrame) -> AnyChart | None:
    """Loss per epoch on train and valid, with the best epoch; None for a model without epochs."""
    if curves.empty:
        return None
    table = curves[["epoch", *_PARTS]].rename(columns=_PARTS)
    table = table.melt("epoch", var_name="part", value_name="loss").dropna(subset=["loss"])
    first = curves.dropna(subset=["valid_loss"]).nsmallest(1, "valid_loss")[["epoch"]]
    tables = {"first": chart.data(first), "data": chart.data(table)}
    return chart.drawn("learning_curve", title=f"Loss of {model}", **tables)


def cohorts(results: Sequence[Result], metrics: Sequence[Metric]) -> AnyChart | None:
    """A chosen metric by cohort of a chosen kind, one model in front of all others."""
    rows = [
        pd.DataFrame(
            {
                "by": r.cohorts[COHORT_BY],
                "cohort": r.cohorts[COHORT],
                "n": r.cohorts[N_TEST],
                "metric": metric.title,
                "value": r.cohorts[metric.key].astype(float).round(metric.digits),
                "model": r.name,
            }
        ).dropna(subset=["value"])
        for metric in metrics
        for r in results
        if len(r.cohorts)
    ]
    table = pd.concat(rows) if rows else pd.DataFrame()
    if table.empty:
        return None
    # a single cohort has nothing to be compared with
    several = table.groupby("by")["cohort"].transform("nunique") > 1
    table = table[several] if several.any() else table
    x = alt.X("cohort:N", sort=None, title=None, axis=alt.Axis(labelAngle=-35))
    y = alt.Y("value:Q", title=None, scale=FREE)
    n = alt.Tooltip("n:Q", title="test ratings")
    tooltip = [*chart.tips("model:N", "cohort:N", "value:Q"), n]
    layers = chart.choosing(_one_before_all(table, x, y, tooltip), table, "metric", "by")
    name = chart.title("metric + ' by ' + by + ': ' + model")
    shown = set(table["model"])
    choices = chart.chooser("model", [r.name for r in results if r.name in shown])
    return layers.add_params(choices).properties(title=name, height=HEIGHT)


def calibration(results: Sequence[Result]) -> AnyChart | None:
    """Mean given minus mean predicted rating by bins, one model in front of all others."""
    table = _calibration(results)
    if table.empty:
        return None
    x = alt.X(f"{MEAN_PREDICTED}:Q", title="mean predicted rating of a bin", scale=FREE)
    y = alt.Y("excess:Q", title="mean given minus predicted")
    tooltip = chart.tips(*(f"{column}:{'N' if column == 'model' else 'Q'}" for column in table))
    layers = alt.layer(_one_before_all(table, x, y, tooltip), chart.level(0))
    name = chart.title("'Calibration of ' + model")
    choices = chart.chooser("model", list(table["model"].unique()))
    return layers.add_params(choices).properties(title=name, height=HEIGHT)


def _one_before_all(
    table: pd.DataFrame, x: alt.X, y: alt.Y, tooltip: Sequence[str | alt.Tooltip]
) -> Layers:
    """A faint line per model, and that of the chosen model with points."""
    base = alt.Chart().encode(x=x, y=y, tooltip=tooltip)
    every = base.mark_line(color=FAINT, strokeWidth=1.2).encode(detail=alt.Detail("model:N"))
    own = chart.dotted(base.transform_filter("datum.model == model"), 45, strokeWidth=2.2)
    return alt.layer(every, own, data=chart.data(table))


def calibration_panels(results: Sequence[Result]) -> AnyChart | None:
    """The same for every model at once, a small panel each: for a picture, where none is chosen."""
    table = _calibration(results)
    if table.empty:
        return None
    x, y = alt.X(f"{MEAN_PREDICTED}:Q", title=None, scale=FREE), alt.Y("excess:Q", title=None)
    others = alt.Chart(chart.data(table.rename(columns={"model": "other"})))
    others = others.mark_line(color=FAINT, strokeWidth=0.8)
    others = others.encode(x=x, y=y, detail=alt.Detail("other:N"))
    own = chart.dotted(alt.Chart(), 14, strokeWidth=1.5).encode(x=x, y=y)
    layers = alt.layer(others, chart.level(0), own, data=chart.data(table))
    note = "by bins of the predicted one; grey: the other models"
    name = alt.Title("Mean given minus mean predicted rating", subtitle=note)
    return _panels(layers, list(table["model"].unique())).properties(title=name)


def _calibration(results: Sequence[Result]) -> pd.DataFrame:
    """Bins of every model that has any: `model`, means, `excess` of the given one, number."""
    tables = [r.calibration.assign(model=r.name) for r in results if len(r.calibration)]
    if not tables:
        return pd.DataFrame()
    table = pd.concat(tables)
    fewest = table.groupby("model")[N_TEST].transform("max").clip(upper=_FEWEST_RATINGS)
    table = table[table[N_TEST] >= fewest]
    table["excess"] = table[MEAN_GIVEN] - table[MEAN_PREDICTED]
    return table[["model", MEAN_PREDICTED, MEAN_GIVEN, "excess", N_TEST]]


def predictions(tables: Mapping[str, pd.DataFrame]) -> AnyChart | None:
    """Predictions of a chosen model per given rating: quartiles, 5 and 95 %, mean.

    Tables by model have `rating` and `score` per test rating; models that only rank are left out.
    """
    boxes = _boxes_of(tables)
    if boxes.empty:
        return None
    plot = chart.choosing(_box_plot(boxes, 26), boxes, "model")
    return plot.properties(title=chart.title("'Predictions of ' + model"), height=HEIGHT)


def prediction_panels(tables: Mapping[str, pd.DataFrame]) -> AnyChart | None:
    """The same for every model at once, a small panel each."""
    boxes = _boxes_of(tables)
    if boxes.empty:
        return None
    note = "quartiles and median, 5 and 95 %; diamond: mean"
    panels = _panels(_box_plot(boxes, 10), list(boxes["model"].unique()))
    return panels.properties(title=alt.Title("Predictions by given rating", subtitle=note))


def _panels(layers: Layers, models: list[str]) -> alt.FacetChart:
    panel = layers.properties(width=_PANEL, height=0.75 * _PANEL)
    facet = alt.Facet("model:N", sort=models, title=None)
    return panel.facet(facet, columns=_PANELS_PER_ROW, spacing=_PANEL / 8)


def _box_plot(boxes: pd.DataFrame, size: float) -> Layers:
    return chart.drawn("boxes", data=chart.data(boxes), size=size, diamond=2.3 * size)


def _boxes_of(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Statistics of the predictions by model and given rating."""
    rated = {model: table for model, table in tables.items() if table[SCORE].notna().any()}
    percents = {"p5": 5, "p25": 25, "median": 50, "p75": 75, "p95": 95}
    boxes: list[dict[str, Any]] = []
    for model, table in rated.items():
        given = table[RATING].to_numpy(np.float64)
        scores = table[SCORE].to_numpy(np.float64)
        if len(np.unique(given)) > _MOST_BOXES:
            edges = np.linspace(given.min(), given.max(), _MOST_BOXES + 1)
            place = np.clip(np.digitize(given, edges) - 1, 0, _MOST_BOXES - 1)
            given = ((edges[:-1] + edges[1:]) / 2)[place]
        for value in np.unique(given):
            own = scores[given == value]
            places = dict(zip(percents, np.percentile(own, list(percents.values())), strict=True))
            row = {"given": round(value, 2), "n": len(own), "mean": own.mean(), **places}
            boxes.append(row | {"model": model})
    return pd.DataFrame(boxes)


def histogram(model: str, predictions: pd.DataFrame) -> AnyChart:
    """How often each rating was given, and predicted unless the model only ranks."""
    shown = {"given": predictions[RATING], "predicted": predictions[SCORE].dropna()}
    values = {label: own.to_numpy(float) for label, own in shown.items() if len(own)}
    edges = _edges(*values.values())
    table = pd.concat(
        pd.DataFrame(
            {"what": what, "from": edges[:-1], "to": edges[1:], "n": np.histogram(own, edges)[0]}
        )
        for what, own in values.items()
    )
    title = f"Ratings of the test part: {model}"
    return chart.drawn("histogram", data=chart.data(table), title=title)


def _edges(given: np.ndarray, *others: np.ndarray) -> list[float]:
    """Edges of equal bins, half as wide as the step between given ratings, at most `_MOST_BINS`."""
    levels, both = np.unique(given), np.concatenate([given, *others])
    span = np.ptp(both) or 1.0
    step = max(np.diff(levels).min() / 2 if len(levels) > 1 else span, span / _MOST_BINS)
    start = levels[0] - step / 2
    before, after = np.ceil([(start - both.min()) / step, (both.max() - start) / step])
    return (start + step * np.arange(-max(before, 0), after + 1)).tolist()


def of_training(model: str, curves: Path) -> dict[str, bytes]:
    """PNGs for MLflow by file name: `loss.png`; none for a model without epochs, or without CSV."""
    drawn = learning_curve(model, pd.read_csv(curves)) if curves.is_file() else None
    return {"loss.png": png(drawn)} if drawn else {}


def of_evaluation(model: str, predicted: Path) -> dict[str, bytes]:
    """PNGs for MLflow by file name: `ratings.png`, and `predicted_vs_actual.png` if it rates.

    None without the Parquet file, which has columns `rating` and `score`.
    """
    if not predicted.is_file():
        return {}
    table = pd.read_parquet(predicted, columns=[RATING, SCORE])
    boxes = predictions({model: table})
    pngs = {"ratings.png": png(histogram(model, table))}
    return pngs | ({"predicted_vs_actual.png": png(boxes)} if boxes else {})
