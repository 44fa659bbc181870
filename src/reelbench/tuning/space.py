"""Section `search.MODEL` of the parameters: which values of which hyperparameters may be tried."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import Field, StrictFloat, StrictInt, ValidationError, model_validator

from reelbench.models.base import ModelEntry
from reelbench.params import ParamsError, Section, validate

#: hyperparameter → value, in the order of the space
Parameters = dict[str, Any]

_DIGITS = 4  # more would be noise in a drawn value, and hard to read among parameters
_DIGITS_OF_STEPS = 12  # hides that 0.1 + 0.2 is not 0.3


class Choices(Section):
    """One of a list of values, which may be of any JSON type."""

    values: tuple[Any, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if any(value in self.values[:place] for place, value in enumerate(self.values)):
            raise ValueError("a value is listed twice")
        return self

    @property
    def labels(self) -> list[str]:
        """The values as JSON: optimisers take text where they refuse lists and mappings."""
        return [json.dumps(value) for value in self.values]

    @property
    def samples(self) -> Sequence[Any]:
        """Values that show whether a model accepts every value."""
        return self.values

    def contains(self, value: object) -> bool:
        """Whether the value is in the list."""
        return value in self.values


class Range(Section):
    """A number between two bounds, both included; an integer if `low`, `high` and `step` are."""

    low: StrictInt | StrictFloat
    high: StrictInt | StrictFloat
    log: bool = False  # sample the logarithm uniformly instead of the number
    #: only `low`, `low + step`, `low + 2 step`, …; None: every number
    step: StrictInt | StrictFloat | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError("low must be less than high, both finite")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic range must start above 0")
        if self.log and self.step is not None:
            raise ValueError("log and step exclude each other")
        steps = (self.high - self.low) / (self.step or 1)
        if self.step is not None and not math.isclose(steps, round(steps)):
            raise ValueError("step must lead from low to high")
        return self

    @property
    def integer(self) -> bool:
        """Whether all values are integers."""
        return all(isinstance(number, int) for number in (self.low, self.high, self.step or 0))

    @property
    def samples(self) -> Sequence[float]:
        """Values that show whether a model accepts every value: the bounds and one between."""
        return (self.low, self.near(self.low + 0.37 * (self.high - self.low)), self.high)

    def contains(self, value: object) -> bool:
        """Whether the value is a number between the bounds; one between two steps counts."""
        if isinstance(value, bool) or not isinstance(value, int if self.integer else int | float):
            return False
        return self.low <= value <= self.high

    def near(self, value: float) -> float:
        """The value of the range that is nearest to a number; a real one has four digits."""
        if self.step is not None:
            value = self.low + round((value - self.low) / self.step) * self.step
        digits = _DIGITS if self.step is None else _DIGITS_OF_STEPS
        rounded = round(float(value)) if self.integer else float(f"{value:.{digits}g}")
        return min(max(rounded, self.low), self.high)


class Space(dict[str, Choices | Range]):
    """The hyperparameters of one model that are searched, by name in the order of `conf/`."""

    @property
    def is_finite(self) -> bool:
        """Whether there is no range of real numbers without a step."""
        ranges = (values for values in self.values() if isinstance(values, Range))
        return all(values.integer or values.step is not None for values in ranges)

    def contains(self, setting: Mapping[str, object]) -> bool:
        """Whether every value of a setting may be tried; that of `conf/` may lie outside."""
        return all(values.contains(setting[name]) for name, values in self.items())

    def encode(self, setting: Parameters) -> Parameters:
        """Numbers and labels for an optimiser; values outside of the space are left out."""
        return {
            name: json.dumps(setting[name]) if isinstance(values, Choices) else setting[name]
            for name, values in self.items()
            if values.contains(setting[name])
        }

    def decode(self, proposed: Parameters) -> Parameters:
        """The setting that an optimiser proposes in numbers and labels."""
        return {
            name: values.values[values.labels.index(proposed[name])]
            if isinstance(values, Choices)
            else values.near(proposed[name])
            for name, values in self.items()
        }

    def describe(self) -> dict[str, Any]:
        """The space as JSON, as `conf/` has it."""
        return {
            name: list(values.values)
            if isinstance(values, Choices)
            else values.model_dump(mode="json", exclude_none=True)
            for name, values in self.items()
        }


def read_space(model: str, section: object, source: Path) -> Space:
    """The space of one model.

    Args:
        section: content of `search.MODEL`.
        source: the file that an error points to.

    Raises:
        ParamsError: something other than a list or a range.
    """
    if not isinstance(section, Mapping):
        raise ParamsError(f"{source}: search.{model}: a mapping of parameters, got {section!r}")
    space = Space()
    for name, content in section.items():
        key = f"search.{model}.{name}"
        if isinstance(content, list | tuple):
            space[name] = validate(key, {"values": content}, Choices, source)
        elif isinstance(content, Mapping):
            space[name] = validate(key, content, Range, source)
        else:
            expected = "a list of values, or low, high and optionally log or step"
            raise ParamsError(f"{source}: {key}: {expected}, got {content!r}")
    return space


def check_space(name: str, space: Space, entry: ModelEntry, source: Path) -> None:
    """Check that the model has every parameter of its space and accepts the values.

    Raises:
        ParamsError: it does not; the message names file, key and value.
    """
    config = entry.model_class.Config
    for parameter, values in space.items():
        key = f"{source}: search.{name}.{parameter}"
        if parameter not in config.model_fields:
            known = ", ".join(sorted(config.model_fields)) or "none"
            raise ParamsError(f"{key}: the model has no parameter '{parameter}'; it has: {known}")
        for value in values.samples:
            try:
                config.model_validate(entry.parameters | {parameter: value})
            except ValidationError as error:
                reason = error.errors()[0]["msg"]
                raise ParamsError(f"{key}: the model refuses {value!r}: {reason}") from error
