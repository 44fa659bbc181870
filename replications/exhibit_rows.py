"""Rows that are a figure of the data: drawn from the variant's tables, told in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from reelbench import paths
from replications import eda, eda_figures
from replications.parts import Part
from replications.result import FOLDER, Result, counted
from replications.rows import System
from replications.study import Study, Variant
from replications.words import with_line

_TABLES = (paths.INTERACTIONS, paths.ITEMS, paths.USERS)


def exhibit_part(exhibits: Mapping[str, str], variant: Variant, system: System) -> Part:
    """A part that draws figures.

    Args:
        exhibits: name of the figure (`eda_figures`) by row.
        variant: whose clean data are shown.
    """
    return Part(tuple(exhibits), partial(_draw, exhibits, variant, system))


def _draw(
    exhibits: Mapping[str, str], variant: Variant, system: System, study: Study
) -> list[Result]:
    ran = study.run(variant, upto="split")
    rows, items, users = (pd.read_parquet(ran.file(table)) for table in _TABLES)
    folder = FOLDER / study.preset
    told = eda_figures.write(rows, items, users, folder)
    found = []
    for row, name in exhibits.items():
        if name not in told:
            found.append(Result(row=row, not_run=f"this data set has nothing for {name}"))
            continue
        same = counted(_published(told[name], folder / f"{name}.csv", system.row(row).published))
        file = str(folder / f"{name}.png")
        result = Result(row=row, same=same, shown=f"{_text(told[name])}.", files=(file,))
        found.append(with_line(system, result))
    return found


def _published(
    told: Mapping[str, Any], csv: Any, published: Mapping[str, float]
) -> dict[str, float]:
    """Ours of what was published: means and shares are named as the first column names them."""
    if not published:
        return {}
    table = pd.read_csv(csv)
    value = "mean" if "mean" in table else "share"
    names = table.iloc[:, 0].astype(str).str.lower().str.replace("-", "_")
    known = dict(zip(names, table[value].astype(float), strict=True))
    return {name: known[name] for name in published if name in known}


def _text(told: Mapping[str, Any]) -> str:
    """Names and values; what is no fraction, such as a year, as it is."""
    shown = {k: f"{v:,.4g}" if isinstance(v, float) else str(v) for k, v in told.items()}
    text = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())
    return f"{text}, of those with at least {eda.FEWEST} ratings" if "highest" in told else text
