"""A published network as a recommender."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.files import read_json, write_json
from reelbench.models.base import Arrays, Recommender
from reelbench.models.mlp.config import MLPConfig
from reelbench.models.mlp.head import head, loss_of, whole
from reelbench.models.mlp.pairs import Pairs
from reelbench.models.mlp.tables import Tables
from reelbench.models.mlp.towers import towers
from reelbench.models.network.summary import layers_of
from reelbench.models.parts.keras_training import (
    PAIRS_PER_BATCH,
    in_batches,
    inputs,
    record,
    scores_of_pairs,
)
from reelbench.seeds import seed_keras

_WEIGHTS = "mlp.weights.h5"
#: errors of every epoch, MAE too, in the model's folder: curves have the losses alone
HISTORY = "history.json"


class MLP(Recommender):
    """A published network; `history` holds RMSE and MAE on train and valid of each epoch.

    The answer for an unknown user or item is that of one without a row in train, with zeros for all
    of its features.
    """

    Config = MLPConfig
    config: MLPConfig

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        self._tables = Tables.make(train, features, self.config)
        self._pairs = Pairs.make(features)
        self._build()
        self._learn(train, valid)

    def layers(self) -> list[dict[str, Any]]:
        """Layers of the fitted network as plain data, each after those that it reads."""
        return [asdict(layer) for layer in layers_of(self._model)]

    def prepare(self) -> None:
        seed_keras(self.seed, self.threads)

    def _build(self) -> None:
        seed_keras(self.seed, self.threads)
        self._towers = towers(self._tables, self._pairs, self.config)
        self._head = head(self.config, self.ids)
        self._model = whole(*self._towers, self._head)

    def _learn(self, train: Interactions, valid: Interactions) -> None:
        import keras

        # a second model of the same layers, so that no optimizer is stored with the weights
        trainee = whole(*self._towers, self._head)
        trainee.compile(
            optimizer=keras.optimizers.Adam(self.config.learning_rate),
            loss=loss_of(self.config, self.ids),
            metrics=[
                keras.metrics.RootMeanSquaredError(name="rmse"),
                keras.metrics.MeanAbsoluteError(name="mae"),
            ],
        )
        trainee.fit(
            self._inputs(train),
            train.rating,
            batch_size=self.config.batch_size,
            epochs=self.config.epochs,
            validation_data=(self._inputs(valid), valid.rating) if len(valid) else None,
            validation_batch_size=PAIRS_PER_BATCH,
            callbacks=[record(self.history), *(self._watchers() if len(valid) else [])],
            verbose=0,
        )

    def _inputs(self, part: Interactions) -> dict[str, np.ndarray]:
        found = inputs(part)
        if self._reads_pairs:
            found["pair_row"] = self._pairs.rows(part.user_idx, part.item_idx, self.ids.n_items)
        return found

    @property
    def _reads_pairs(self) -> bool:
        return self._towers[-1] is not None

    def _watchers(self) -> list[Any]:
        """Callbacks that watch the loss on valid; without valid ratings all epochs are run."""
        import keras

        config = self.config
        watchers: list[Any] = []
        if config.plateau_factor is not None:
            watchers.append(
                keras.callbacks.ReduceLROnPlateau(
                    "val_loss", factor=config.plateau_factor, patience=config.plateau_patience
                )
            )
        if config.patience is not None:
            watchers.append(
                keras.callbacks.EarlyStopping(
                    "val_loss",
                    patience=config.patience,
                    restore_best_weights=config.restore_best,
                )
            )
        return watchers

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        # TensorFlow has no negative indices: -1 is the last row
        users, items = user_idx % (self.ids.n_users + 1), item_idx % (self.ids.n_items + 1)
        if not self._reads_pairs:
            return in_batches(self._model, users, items)[:, 0]
        rows = self._pairs.rows(users, items, self.ids.n_items)
        return in_batches(self._model, users, items, rows)[:, 0]

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        """The towers once per user and item, and only the head for every pair."""
        if self._reads_pairs:
            return super()._score(user_idx)
        user_tower, item_tower, _ = self._towers
        users = in_batches(user_tower, user_idx % (self.ids.n_users + 1))
        items = in_batches(item_tower, np.arange(self.ids.n_items))
        return scores_of_pairs(self._head, users, items)

    def _state(self) -> Arrays:
        return {**self._tables.shapes(), **self._pairs.state()}

    def _restore(self, state: Arrays) -> None:
        self._pairs = Pairs.blank(state)
        shapes = {name: array for name, array in state.items() if not name.startswith("pair_")}
        self._tables = Tables.blank(shapes)
        self._build()

    def _save_extra(self, folder: Path) -> None:
        self._model.save_weights(folder / _WEIGHTS)
        write_json(folder / HISTORY, self.history)

    def _load_extra(self, folder: Path) -> None:
        self._model.load_weights(folder / _WEIGHTS)
        self.history = read_json(folder / HISTORY)
