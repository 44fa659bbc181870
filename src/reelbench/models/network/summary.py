"""Layers of a network as plain data, which can be stored, read and drawn without Keras."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

INPUT, TABLE = "input", "table"  # kind of a layer that is given and not computed

_INNER = ("_code", "_trust")  # inner tables: row numbers of an embedding, factors of its rows
_DRAWN = ("Sigmoid",)  # drawn although they have one input; others of them only reshape or cast

_Names = tuple[str, ...]


@dataclass(frozen=True)
class Layer:
    """One layer."""

    name: str  # unique in a network
    kind: str  # what it computes, such as `Dense`; `INPUT` and `TABLE` for what is given
    inputs: tuple[str, ...] = ()  # names of the layers that it reads
    shape: tuple[int, ...] = ()  # of its output for one rating; () for a number
    parameters: int = 0  # number of trained parameters
    setting: str = ""  # what its kind leaves open, such as the rate of a dropout

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Layer:
        """The layer that `dataclasses.asdict` stored; JSON has made lists of tuples."""
        tuples = {key: tuple(stored[key]) for key in ("inputs", "shape")}
        return cls(**{**stored, **tuples})

    @property
    def label(self) -> str:
        """Its name in words."""
        return self.name.replace("_", " ")

    @property
    def what(self) -> str:
        """What it computes, such as `Dropout 0.5`."""
        return f"{self.kind} {self.setting}".rstrip()

    @property
    def size(self) -> str:
        """Shape of its output, such as `3 by 4`."""
        return " by ".join(map(str, self.shape)) or "1"


def layers_of(network: keras.Model) -> list[Layer]:
    """Layers of a functional Keras model without shared layers, each after those that it reads.

    What only looks up, casts or switches off rows is left out; arrows lead on to what it reads.
    """
    walk = _Walk(network)
    walk.before(network.output)
    return list(walk.layers.values())


class _Walk:
    """From the output of a network back to its inputs."""

    def __init__(self, network: keras.Model) -> None:
        self.layers: dict[str, Layer] = {}
        self._makers = {id(operation.output): operation for operation in network.operations}
        self._names: dict[int, _Names] = {}

    def before(self, tensor: keras.KerasTensor) -> _Names:
        """Names of the drawn layers that a tensor is the output of."""
        if id(tensor) not in self._names:
            self._names[id(tensor)] = self._drawn(self._makers[id(tensor)])
        return self._names[id(tensor)]

    def _drawn(self, operation: keras.Operation) -> _Names:
        """The layer that an operation is drawn as, or what it reads where it is left out."""
        import keras

        layer = isinstance(operation, keras.layers.Layer)
        kind = type(operation).__name__
        given = isinstance(operation, keras.layers.InputLayer)
        read = [] if given else map(self.before, keras.tree.flatten(operation.input))
        sources = tuple(dict.fromkeys(name for names in read for name in names))
        if layer and operation.name.endswith(_INNER):
            return sources
        if not layer:
            sources = self._without_given(sources)
            if len(sources) < 2 and kind not in _DRAWN:
                return sources
        trained = operation.trainable_weights if layer else []
        if given:
            kind = INPUT
        elif layer and operation.weights and not trained:
            kind = TABLE
        # operations have names that differ from run to run
        name = operation.name if layer else self._numbered(kind.lower())
        parameters = sum(math.prod(weight.shape) for weight in trained)
        shape = tuple(operation.output.shape[1:])
        self.layers[name] = Layer(name, kind, sources, shape, parameters, _setting(operation))
        return (name,)

    def _without_given(self, sources: _Names) -> _Names:
        """Without a given layer that another source reads already: a mask made of it."""
        given = {name for name in sources if self.layers[name].kind in (INPUT, TABLE)}
        read = {name for source in sources for name in self._behind(source)}
        return tuple(name for name in sources if name not in given & read)

    def _behind(self, name: str) -> set[str]:
        inputs = self.layers[name].inputs
        return set(inputs).union(*map(self._behind, inputs))

    def _numbered(self, name: str) -> str:
        number = sum(known.split("_")[0] == name for known in self.layers)
        return f"{name}_{number}" if number else name


def _setting(operation: keras.Operation) -> str:
    """What its kind leaves open: rate of a dropout, activation."""
    if type(operation).__name__ == "Dropout":
        return f"{operation.rate:g}"
    name = getattr(getattr(operation, "activation", None), "__name__", "linear")
    return "" if name == "linear" else name
