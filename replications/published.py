"""What was published and how it is re-run: `NAME.yaml` of each system."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import Field, PlainValidator, PositiveInt, model_validator

from reelbench.params import ParamsError, Section

#: presets in the order of their letters
PRESETS = (
    "ml20m_hybrid",
    "latest_small_temporal",
    "netflix_overviews",
    "tmdb_titles",
    "ml100k_demographic",
)


class Printed(float):
    """A printed figure, which knows how many decimals were printed.

    >>> Printed("0.4920").same(0.49196), Printed("0.4920").same(0.4927)
    (True, False)
    """

    def __new__(cls, text: float | str) -> Self:
        """From the text, or from a number without a zero at its end."""
        found = super().__new__(cls, text)
        found.decimals = len(str(text).partition(".")[2])
        return found

    decimals: int

    def __str__(self) -> str:
        return f"{float(self):.{self.decimals}f}"

    @property
    def text(self) -> str:
        """For the page: thousands separated, and a minus sign."""
        return f"{float(self):,.{self.decimals}f}".replace("-", "\u2212")

    def same(self, ours: float) -> bool:
        """Whether our figure is equal to the printed digits."""
        return f"{ours:.{self.decimals}f}" == str(self)


class Setting(Section):
    """A printed setting of a row, and where ours stands.

    Attributes:
        published: the value, in our terms.
        line: of the document.
        word: one that is printed there, where `published` itself is not.
        ours: dotted name among the parameters of the run; one that begins with a dot is a parameter
            of the model. Empty: the function that makes the row records what it used.
        differs: why ours is another value; empty: it must be the same.
    """

    published: Any
    line: PositiveInt
    word: Annotated[str, Field(pattern=r"^[\w.%-]*$")] = ""
    ours: str = ""
    differs: str = ""


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
        printed: texts in their order, such as a list of movies; compared with those of the result.
        line: of the document where these figures or texts are; several where they are apart.
        protocol: how the figures were measured.
        settings: printed settings by name.
        differs: why our figures are not the published ones; for a row whose verdict is that.
        other_data: why a row is not comparable although the system's data set was used.
        exhibit, sizes, example, run: how it is re-run, see the head of `ml20m_hybrid.yaml`.
    """

    id: str
    step: str
    what: str
    published: dict[str, Annotated[Printed, PlainValidator(Printed)]] = Field(default_factory=dict)
    printed: tuple[str, ...] = ()
    line: PositiveInt | tuple[PositiveInt, ...] = ()
    protocol: str = ""
    settings: dict[str, Setting] = Field(default_factory=dict)
    differs: str = ""
    other_data: str = ""
    exhibit: str = ""
    sizes: str = ""
    example: Example | None = None
    run: Plan | None = None

    @model_validator(mode="after")
    def _figures_have_a_protocol(self) -> Row:
        if bool(self.published) != bool(self.protocol):
            raise ValueError(f"{self.id}: figures and their protocol belong together")
        if (self.published or self.printed) and not self.line:
            raise ValueError(f"{self.id}: what was printed has a line in the document")
        return self

    @property
    def lines(self) -> tuple[int, ...]:
        """Lines of the document where its figures or texts are."""
        return (self.line,) if isinstance(self.line, int) else self.line


class System(Section):
    """One of the published systems.

    Attributes:
        system: its letter, and the name of its document.
        preset: name in `conf/experiment/`, of its module here and of its results.
        about: how our runs differ from the publication.
        data_set: the one that was used there, by its name in `conf/data/`.
        data: the variant whose data the exhibits show.
        split: default of its plans.
    """

    system: str
    preset: str
    title: str
    about: str
    data_set: str
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
    files = {preset: Path(__file__).with_name(f"{preset}.yaml") for preset in PRESETS}
    return {
        preset: System.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
        for preset, file in files.items()
    }


def system(preset: str) -> System:
    """The system with this preset.

    Raises:
        ParamsError: unknown preset.
    """
    if preset not in systems():
        raise ParamsError(f"no replication '{preset}'; choose one of {', '.join(systems())}")
    return systems()[preset]
