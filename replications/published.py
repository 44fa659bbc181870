"""What was published, how it is re-run (`rows.yaml`), and what that gave."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, model_validator

from reelbench import paths
from reelbench.files import read_json, write_json
from reelbench.params import ParamsError, Section

FOLDER = paths.REPLICATION
_ROWS = Path(__file__).with_name("rows.yaml")


class Fault(Section):
    """A fault of a published protocol: Hydra overrides and entries of `faults` that cause it."""

    overrides: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


#: as many ratings of each user as in `temporal_user`, but any of them: train holds the future too
FUTURE_SEEN = "future_seen"
_FUTURE_SEEN = Fault(overrides=("split=random_by_user",))


class Variant(Section):
    """A model on a protocol: Hydra overrides on top of the preset, and entries of `faults`."""

    model: str
    overrides: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    def with_(self, *overrides: str) -> Variant:
        """The same with more overrides."""
        return self.model_copy(update={"overrides": (*self.overrides, *overrides)})

    def having(self, *faults: Fault) -> Variant:
        """The same with more faults."""
        changed = self.with_(*(override for fault in faults for override in fault.overrides))
        options = (*self.faults, *(name for fault in faults for name in fault.options))
        return changed.model_copy(update={"faults": tuple(dict.fromkeys(options))})

    @property
    def hydra(self) -> list[str]:
        """Everything as Hydra overrides; `.epochs=3` is a parameter of the model."""
        own = [f"models.{self.model}{o}" if o[0] == "." else o for o in self.overrides]
        return own + ([f"faults=[{','.join(self.faults)}]"] if self.faults else [])


class Example(Variant):
    """A text made of a variant by a function of `replications.examples`."""

    make: str


class Plan(Section):
    """A re-run of published figures: the variants to run for one row.

    Attributes:
        model, overrides: the variant where nothing leaks.
        metrics: keys of the figures; default: those that were published.
        split: overrides for the published split where that is random; default: the system's.
        faults: the other faults of the published protocol by name; `{}` is an option of that name.
        alone: whether to measure each fault by itself, added to the honest variant.
        also: other variants whose figures belong beside it.
        least: number of seeds on the published protocol even if fewer were asked for.
        shown: function of `replications.examples` that makes a text of the runs.
    """

    model: str
    overrides: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    split: tuple[str, ...] | None = None
    faults: dict[str, Fault] = Field(default_factory=dict)
    alone: bool = True
    also: dict[str, Variant] = Field(default_factory=dict)
    least: int = 1
    shown: str = ""

    @property
    def honest(self) -> Variant:
        """The model where nothing leaks."""
        return Variant(model=self.model, overrides=self.overrides)

    @property
    def faulty(self) -> Variant:
        """The honest variant with every fault but the split."""
        return self.honest.having(*self._faults().values())

    @property
    def same(self) -> Variant:
        """The model on the published protocol."""
        return self.faulty.with_(*(self.split or ()))

    @property
    def single(self) -> dict[str, Variant]:
        """The honest variant with one fault, by its name."""
        faults = ({FUTURE_SEEN: _FUTURE_SEEN} if self.split else {}) | self._faults()
        return {name: self.honest.having(f) for name, f in faults.items()} if self.alone else {}

    def _faults(self) -> dict[str, Fault]:
        return {n: Fault(options=(n,)) if f == Fault() else f for n, f in self.faults.items()}


class Row(Section):
    """One row of a published table; a row with several groups of figures is several of these.

    Attributes:
        step: name of the row in the published table.
        published: figures by metric; empty for a step that has none.
        protocol: how the figures were measured.
        exhibit, sizes, example, run: how it is re-run, see `rows.yaml`.
    """

    id: str
    step: str
    what: str
    published: dict[str, float] = Field(default_factory=dict)
    protocol: str = ""
    exhibit: str = ""
    sizes: str = ""
    example: Example | None = None
    run: Plan | None = None

    @model_validator(mode="after")
    def _figures_have_a_protocol(self) -> Row:
        if bool(self.published) != bool(self.protocol):
            raise ValueError(f"{self.id}: figures and their protocol belong together")
        return self


class System(Section):
    """One of the published systems.

    Attributes:
        system: its letter.
        preset: name in `conf/experiment/`, of its module here and of its results.
        about: how our runs differ from the publication.
        data: the variant whose data the exhibits show.
        split: default of its plans.
    """

    system: str
    preset: str
    title: str
    about: str
    data: Variant | None = None
    split: tuple[str, ...] = ()
    rows: tuple[Row, ...]

    def row(self, name: str) -> Row:
        """The row with this id.

        Raises:
            ParamsError: unknown id.
        """
        known = {row.id: row for row in self.rows}
        if name not in known:
            raise ParamsError(f"{self.preset} has no row '{name}'; known rows: {', '.join(known)}")
        return known[name]

    def plan(self, name: str) -> Plan:
        """The plan of a row with the defaults filled in."""
        row = self.row(name)
        assert row.run is not None, name
        split = self.split if row.run.split is None else row.run.split
        metrics = row.run.metrics or tuple(row.published)
        return row.run.model_copy(update={"split": split, "metrics": metrics})


@cache
def systems() -> dict[str, System]:
    """All systems by preset, in order of their letters."""
    content = yaml.safe_load(_ROWS.read_text(encoding="utf-8"))
    return {entry["preset"]: System.model_validate(entry) for entry in content}


def system(preset: str) -> System:
    """The system with this preset.

    Raises:
        ParamsError: unknown preset.
    """
    if preset not in systems():
        raise ParamsError(f"no replication '{preset}'; choose one of {', '.join(systems())}")
    return systems()[preset]


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
        shown: what a row without figures gave, as text.
        files: figures that it wrote, relative to the checkout.
        seconds, peak_memory_bytes: of the steps behind it, measured when each was executed.
        not_run: why it was not run; empty if it was.
    """

    same: dict[str, Spread] = Field(default_factory=dict)
    honest: dict[str, Estimate] = Field(default_factory=dict)
    worth: tuple[FaultEffect, ...] = ()
    also: dict[str, dict[str, Estimate]] = Field(default_factory=dict)
    shown: str = ""
    files: tuple[str, ...] = ()
    seconds: float | None = None
    peak_memory_bytes: int | None = None
    not_run: str = ""


class Report(Section):
    """Results of one system by row, and the name of the data set they were measured on."""

    preset: str
    data: str
    seeds: int
    rows: dict[str, Result]


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
