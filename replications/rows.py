"""The published rows: `rows.yaml` as typed objects."""

from __future__ import annotations

from functools import cache
from importlib import resources

import yaml
from pydantic import Field, model_validator

from reelbench.params import ParamsError, Section


class Row(Section):
    """One published row, or one figure of a row that holds several."""

    id: str
    #: name of the row in the table of the published system
    step: str
    what: str
    #: figures by metric; empty for a step without any
    published: dict[str, float] = Field(default_factory=dict)
    #: on what the figures were measured
    protocol: str = ""

    @model_validator(mode="after")
    def _figures_have_a_protocol(self) -> Row:
        if bool(self.published) != bool(self.protocol):
            raise ValueError(f"{self.id}: figures and their protocol belong together")
        return self


class System(Section):
    """One of the five published systems."""

    system: str
    preset: str
    title: str
    rows: tuple[Row, ...]

    def row(self, name: str) -> Row:
        """The row of this id.

        Raises:
            ParamsError: there is none.
        """
        known = {row.id: row for row in self.rows}
        if name not in known:
            raise ParamsError(f"{self.preset} has no row '{name}'; there are {', '.join(known)}")
        return known[name]


@cache
def systems() -> tuple[System, ...]:
    """All systems in the order of publication."""
    text = resources.files("replications").joinpath("rows.yaml").read_text("utf-8")
    return tuple(System.model_validate(system) for system in yaml.safe_load(text))


def system(preset: str) -> System:
    """The system of a preset.

    Raises:
        ParamsError: no such preset.
    """
    known = {system.preset: system for system in systems()}
    if preset not in known:
        raise ParamsError(f"no replication '{preset}'; there are {', '.join(known)}")
    return known[preset]
