"""The replication of published systems, as `reelbench replicate` has left it in `reports/`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from reelbench import paths
from reelbench.reporting.figures import Picture


class ReplicationRow(NamedTuple):
    """A published row: what it is, three figures as text, and what made the difference."""

    row: str
    what: str
    published: str
    same: str
    honest: str
    difference: str
    files: str


class Replication(NamedTuple):
    """A published system: its rows, and the pictures that they have drawn."""

    system: str
    about: str
    rows: Sequence[ReplicationRow]
    pictures: Sequence[Picture]


def read_replications(file: Path = paths.REPLICATION_TABLE) -> list[Replication]:
    """All systems; none where nothing was replicated."""
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    groups = groupby(rows, key=lambda row: (row.pop("system"), row.pop("about")))
    return [_replication(*head, [ReplicationRow(**row) for row in group]) for head, group in groups]


def _replication(system: str, about: str, rows: Sequence[ReplicationRow]) -> Replication:
    drawn = [_picture(row, Path(file)) for row in rows for file in row.files.split()]
    return Replication(system, about, rows, drawn)


def _picture(row: ReplicationRow, file: Path) -> Picture:
    return Picture(f"{row.row}_{file.stem}", f"{row.what}. {row.difference}", file.read_bytes())
