"""Drawings of the layers of trained networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reelbench import paths
from reelbench.files import atomic
from reelbench.models.base import Recommender
from reelbench.models.network.summary import Layer
from reelbench.reporting import figures
from reelbench.reporting.network_drawing import drawing
from replications.result import FOLDER
from replications.workspace import Ran


def layers(ran: Ran, model: str) -> list[Layer]:
    """Of the network that a variant has trained."""
    return [
        Layer.of(layer) for layer in Recommender.load(ran.file(paths.model_dir(model))).layers()
    ]


def write_drawing(preset: str, name: str, networks: Mapping[str, list[Layer]]) -> Path:
    """Draw networks side by side; the file that was written."""
    file = FOLDER / preset / f"{name}.png"
    with figures.style():
        picture = figures.png(drawing(networks))
    with atomic(file) as temporary:
        temporary.write_bytes(picture)
    return file
