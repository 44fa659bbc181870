"""What the models that Keras trains have in common."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from reelbench.files import read_json, write_json
from reelbench.models.base import Recommender
from reelbench.seeds import seed_keras

if TYPE_CHECKING:
    import keras

HISTORY = "history.json"  # in a model's folder: errors of every epoch
_WEIGHTS = "network.weights.h5"


class KerasModel(Recommender):
    """Base of the models that Keras trains."""

    stochastic = True

    def prepare(self) -> None:
        seed_keras(self.seed, self.threads)


class KerasNetwork(KerasModel):
    """Base of those that keep their network: of a saved one it is built where it is asked for."""

    _built: Any  # what `_build` returned; None of a saved network that has not been asked for
    _weights: bytes  # of a saved network

    @abstractmethod
    def _build(self) -> Any:
        """The network, or its parts, with first values."""

    @property
    def _parts(self) -> Any:
        if self._built is None:
            self._built = self._build()
            with TemporaryDirectory() as folder:
                file = Path(folder) / _WEIGHTS
                file.write_bytes(self._weights)
                self.keras_model.load_weights(file)
        return self._built

    @property
    def keras_model(self) -> keras.Model:
        """The fitted Keras model."""
        return self._parts

    def _save_extra(self, folder: Path) -> None:
        self.keras_model.save_weights(folder / _WEIGHTS)
        write_json(folder / HISTORY, self.history)

    def _load_extra(self, folder: Path) -> None:
        self._built, self._weights = None, (folder / _WEIGHTS).read_bytes()
        self.history = read_json(folder / HISTORY)
