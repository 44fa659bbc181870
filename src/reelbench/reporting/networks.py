"""Networks of the models that are one, drawn from the layers that training has listed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from reelbench import paths
from reelbench.files import read_json
from reelbench.models.network.summary import Layer
from reelbench.reporting import figures
from reelbench.reporting.figures import Picture
from reelbench.reporting.network_drawing import drawing

# white, three fills, two edges, black, and what lies between them where edges are smooth
_COLOURS = 32
# of CSS
_PIXELS_PER_INCH = 96


class Network(NamedTuple):
    """A model's layers and their drawing.

    Attributes:
        layers: each after those that it reads.
        width: of the picture on the page, in CSS pixels: that at which it was drawn.
    """

    model: str
    layers: Sequence[Layer]
    picture: Picture
    width: int

    @property
    def parameters(self) -> int:
        """Numbers that are trained in all layers."""
        return sum(layer.parameters for layer in self.layers)


def read_networks(models: Iterable[str]) -> list[Network]:
    """Those of `models` that have layers, in the same order."""
    found = ((model, _layers(model)) for model in models)
    with figures.style():
        return [_network(model, layers) for model, layers in found if layers]


def _layers(model: str) -> list[Layer]:
    file = paths.layers(model)
    return [Layer.of(stored) for stored in read_json(file)] if file.is_file() else []


def _network(model: str, layers: Sequence[Layer]) -> Network:
    trained = sum(layer.parameters for layer in layers)
    caption = (
        f"Network of {model}: {len(layers)} layers from what it reads, on top, to the rating; "
        f"{trained:,} numbers are trained"
    )
    figure = drawing({f"Network of {model}": layers})
    picture = Picture(f"network_{model}", caption, figures.png(figure, _COLOURS), wide=True)
    return Network(model, layers, picture, round(_PIXELS_PER_INCH * figure.get_figwidth()))
