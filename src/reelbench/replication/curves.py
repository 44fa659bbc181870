"""Learning curves of several trainings in one figure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from reelbench.files import atomic
from reelbench.replication.result import FOLDER
from reelbench.reporting import figures

_COLUMNS = 4


def write_curves(name: str, tables: Mapping[str, pd.DataFrame]) -> Path:
    """Draw `epoch`, `train_loss` and `valid_loss` of each; the file that was written."""
    file = FOLDER / name / "curves.png"
    with figures.style():
        picture = figures.png(curves(tables))
    with atomic(file) as temporary:
        temporary.write_bytes(picture)
    return file


def curves(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """A panel per training."""
    figure, panels = figures.small_multiples(len(tables), _COLUMNS, 1.7)
    parts = (("train_loss", figures.ORANGE, "train"), ("valid_loss", figures.BLUE, "valid"))
    for axes, (name, table) in zip(panels, tables.items(), strict=True):
        for column, colour, label in parts:
            axes.plot(table["epoch"], table[column], color=colour, label=label)
        axes.set_title(name.replace("_", " "))
    panels[0].legend()
    panels[0].set_ylabel("RMSE")
    panels[-1].set_xlabel("epoch")
    return figure
