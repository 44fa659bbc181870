"""Faults of published protocols, by name: switched on one at a time, they show what each is worth.

None is on by default. A fault is an option in `faults:`, or a value of a model's or the split's
parameters. Where one is on, every table of the report says so, its runs in MLflow have the tag
`faults`, and `reelbench gate save` refuses to make a baseline of it.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from reelbench import params, paths
from reelbench.params import ParamsError, Section, nearest


class Fault(StrEnum):
    """The faults that are options; the value is the name in `faults:`."""

    ENCODER_ON_ALL_ROWS = "encoder_on_all_rows"
    SCORE_TRAIN_ROWS = "score_train_rows"
    SCORE_FILLED_MATRIX = "score_filled_matrix"
    DROP_COLD_ITEMS = "drop_cold_items"
    OWN_TEST_ITEMS_ONLY = "own_test_items_only"


class Entry(Section):
    """What is known of a fault, in `faults.yaml`."""

    about: str  # what is done, as the end of a sentence about the run
    #: dotted patterns of parameters and their values, by all of which it is recognised in a run
    params: dict[str, Any] = Field(default_factory=dict)
    #: by field of a description (`reelbench lint-protocol`), the values that mean this fault
    protocol: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    why: str  # why that is wrong, as sentences


@cache
def known() -> dict[str, Entry]:
    """Every fault by name; those that are no `Fault` and have no `params` are no switch here."""
    text = Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    return {name: Entry.model_validate(values) for name, values in yaml.safe_load(text).items()}


def read() -> frozenset[Fault]:
    """The options that `params.yaml` switches on."""
    return parse(params.select(params.read(), "faults"))


def parse(names: Iterable[str]) -> frozenset[Fault]:
    """Options by name; a ParamsError for an unknown one."""
    options = [fault.value for fault in Fault]
    for name in names:
        if name not in options:
            source = paths.CONF / "config.yaml"
            raise ParamsError(f"{source}: faults: no fault '{name}'{nearest(str(name), options)}")
    return frozenset(map(Fault, names))


def active(content: Mapping[str, Any], model: str | None = None) -> list[str]:
    """Names of the faults that parameters switch on, for one of the models or for any, sorted."""
    models = content.get("models", {})
    chosen = models if model is None else {model: models.get(model, {})}
    flat = params.flat({**content, "models": chosen})
    options = {fault.value for fault in parse(content.get("faults", ()))}
    params_of = {name: entry.params.items() for name, entry in known().items() if entry.params}
    seen = {name for name, own in params_of.items() if all(_has(flat, *one) for one in own)}
    return sorted(options | seen)


def named(content: Mapping[str, Any], model: str | None = None) -> str:
    """The `active` faults, such as `a, b`; empty for none."""
    return ", ".join(active(content, model))


def warning(faults: Iterable[str]) -> str:
    """What a reader of the results has to know first; empty without a fault."""
    about = {name: f" ({entry.about})" for name, entry in known().items()}
    lines = [f"`{fault}`{about.get(fault, '')}" for fault in sorted(faults)]
    if not lines:
        return ""
    return f"Not an honest protocol. Faults switched on: {'; '.join(lines)}."


def _has(flat: Mapping[str, Any], pattern: str, value: Any) -> bool:
    """Whether a parameter has a value; `*` is any number of levels, or any value but none."""
    values = (found for name, found in flat.items() if fnmatchcase(name, pattern))
    return any(found == value or (value == "*" and found) for found in values)
