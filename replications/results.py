"""What re-running the published rows gave: one file of results per system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from reelbench import paths
from reelbench.files import read_json, write_json
from reelbench.params import Section

FOLDER = paths.REPLICATION


class Spread(Section):
    """Mean of a figure over runs, and standard deviation (n - 1) where there are several."""

    mean: float
    deviation: float | None = None
    runs: int = 1


class Estimate(Section):
    """A figure of one run, with its 95 % interval where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


class FaultEffect(Section):
    """A metric with one fault switched on, minus the metric without it."""

    fault: str
    metric: str
    difference: float


class Result(Section):
    """What re-running one row gave.

    Attributes:
        same: our figures on the published protocol, by metric.
        honest: our figures where nothing leaks, by metric.
        worth: effect of each fault alone on the honest figures.
        also: figures of other variants, by their description.
        listed: our texts, such as titles of movies, in their order.
        settings: what the run used, by the names of the row's settings.
        shown: what a row without figures gave, as text.
        files: figures that it wrote, relative to the checkout.
        data: name of the data set.
        seeds: number of runs behind the figures on the published protocol.
        commit, time: of the code, and of the end of the run in UTC.
        seconds, peak_memory_bytes: of the steps behind it, measured when each was executed.
        not_run: why it was not run; empty if it was.
    """

    same: dict[str, Spread] = Field(default_factory=dict)
    honest: dict[str, Estimate] = Field(default_factory=dict)
    worth: tuple[FaultEffect, ...] = ()
    also: dict[str, dict[str, Estimate]] = Field(default_factory=dict)
    listed: tuple[str, ...] = ()
    settings: dict[str, Any] = Field(default_factory=dict)
    shown: str = ""
    files: tuple[str, ...] = ()
    data: str = ""
    seeds: int = 1
    commit: str = ""
    time: str = ""
    seconds: float | None = None
    peak_memory_bytes: int | None = None
    not_run: str = ""


class Report(Section):
    """Results of one system by row, in the order of its table."""

    preset: str
    rows: dict[str, Result]

    def with_(self, found: Mapping[str, Result], order: Iterable[str]) -> Report:
        """With the results of some rows; one that was not run replaces none that was."""
        good = {row for row, result in self.rows.items() if not result.not_run}
        new = {row: r for row, r in found.items() if not (r.not_run and row in good)}
        merged = self.rows | new
        return Report(preset=self.preset, rows={row: merged[row] for row in order if row in merged})


def counts(values: Mapping[str, float]) -> dict[str, Spread]:
    """Counts as figures without a spread."""
    return {name: Spread(mean=value) for name, value in values.items()}


def write(report: Report) -> None:
    """Write a report to `PRESET.json`."""
    write_json(FOLDER / f"{report.preset}.json", report.model_dump(mode="json"))


def read_all(folder: Path = FOLDER) -> dict[str, Report]:
    """The stored reports by preset."""
    contents: list[Any] = [read_json(file) for file in sorted(folder.glob("*.json"))]
    return {content["preset"]: Report.model_validate(content) for content in contents}
