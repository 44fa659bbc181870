"""What became of one published row, as it is kept in `reports/replication/NAME.json`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from reelbench import paths
from reelbench.files import read_json, write_json
from reelbench.params import Section

FOLDER = paths.REPLICATION


class Spread(Section):
    """A figure over seeds; no deviation (n - 1) of a single run, or of a count."""

    mean: float
    deviation: float | None = None
    runs: int = 1


class Estimate(Section):
    """A figure of one run with its 95 % interval, where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


class Worth(Section):
    """A metric with one fault switched on, less the metric without."""

    fault: str
    metric: str
    difference: float


class Result(Section):
    """One row: the published figures again, what remains of them, and why.

    Attributes:
        row: its id in `rows.yaml`.
        same: ours on the published protocol, by metric.
        honest: ours where nothing leaks, by metric.
        worth: what each fault does to the honest figure when it alone is switched on.
        also: other figures that belong beside it, such as those of a corrected model.
        shown: what a row without figures has made, in words.
        files: pictures and tables that it wrote, relative to the checkout.
        seconds: of the steps behind it, whenever they ran.
        line: one line on the difference, made of the numbers.
        not_run: why not; empty if it ran.
    """

    row: str
    same: dict[str, Spread] = Field(default_factory=dict)
    honest: dict[str, Estimate] = Field(default_factory=dict)
    worth: tuple[Worth, ...] = ()
    also: dict[str, dict[str, Estimate]] = Field(default_factory=dict)
    shown: str = ""
    files: tuple[str, ...] = ()
    seconds: float | None = None
    peak_memory_bytes: int | None = None
    line: str = ""
    not_run: str = ""


class Report(Section):
    """All rows of one system, and on what they were measured."""

    preset: str
    #: of the data set that was at hand
    data: str
    about: str
    seeds: int
    rows: dict[str, Result]


def counted(counts: Mapping[str, float]) -> dict[str, Spread]:
    """Counts as figures without a spread."""
    return {name: Spread(mean=value) for name, value in counts.items()}


def write(report: Report, folder: Path = FOLDER) -> Path:
    """Write a report; the file that was written."""
    file = folder / f"{report.preset}.json"
    write_json(file, report.model_dump(mode="json"))
    return file


def read_all(folder: Path = FOLDER) -> dict[str, Report]:
    """The reports that there are, by preset."""
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    contents: list[Any] = [read_json(file) for file in files]
    return {content["preset"]: Report.model_validate(content) for content in contents}
