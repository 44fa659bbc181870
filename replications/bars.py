"""Grouped bars: a group per model, a bar per metric."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from reelbench.files import atomic
from reelbench.reporting import figures
from replications.result import FOLDER, Spread
from replications.words import title

_COLOURS = (figures.BLUE, figures.ORANGE, figures.GREY)


def write_bars(name: str, values: Mapping[str, Mapping[str, Spread]]) -> Path:
    """Draw the metrics of each model, three at most; the file that was written."""
    file = FOLDER / name / "bars.png"
    with figures.style():
        picture = figures.png(grouped_bars(values))
    with atomic(file) as temporary:
        temporary.write_bytes(picture)
    return file


def grouped_bars(values: Mapping[str, Mapping[str, Spread]]) -> Figure:
    """A figure with a row of bars per model, every model with the same metrics.

    A mean over several runs has its deviation as a line.
    """
    metrics = list(next(iter(values.values())))
    figure, (axes,) = figures.new(1.2 + 0.5 * len(values), width=1.6 * figures.WIDTH_INCHES)
    rows = np.arange(len(values))[::-1]
    height = 0.8 / len(metrics)
    for place, (metric, colour) in enumerate(zip(metrics, _COLOURS, strict=False)):
        found = [of_model[metric] for of_model in values.values()]
        y = rows + 0.4 - (place + 0.5) * height
        axes.barh(y, [spread.mean for spread in found], height, color=colour)
        lines = [(at, spread) for at, spread in zip(y, found, strict=True) if spread.deviation]
        for at, spread in lines:
            axes.errorbar(spread.mean, at, xerr=spread.deviation, color="black", linewidth=0.8)
        axes.barh([], [], color=colour, label=title(metric))
    axes.axvline(0, color=figures.GREY, linewidth=0.8)
    axes.set_yticks(rows, list(values))
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower left")
    axes.set_title("Errors and R² on movies that nobody in train has rated")
    return figure
