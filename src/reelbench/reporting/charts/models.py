"""Charts of single models: learning curves, cohorts, calibration, predictions."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd

from reelbench.columns import COHORT, COHORT_BY, MEAN_GIVEN, MEAN_PREDICTED, N_TEST, RATING, SCORE
from reelbench.evaluation.metrics import Metric
from reelbench.reporting.charts import chart
from reelbench.reporting.charts.chart import AnyChart, Layers
from reelbench.reporting.charts.style import HEIGHT, png
from reelbench.reporting.results import Result

_FEWEST_RATINGS = 20  # the mean of a bin of the rating scale with fewer ratings is noise
_MOST_BOXES = 10  # more given values than this are drawn in as many equal bins
_MOST_BINS = 50
_PANEL = 120  # pixels: width of a small panel
_LEVEL = alt.Data(values=[{"level": 0}])
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
        r.cohorts[[COHORT_BY, COHORT, N_TEST]]
        .set_axis(["by", "cohort", "n"], axis=1)
        .assign(
            metric=metric.title,
            value=r.cohorts[metric.key].astype(float).round(metric.digits),
            model=r.name,
        )
        .dropna(subset=["value"])
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
    layers = chart.choosing(chart.drawn("cohorts", data=chart.data(table)), table, "metric", "by")
    shown = set(table["model"])
    return layers.add_params(chart.chooser("model", [r.name for r in results if r.name in shown]))


def calibration(results: Sequence[Result]) -> AnyChart | None:
    """Mean given minus mean predicted rating by bins, one model in front of all others."""
    table = _calibration(results)
    if table.empty:
        return None
    layers = chart.drawn("calibration", data=chart.data(table), level=_LEVEL)
    return layers.add_params(chart.chooser("model", list(table["model"].unique())))


def calibration_panels(results: Sequence[Result]) -> AnyChart | None:
    """The same for every model at once, a small panel each: for a picture, where none is chosen."""
    table = _calibration(results)
    if table.empty:
        return None
    others = chart.data(table.rename(columns={"model": "other"}))
    tables = {"data": chart.data(table), "others": others, "level": _LEVEL}
    layers = chart.drawn("calibration_panel", **tables)
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
    return panel.facet(facet, columns=6, spacing=_PANEL / 8)


def _box_plot(boxes: pd.DataFrame, size: float) -> Layers:
    return chart.drawn("boxes", data=chart.data(boxes), size=size, diamond=2.3 * size)


def _boxes_of(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    shares = {"p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}
    rated = {model: table.dropna(subset=[SCORE]) for model, table in tables.items()}
    boxes = [pd.DataFrame()]
    for model, table in rated.items():
        given = table[RATING].to_numpy(np.float64)
        if len(np.unique(given)) > _MOST_BOXES:
            edges = np.linspace(given.min(), given.max(), _MOST_BOXES + 1)
            place = np.clip(np.digitize(given, edges) - 1, 0, _MOST_BOXES - 1)
            given = ((edges[:-1] + edges[1:]) / 2)[place]
        groups = table[SCORE].astype(np.float64).groupby(given.round(2))
        found = pd.DataFrame({"n": groups.size(), "mean": groups.mean()}).rename_axis("given")
        found = found.assign(**{name: groups.quantile(share) for name, share in shares.items()})
        boxes.append(found.reset_index().assign(model=model))
    return pd.concat(boxes)


def histogram(model: str, predictions: pd.DataFrame) -> AnyChart:
    """How often each rating was given, and predicted unless the model only ranks."""
    shown = {"given": predictions[RATING], "predicted": predictions[SCORE].dropna()}
    values = {label: own.to_numpy(float) for label, own in shown.items() if len(own)}
    edges = _edges(*values.values())
    bins = {"from": edges[:-1], "to": edges[1:]}
    counts = {what: np.histogram(own, edges)[0] for what, own in values.items()}
    table = pd.concat(pd.DataFrame({"what": what, **bins, "n": n}) for what, n in counts.items())
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
