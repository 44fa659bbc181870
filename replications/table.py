"""Every published row as text: its cells, for the Markdown and for the page of the pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from reelbench import paths
from reelbench.files import atomic
from replications.result import Report, Result
from replications.rows import Row, System
from replications.words import MISSING, estimate, number, spread, title, told


@dataclass(frozen=True)
class Line:
    """A row of a system's table.

    Attributes:
        system: letter and title.
        about: on what the system was run.
        difference: what made the difference, or what the row has made, in words.
        files: pictures that it wrote, relative to the checkout.
    """

    system: str
    about: str
    row: str
    what: str
    published: str
    same: str
    honest: str
    difference: str
    files: tuple[str, ...]


def lines(known: Sequence[System], reports: Mapping[str, Report]) -> list[Line]:
    """All rows of all systems, whether they have run or not."""
    return [
        _line(system, row, reports.get(system.preset)) for system in known for row in system.rows
    ]


def write(found: Sequence[Line], file: Path = paths.REPLICATION_TABLE) -> None:
    """As CSV, which the stage `report` reads; names of files are separated by blanks."""
    table = pd.DataFrame([vars(line) | {"files": " ".join(line.files)} for line in found])
    with atomic(file) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def _line(system: System, row: Row, report: Report | None) -> Line:
    result = _result(row, report)
    return Line(
        system=f"{system.system}. {system.title}",
        about=_about(system, report),
        row=row.id,
        what=f"{row.step}: {row.what}",
        published=_published(row),
        same=_joined(f"{title(m)} {spread(m, found)}" for m, found in told(row, result.same)),
        honest=_joined(f"{title(m)} {estimate(m, e)}" for m, e in told(row, result.honest)),
        difference=_difference(result),
        files=result.files,
    )


def _about(system: System, report: Report | None) -> str:
    run = f"Run: `reelbench replicate {system.preset}`."
    if report is None:
        return run
    seeds = f"{report.seeds} seed{'' if report.seeds == 1 else 's'}"
    return f"{run} Data: `{report.data}`; {seeds}. {report.about}".rstrip()


def _result(row: Row, report: Report | None) -> Result:
    if report is None:
        return Result(row=row.id, not_run="this system was not replicated yet")
    return report.rows.get(row.id) or Result(row=row.id, not_run="there is no such step yet")


def _published(row: Row) -> str:
    if not row.published:
        return MISSING
    figures = _joined(f"{title(m)} {number(m, value)}" for m, value in row.published.items())
    return f"{figures} ({row.protocol})"


def _difference(result: Result) -> str:
    if result.not_run:
        return f"not run: {result.not_run}"
    return " ".join(part for part in (result.shown, result.line) if part)


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(parts) or MISSING
