"""Figures that others have published for the protocol of this run: shown, never mixed with ours.

`published.csv` holds the outputs stored in examples/06_benchmarks/movielens.ipynb of
github.com/recommenders-team/recommenders (July 2025). The R² and the explained variance of its ALS,
which that notebook has in each other's place, are left out.
"""

from __future__ import annotations

import csv
from importlib import resources
from typing import NamedTuple

SOURCES = {
    "recommenders_ml100k": (
        "Recommenders, examples/06_benchmarks/movielens.ipynb, outputs stored in July 2025"
    )
}


class Published(NamedTuple):
    """One row of a published table: metrics by our keys; those that it lacks are left out."""

    algorithm: str
    values: dict[str, float]


def published(protocol: str | None) -> list[Published]:
    """The rows of a protocol, in the order of publication; none for one that is not known."""
    text = resources.files("reelbench.reporting").joinpath("published.csv").read_text("utf-8")
    return [
        Published(row.pop("algorithm"), {key: float(value) for key, value in row.items() if value})
        for row in csv.DictReader(text.splitlines())
        if row.pop("protocol") == protocol
    ]
