"""The network as a recommender."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.features.matrices import dense_matrix, title_matrix
from reelbench.models.base import Arrays, Recommender
from reelbench.models.network.config import NetworkConfig
from reelbench.models.network.head import head, loss_of, whole
from reelbench.models.network.summary import layers_of
from reelbench.models.network.tables import Tables
from reelbench.models.network.towers import USER_COLUMNS, item_tower, user_tower
from reelbench.models.parts.keras_training import (
    PAIRS_PER_BATCH,
    in_batches,
    inputs,
    record,
    scores_of_pairs,
)
from reelbench.models.shared.biases import biases_around_prior
from reelbench.seeds import seed_keras

_WEIGHTS = "network.weights.h5"


class Network(Recommender):
    """The network as a recommender; `history` holds the RMSE on train and valid of each epoch."""

    Config = NetworkConfig
    config: NetworkConfig

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        effects = biases_around_prior(
            train,
            features.ids,
            np.hstack([dense_matrix(features), self.config.title_scale * title_matrix(features)]),
            user_damping=self.config.user_damping,
            item_damping=self.config.item_damping,
            regularization=self.config.prior_regularization,
        )
        self._tables = Tables.make(effects, train, features, self.config.embedding_damping)
        self._build()
        self._learn(train, valid)

    @property
    def knows_users(self) -> bool:
        """Whether the network reads columns of users, their demographics."""
        return self._tables.user_columns.shape[1] > 0

    def describe_unknown_user(self, columns: np.ndarray) -> None:
        """Let the unknown user (-1) have these columns (f,), until others are given.

        Its embedding stays zeros: the answer is that for a user of the data set without ratings.
        """
        layer = self._user_tower.get_layer(USER_COLUMNS)
        (table,) = layer.get_weights()
        table[-1] = columns
        layer.set_weights([table])

    def layers(self) -> list[dict[str, Any]]:
        """Layers of the fitted network as plain data, each after those that it reads."""
        return [asdict(layer) for layer in layers_of(self._model)]

    def prepare(self) -> None:
        seed_keras(self.seed, self.threads)

    def _build(self) -> None:
        seed_keras(self.seed, self.threads)
        self._user_tower = user_tower(self._tables, self.config)
        self._item_tower = item_tower(self._tables, self.config)
        self._head = head(self.config, self.ids)
        self._model = whole(self._user_tower, self._item_tower, self._head)

    def _learn(self, train: Interactions, valid: Interactions) -> None:
        import keras

        # a second model of the same layers, so that no optimizer is stored with the weights
        trainee = whole(self._user_tower, self._item_tower, self._head)
        trainee.compile(
            optimizer=keras.optimizers.Adam(self.config.learning_rate),
            loss=loss_of(self.config, self.ids),
            metrics=[keras.metrics.RootMeanSquaredError(name="rmse")],
        )
        trainee.fit(
            inputs(train),
            train.rating,
            batch_size=self.config.batch_size,
            epochs=self.config.epochs,
            validation_data=(inputs(valid), valid.rating) if len(valid) else None,
            validation_batch_size=PAIRS_PER_BATCH,
            callbacks=[record(self.history), *self._stopping(len(valid))],
            verbose=0,
        )

    def _stopping(self, n_valid: int) -> list[Any]:
        """Stop at the best epoch on valid; without valid ratings all epochs are run."""
        import keras

        stop = keras.callbacks.EarlyStopping(
            "val_rmse", patience=self.config.patience, mode="min", restore_best_weights=True
        )
        return [stop] if n_valid else []

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        sizes = len(self._tables.user_effect), len(self._tables.item_effect)
        # TensorFlow has no negative indices: -1 is the last row
        users, items = user_idx % sizes[0], item_idx % sizes[1]
        return in_batches(self._model, users, items)[:, 0]

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        """The towers once per user and item, and only the head for every pair."""
        n_users, n_items = len(self._tables.user_effect), self.ids.n_items
        users = in_batches(self._user_tower, user_idx % n_users)
        items = in_batches(self._item_tower, np.arange(n_items))
        return scores_of_pairs(self._head, users, items)

    def _state(self) -> Arrays:
        return self._tables.shapes()

    def _restore(self, state: Arrays) -> None:
        self._tables = Tables.blank(state)
        self._build()

    def _save_extra(self, folder: Path) -> None:
        self._model.save_weights(folder / _WEIGHTS)

    def _load_extra(self, folder: Path) -> None:
        self._model.load_weights(folder / _WEIGHTS)
