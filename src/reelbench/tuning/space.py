"""Section `search.<name>` of the parameters: which values of which parameters are tried.

A space is a point of the unit cube per setting: searchers that draw numbers from [0, 1) need not
know what a parameter is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Self

from hydra.utils import get_class
from pydantic import Field, StrictFloat, StrictInt, ValidationError, model_validator

from reelbench.models.base import ModelEntry, Recommender
from reelbench.params import ParamsError, Section, validate

Parameters = dict[str, Any]

# more digits of a drawn value would be noise, and are hard to read in a file of parameters
_DIGITS = 4


class Choices(Section):
    """One of a list of values, in the order of the list."""

    values: tuple[Any, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _different(self) -> Self:
        if any(value in self.values[:place] for place, value in enumerate(self.values)):
            raise ValueError("a value is there twice")
        return self

    @property
    def size(self) -> int:
        return len(self.values)

    def at(self, position: float) -> Any:
        """The value at a position in [0, 1)."""
        return self.values[int(position * len(self.values))]

    def contains(self, value: Any) -> bool:
        return value in self.values

    def samples(self) -> Sequence[Any]:
        """Values that show whether a model takes all of them."""
        return self.values


class Range(Section):
    """A number between two ends, both included; an integer if both ends are."""

    low: StrictInt | StrictFloat
    high: StrictInt | StrictFloat
    #: whether equal factors, and not equal differences, are equally likely
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError("low must be less than high, both finite")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic range must begin above 0")
        return self

    @property
    def integer(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def size(self) -> float:
        return self.high - self.low + 1 if self.integer else math.inf

    def at(self, position: float) -> int | float:
        """The value at a position in [0, 1)."""
        # an integer stands for the unit around it, so that the ends are as likely as the others
        margin = 0.5 if self.integer else 0.0
        low, high = self.low - margin, self.high + margin
        return self.near(
            low * (high / low) ** position if self.log else low + (high - low) * position
        )

    def near(self, value: float) -> int | float:
        """The value of the range that is next to a number: an integer, or one of four digits."""
        rounded = round(float(value)) if self.integer else float(f"{value:.{_DIGITS}g}")
        return min(max(rounded, self.low), self.high)

    def contains(self, value: Any) -> bool:
        number = isinstance(value, int if self.integer else int | float)
        return number and not isinstance(value, bool) and self.low <= value <= self.high

    def samples(self) -> Sequence[int | float]:
        """Values that show whether a model takes all of them."""
        return (self.low, self.at(0.37), self.high)


class Space:
    """What is searched of one model: parameter → its values, in the order of `conf/`."""

    def __init__(self, parameters: Mapping[str, Choices | Range]) -> None:
        self.parameters = dict(parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def size(self) -> float:
        """Number of settings; infinite where a parameter is not an integer."""
        return math.prod(values.size for values in self.parameters.values())

    @property
    def is_grid(self) -> bool:
        """Whether every parameter is a list."""
        return all(isinstance(values, Choices) for values in self.parameters.values())

    def at(self, point: Sequence[float]) -> Parameters:
        """The setting at a point of [0, 1)^d."""
        return {
            name: values.at(position)
            for (name, values), position in zip(self.parameters.items(), point, strict=True)
        }

    def contains(self, setting: Mapping[str, Any]) -> bool:
        """Whether a setting is one of the space; the one of `conf/` need not be."""
        return all(values.contains(setting[name]) for name, values in self.parameters.items())

    def every(self) -> Iterator[Parameters]:
        """All settings of a space without ranges of floats, the last parameter changes fastest."""
        options = [
            values.values
            if isinstance(values, Choices)
            else range(int(values.low), int(values.high) + 1)
            for values in self.parameters.values()
        ]
        return (dict(zip(self.parameters, setting, strict=True)) for setting in product(*options))

    def describe(self) -> dict[str, Any]:
        """As it is written in `conf/`."""
        return {
            name: list(values.values)
            if isinstance(values, Choices)
            else values.model_dump(mode="json")
            for name, values in self.parameters.items()
        }


def read_space(model: str, section: Any, source: Path) -> Space:
    """The space of one model.

    Args:
        section: content of `search.<model>`.
        source: the file that an error points to.

    Raises:
        ParamsError: something else than a list or a range.
    """
    if not isinstance(section, Mapping):
        raise ParamsError(f"{source}: search.{model}: a mapping of parameters, got {section!r}")
    return Space({key: _values(f"search.{model}.{key}", section[key], source) for key in section})


def _values(key: str, content: Any, source: Path) -> Choices | Range:
    if isinstance(content, list | tuple):
        return validate(key, {"values": content}, Choices, source)
    if isinstance(content, Mapping):
        return validate(key, content, Range, source)
    raise ParamsError(
        f"{source}: {key}: a list of values, or low, high and maybe log, got {content!r}"
    )


def check_space(name: str, space: Space, entry: ModelEntry, source: Path) -> None:
    """Refuse a space with a parameter or a value that the model's config refuses.

    Raises:
        ParamsError: names the file and the key.
    """
    model: type[Recommender] = get_class(entry.target)
    config = model.Config
    for parameter, values in space.parameters.items():
        if parameter not in config.model_fields:
            known = ", ".join(sorted(config.model_fields)) or "none"
            raise ParamsError(
                f"{source}: search.{name}.{parameter}: the model has no parameter '{parameter}'; "
                f"it has: {known}"
            )
        for value in values.samples():
            try:
                config.model_validate(entry.parameters | {parameter: value})
            except ValidationError as error:
                reason = error.errors()[0]["msg"]
                raise ParamsError(
                    f"{source}: search.{name}.{parameter}: the model refuses {value!r}: {reason}"
                ) from error
