"""Figures of the models: leaderboard, learning curves, predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reelbench.columns import RATING, SCORE
from reelbench.evaluation.metrics import metric_key
from reelbench.reporting.figures import BLUE, GREY, ORANGE, new
from reelbench.reporting.results import Result

# more given values than this are drawn in as many equal bins
_MOST_BOXES = 10
_BOX_STYLE: dict[str, Any] = {
    "showfliers": False,
    "showmeans": True,
    "patch_artist": True,
    "boxprops": {"facecolor": "#BFDCEC", "edgecolor": BLUE},
    "medianprops": {"color": BLUE},
    "whiskerprops": {"color": BLUE},
    "capprops": {"color": BLUE},
    "meanprops": {"marker": "D", "mfc": ORANGE, "mec": ORANGE, "markersize": 4},
}


def leaderboard(results: Sequence[Result], k: int) -> Figure:
    """RMSE and nDCG of every model with their 95 % intervals."""
    figure, panels = new(0.9 + 0.28 * len(results), 2, side_by_side=True)
    rows = np.arange(len(results))[::-1]
    for axes, (key, title) in zip(panels, _titles(k).items(), strict=True):
        for row, result in zip(rows, results, strict=True):
            _interval_bar(axes, row, result, key)
        axes.set_xlabel(title)
        axes.grid(axis="y", visible=False)
        axes.set_ylim(-0.7, len(results) - 0.3)
    panels[0].set_yticks(rows, [result.name for result in results])
    panels[0].set_title("Leaderboard, with 95 % intervals")
    return figure


def _interval_bar(axes: Axes, row: int, result: Result, key: str) -> None:
    value = result.metrics.get(key)
    if value is None:
        left = axes.get_yaxis_transform()
        axes.text(0.02, row, "only ranks", va="center", color=GREY, transform=left)
        return
    low, high = result.metrics.get("intervals", {}).get(key, (value, value))
    axes.hlines(row, low, high, color=BLUE, linewidth=1.8)
    axes.plot(value, row, "o", color=BLUE, markersize=5)


def _titles(k: int) -> dict[str, str]:
    return {
        "rmse": "RMSE (lower is better)",
        metric_key("ndcg", k): f"nDCG@{k} (higher is better)",
    }


def learning_curve(model: str, curves: pd.DataFrame) -> Figure | None:
    """Loss per epoch on train and valid; None for a model without epochs."""
    if curves.empty:
        return None
    figure, (axes,) = new(3.2)
    for column, label, colour in (("train_loss", "train", BLUE), ("valid_loss", "valid", ORANGE)):
        known = curves.dropna(subset=[column])
        if known.empty:
            continue
        axes.plot(known["epoch"], known[column], "o-", color=colour, markersize=3.5, label=label)
    valid = curves.dropna(subset=["valid_loss"])
    if not valid.empty:
        best = float(valid["epoch"].iloc[valid["valid_loss"].argmin()])
        label = f"best epoch: {best:.0f}"
        axes.axvline(best, color=GREY, linestyle=":", label=label)
    axes.set_title(f"Learning curve of {model}")
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure


def predicted_vs_actual(model: str, predictions: pd.DataFrame) -> Figure | None:
    """Spread of the predictions for every given rating; None for a model that only ranks."""
    if predictions[SCORE].isna().all():
        return None
    groups = _by_rating(predictions)
    positions = np.array([position for position, _ in groups])
    width = 0.6 * (np.diff(positions).min() if len(positions) > 1 else 1.0)
    figure, (axes,) = new(3.4)
    statistics = [_box(scores) for _, scores in groups]
    boxes = axes.bxp(
        statistics, positions=positions, widths=width, manage_ticks=False, **_BOX_STYLE
    )
    ends = [positions.min() - width / 2, positions.max() + width / 2]
    (perfect,) = axes.plot(ends, ends, "--", color=GREY, linewidth=1)
    axes.set_xticks(positions, [f"{p:g}\n{len(s):,}" for p, s in groups])
    axes.grid(axis="x", visible=False)
    axes.set_title(f"Predicted against given ratings: {model}")
    axes.set_xlabel("given rating, and number of test ratings")
    axes.set_ylabel("predicted rating")
    axes.legend([boxes["means"][0], perfect], ["mean", "perfect"], loc="upper left")
    return figure


def _by_rating(predictions: pd.DataFrame) -> list[tuple[float, np.ndarray]]:
    """Predictions by the value that was given, or by the middle of a bin of values."""
    actual = predictions[RATING].to_numpy(np.float64)
    scores = predictions[SCORE].to_numpy(np.float64)
    if len(np.unique(actual)) > _MOST_BOXES:
        edges = np.linspace(actual.min(), actual.max(), _MOST_BOXES + 1)
        place = np.clip(np.digitize(actual, edges) - 1, 0, _MOST_BOXES - 1)
        actual = ((edges[:-1] + edges[1:]) / 2)[place]
    return [(float(value), scores[actual == value]) for value in np.unique(actual)]


def _box(scores: np.ndarray) -> dict[str, float]:
    """Quartiles, and whiskers that leave out five in a hundred at either end."""
    low, q1, median, q3, high = np.percentile(scores, [5, 25, 50, 75, 95])
    return {"whislo": low, "q1": q1, "med": median, "q3": q3, "whishi": high, "mean": scores.mean()}
