"""The layers of a fitted Keras model as a plain list of what can be stored and drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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


# tables inside a network: which row of an embedding is whose, and which of its rows were trained
_INNER = ("_code", "_trained", "_trust")
# operations that are drawn although they have one input; all others of them only reshape or cast
_DRAWN = ("Sigmoid",)

_Names = tuple[str, ...]


def layers_of(network: Any) -> list[Layer]:
    """Layers of a Keras model, each after those that it reads.

    Networks inside the network are opened. Left out is what only looks up, casts or switches off
    rows, and a dropout of nothing, with its arrows led on to what comes before it.
    """
    walk = _Walk()
    for output in network.outputs:
        walk.before(output, {})
    return list(walk.layers.values())


class _Walk:
    """From an output back to the inputs."""

    def __init__(self) -> None:
        self.layers: dict[str, Layer] = {}
        self._seen: dict[tuple[int, int], _Names] = {}

    def before(self, tensor: Any, bound: Mapping[int, _Names]) -> _Names:
        """Names of the drawn layers that a tensor is the output of.

        Args:
            bound: the same for the inputs of the inner network that the tensor is in.
        """
        if id(tensor) in bound:
            return bound[id(tensor)]
        # where Keras' own drawing and its files have the graph from
        operation, number, place = tensor._keras_history
        node = operation._inbound_nodes[number]
        if hasattr(operation, "operations"):
            sources = [self.before(source, bound) for source in node.input_tensors]
            inner = dict(zip(map(id, operation.inputs), sources, strict=True))
            return self.before(operation.outputs[place], inner)
        key = id(operation), number
        if key not in self._seen:
            sources = [self.before(source, bound) for source in node.input_tensors]
            names = tuple(dict.fromkeys(name for source in sources for name in source))
            self._seen[key] = self._drawn(operation, names, node.outputs[0].shape[1:])
        return self._seen[key]

    def _drawn(self, operation: Any, sources: _Names, shape: Sequence[int]) -> _Names:
        """The layer that an operation is drawn as, or what it is left out for."""
        kind = type(operation).__name__
        weights = getattr(operation, "weights", None)
        if weights is None:  # an operation and no layer
            sources = self._without_given(sources)
            if len(sources) < 2 and kind not in _DRAWN:
                return sources
        elif operation.name.endswith(_INNER) or getattr(operation, "rate", None) == 0:
            return sources
        trained = getattr(operation, "trainable_weights", [])
        if kind == "InputLayer":
            kind = INPUT
        elif weights and not trained:
            kind = TABLE
        name = operation.name if weights is not None else self._numbered(kind.lower())
        parameters = sum(math.prod(weight.shape) for weight in trained)
        layer = Layer(name, kind, sources, tuple(shape), parameters, _setting(operation))
        self.layers[name] = layer
        return (name,)

    def _without_given(self, sources: _Names) -> _Names:
        """Less what is given and was read by another of them already: a mask of it."""
        given = {name for name in sources if self.layers[name].kind in (INPUT, TABLE)}
        read = {name for source in sources for name in self._behind(source)}
        return tuple(name for name in sources if name not in given & read)

    def _behind(self, name: str) -> set[str]:
        inputs = self.layers[name].inputs
        return set(inputs).union(*map(self._behind, inputs))

    def _numbered(self, name: str) -> str:
        """Operations have names that differ from run to run."""
        number = sum(known.split("_")[0] == name for known in self.layers)
        return f"{name}_{number}" if number else name


def _setting(operation: Any) -> str:
    """What its kind leaves open: share of a dropout, activation."""
    if type(operation).__name__ == "Dropout":
        return f"{operation.rate:g}"
    activation = getattr(operation, "activation", None)
    name = getattr(activation, "__name__", "linear")
    return "" if name == "linear" else name
