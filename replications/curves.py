"""Learning curves of several trainings in one figure, and the numbers behind them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from reelbench.files import atomic
from reelbench.reporting import figures
from replications.result import FOLDER

#: label by the end of a column's name; `train_` or `valid_` goes before it
_ERRORS = {"mse": "MSE", "mae": "MAE"}
_PARTS = {"train": figures.ORANGE, "valid": figures.BLUE}


def write_curves(preset: str, name: str, tables: Mapping[str, pd.DataFrame]) -> Path:
    """Draw errors per epoch of each training; the PNG that was written, a CSV beside it.

    Args:
        tables: by the name of the training: `epoch`, and MSE and MAE on train (dropout on) and
            valid, `train_mse`, `valid_mse`, `train_mae`, `valid_mae`.
    """
    file = FOLDER / preset / f"{name}.png"
    with figures.style():
        picture = figures.png(curves(tables))
    with atomic(file) as temporary:
        temporary.write_bytes(picture)
    with atomic(file.with_suffix(".csv")) as temporary:
        numbers = pd.concat(tables, names=["training"]).reset_index("training")
        numbers.to_csv(temporary, index=False, float_format="%.5f")
    return file


def curves(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """A column per training, the squared error above the absolute one, both on a common scale."""
    figure = Figure(figsize=(0.6 + 1.55 * len(tables), 4.2), layout="constrained")
    grid = figure.subplots(2, len(tables), sharex=True, sharey="row", squeeze=False)
    for row, (error, label) in zip(grid, _ERRORS.items(), strict=True):
        for axes, table in zip(row, tables.values(), strict=True):
            for part, colour in _PARTS.items():
                axes.plot(table["epoch"], table[f"{part}_{error}"], color=colour, label=part)
        row[0].set_ylabel(label)
        # first epochs are many times the last ones
        row[0].set_yscale("log")
        row[0].yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5)))
        row[0].yaxis.set_major_formatter(figures.PLAIN_NUMBERS)
        row[0].yaxis.set_minor_locator(NullLocator())
    for axes, name in zip(grid[0], tables, strict=True):
        axes.set_title(name)
    for axes in grid[1]:
        axes.set_xlabel("epoch")
    grid[0, 0].legend()
    return figure
