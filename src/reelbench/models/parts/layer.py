"""A layer of a network as plain data: needs no Keras to be stored, read and drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: kind of a layer that is given and not computed
INPUT, TABLE = "input", "table"


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        name: of its own in a network.
        kind: what it does, such as `Dense`; `INPUT` and `TABLE` for what is given.
        inputs: names of the layers that it reads.
        shape: of its output for one rating; () for a number.
        parameters: numbers that are trained.
        setting: what its kind leaves open, such as the share of a dropout.
    """

    name: str
    kind: str
    inputs: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    parameters: int = 0
    setting: str = ""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Layer:
        """From what `dataclasses.asdict` gives, which JSON keeps with lists for tuples."""
        tuples = {key: tuple(stored[key]) for key in ("inputs", "shape")}
        return cls(**{**stored, **tuples})

    @property
    def label(self) -> str:
        """Its name in words."""
        return self.name.replace("_", " ")

    @property
    def what(self) -> str:
        """What it does, such as `Dropout 0.5`."""
        return f"{self.kind} {self.setting}".rstrip()

    @property
    def size(self) -> str:
        """Shape of its output, such as `3 by 4`."""
        return " by ".join(map(str, self.shape)) or "1"
