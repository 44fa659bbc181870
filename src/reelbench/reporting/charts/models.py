"""Charts of single models beside the others: learning, cohorts, predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from reelbench.columns import (
    COHORT,
    COHORT_BY,
    MEAN_GIVEN,
    MEAN_PREDICTED,
    N_TEST,
    RATING,
    SCORE,
)
from reelbench.reporting.charts.chart import chooser, data, level, title
from reelbench.reporting.charts.style import FAINT, HEIGHT, MAIN, OTHER, SOFT
from reelbench.reporting.comparisons import Metric
from reelbench.reporting.results import Result, thick_bins

# more given values than this are drawn in as many equal bins
_MOST_BOXES = 10
_PARTS = {"train_loss": "train", "valid_loss": "valid"}


def learning_curve(model: str, curves: pd.DataFrame) -> alt.TopLevelMixin | None:
    """Loss per epoch on train and valid, with the best epoch; None for a model without epochs."""
    if curves.empty:
        return None
    table = curves[["epoch", *_PARTS]].rename(columns=_PARTS)
    table = table.melt("epoch", var_name="part", value_name="loss").dropna(subset=["loss"])
    colour = alt.Color(
        "part:N",
        scale=alt.Scale(domain=list(_PARTS.values()), range=[MAIN, OTHER]),
        legend=alt.Legend(orient="top", title=None),
    )
    lines = (
        alt.Chart(data(table))
        .mark_line(point=alt.OverlayMarkDef(size=30, filled=True))
        .encode(
            x=alt.X("epoch:Q", axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y("loss:Q", scale=alt.Scale(zero=False)),
            color=colour,
            tooltip=["part:N", "epoch:Q", "loss:Q"],
        )
    )
    best = alt.Chart(data(_best_epoch(curves))).mark_rule(color=SOFT, strokeDash=[2, 3])
    rule = best.encode(x="epoch:Q", tooltip=[alt.Tooltip("epoch:Q", title="best epoch")])
    return alt.layer(rule, lines).properties(title=model, height=HEIGHT - 60)


def _best_epoch(curves: pd.DataFrame) -> pd.DataFrame:
    valid = curves.dropna(subset=["valid_loss"])
    return valid.nsmallest(1, "valid_loss")[["epoch"]]


def cohorts(results: Sequence[Result], metrics: Sequence[Metric]) -> alt.TopLevelMixin | None:
    """A chosen metric by the parts of a chosen division, one model before all others."""
    rows = [
        pd.DataFrame(
            {
                "by": r.cohorts[COHORT_BY],
                "cohort": r.cohorts[COHORT],
                "n": r.cohorts[N_TEST],
                "metric": metric.title,
                "value": r.cohorts[metric.key],
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
    # one part alone has nothing to be compared with
    several = table.groupby("by")["cohort"].transform("nunique") > 1
    table = table[several] if several.any() else table
    x = alt.X("cohort:N", sort=None, title=None, axis=alt.Axis(labelAngle=-35))
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False))
    tooltip = ["model:N", "cohort:N", "value:Q", alt.Tooltip("n:Q", title="test ratings")]
    return (
        _one_before_all(table, x, y, tooltip)
        .transform_filter("datum.metric == metric && datum.by == by")
        .add_params(
            chooser("metric", list(table["metric"].unique())),
            chooser("by", list(table["by"].unique())),
            chooser("model", _names(results, table)),
        )
        .properties(title=title("metric + ' by ' + by + ': ' + model"), height=HEIGHT)
    )


def calibration(results: Sequence[Result]) -> alt.TopLevelMixin | None:
    """What the mean given rating is above the predicted one, one model before all others."""
    tables = [thick_bins(r).assign(model=r.name) for r in results if len(r.calibration)]
    if not tables:
        return None
    table = pd.concat(tables)
    table["excess"] = table[MEAN_GIVEN] - table[MEAN_PREDICTED]
    table = table[["model", MEAN_PREDICTED, MEAN_GIVEN, "excess", N_TEST]]
    scale = alt.Scale(zero=False)
    x = alt.X(f"{MEAN_PREDICTED}:Q", title="mean predicted rating of a bin", scale=scale)
    y = alt.Y("excess:Q", title="mean given less predicted")
    tooltip = [f"{column}:{'N' if column == 'model' else 'Q'}" for column in table]
    return (
        alt.layer(_one_before_all(table, x, y, tooltip), level(0))
        .add_params(chooser("model", _names(results, table)))
        .properties(title=title("'Calibration of ' + model"), height=HEIGHT)
    )


def _names(results: Sequence[Result], table: pd.DataFrame) -> list[str]:
    """Models of the table in the order of the leaderboard."""
    shown = set(table["model"])
    return [r.name for r in results if r.name in shown]


def _one_before_all(table: pd.DataFrame, x: alt.X, y: alt.Y, tooltip: Sequence[Any]) -> Any:
    """A faint line per model, and that of the model that is chosen with points."""
    base = alt.Chart().encode(x=x, y=y, tooltip=tooltip)
    every = base.mark_line(color=FAINT, strokeWidth=1.2).encode(detail="model:N")
    own = base.transform_filter("datum.model == model").mark_line(
        color=MAIN, strokeWidth=2.2, point=alt.OverlayMarkDef(color=MAIN, size=45, filled=True)
    )
    return alt.layer(every, own, data=data(table))


def predictions(results: Sequence[Result]) -> alt.TopLevelMixin | None:
    """Predictions of a chosen model per given rating: quartiles, 5 and 95 %, mean."""
    boxes = [_boxes(r) for r in results if not r.predictions[SCORE].isna().all()]
    if not boxes:
        return None
    table = pd.concat(boxes)
    tooltip = [f"{name}:Q" for name in ("given", "n", "p5", "p25", "median", "p75", "p95", "mean")]
    x = alt.X("given:O", title="given rating", axis=alt.Axis(labelAngle=0))
    y = alt.Scale(zero=False)
    base = alt.Chart().encode(x=x, tooltip=tooltip)
    whisker = base.mark_rule(color=MAIN).encode(
        y=alt.Y("p5:Q", title="predicted rating", scale=y), y2="p95:Q"
    )
    box = base.mark_bar(color=MAIN, opacity=0.45, size=26).encode(y="p25:Q", y2="p75:Q")
    median = base.mark_tick(color=MAIN, thickness=2, size=26).encode(y="median:Q")
    mean = base.mark_point(color=OTHER, filled=True, shape="diamond", size=60, opacity=1)
    return (
        alt.layer(whisker, box, median, mean.encode(y="mean:Q"), data=data(table))
        .transform_filter("datum.model == model")
        .add_params(chooser("model", _names(results, table)))
        .properties(title=title("'Predictions of ' + model"), height=HEIGHT)
    )


def _boxes(result: Result) -> pd.DataFrame:
    given = result.predictions[RATING].to_numpy(np.float64)
    scores = result.predictions[SCORE].to_numpy(np.float64)
    if len(np.unique(given)) > _MOST_BOXES:
        edges = np.linspace(given.min(), given.max(), _MOST_BOXES + 1)
        place = np.clip(np.digitize(given, edges) - 1, 0, _MOST_BOXES - 1)
        given = ((edges[:-1] + edges[1:]) / 2)[place]
    rows = [(value, scores[given == value]) for value in np.unique(given)]
    percents = {"p5": 5, "p25": 25, "median": 50, "p75": 75, "p95": 95}
    return pd.DataFrame(
        {"model": result.name, "given": round(value, 2), "n": len(own), "mean": own.mean()}
        | dict(zip(percents, np.percentile(own, list(percents.values())), strict=True))
        for value, own in rows
    )
