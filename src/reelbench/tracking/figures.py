"""The figures of one run, as PNG bytes by file name; drawn as the report draws them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reelbench.columns import RATING, SCORE
from reelbench.reporting.figures import BLUE, ORANGE, new, png, style
from reelbench.reporting.model_figures import learning_curve, predicted_vs_actual

Pictures = dict[str, bytes]

_MOST_BINS = 50


def of_training(model: str, curves: Path) -> Pictures:
    """`loss.png`; nothing for a model without epochs."""
    if not curves.is_file():
        return {}
    with style():
        return _pngs({"loss.png": learning_curve(model, pd.read_csv(curves))})


def of_evaluation(model: str, predictions: Path) -> Pictures:
    """`ratings.png` and, of a model that predicts ratings, `predicted_vs_actual.png`."""
    if not predictions.is_file():
        return {}
    table = pd.read_parquet(predictions, columns=[RATING, SCORE])
    with style():
        return _pngs(
            {
                "ratings.png": _histogram(model, table),
                "predicted_vs_actual.png": predicted_vs_actual(model, table),
            }
        )


def _pngs(figures: dict[str, Figure | None]) -> Pictures:
    return {name: png(figure) for name, figure in figures.items() if figure is not None}


def _histogram(model: str, table: pd.DataFrame) -> Figure:
    """How often each rating was given, and predicted."""
    shown = {"given": (table[RATING], BLUE), "predicted": (table[SCORE].dropna(), ORANGE)}
    known = {label: (v.to_numpy(float), colour) for label, (v, colour) in shown.items() if len(v)}
    edges = _edges(*(values for values, _ in known.values()))
    figure, (axes,) = new(3.2)
    for label, (values, colour) in known.items():
        axes.hist(values, edges, alpha=0.6, color=colour, label=label)
    axes.set_title(f"Ratings of the test part: {model}")
    axes.set_xlabel("rating")
    axes.set_ylabel("number")
    axes.legend()
    return figure


def _edges(given: np.ndarray, *others: np.ndarray) -> list[float]:
    """Bins with a given rating in the middle of every second, as far as there are not too many."""
    levels, both = np.unique(given), np.concatenate([given, *others])
    span = np.ptp(both) or 1.0
    step = max(np.diff(levels).min() / 2 if len(levels) > 1 else span, span / _MOST_BINS)
    start = levels[0] - step / 2
    before, after = np.ceil([(start - both.min()) / step, (both.max() - start) / step])
    return (start + step * np.arange(-max(before, 0), after + 1)).tolist()
