"""The network as a recommender: training, prediction, ranking and its folder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbench.models.base import Arrays, Features, Ids, Interactions
from reelbench.models.network.config import NetworkConfig
from reelbench.models.network.scoring import Scorer
from reelbench.models.network.summary import layers_of
from reelbench.models.network.tables import Tables
from reelbench.models.shared.keras_model import KerasNetwork
from reelbench.seeds import seed_for, seed_keras

if TYPE_CHECKING:
    import keras

    from reelbench.models.network import towers

_LOG = logging.getLogger(__name__)

# what Keras calls them
_ERRORS = dict(rmse="train_loss", val_rmse="valid_loss", mae="train_mae", val_mae="valid_mae")
_STEPS_PER_CALL = 16  # of training between returns to Python, which cost as much as small steps
# pairs, users or items in one call, of validation too: bounds the memory of what layers compute
_PAIRS_PER_BATCH = 16_384


class Network(KerasNetwork):
    """Keras network on embeddings and features; `history` holds RMSE and MAE of each epoch.

    Without feature blocks it is matrix factorisation around damped biases, with a dense layer on
    the factors. An unknown user or item is one without a rating in train whose features are zeros.

    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [5, 3, 4, 2, 1])
    >>> model = Network(factors=4, hidden=(8,), epochs=2).fit(train)
    >>> model.predict([0, 2], [2, 0]).shape
    (2,)
    >>> [layer["kind"] for layer in model.layers() if layer["name"].startswith("user")]
    ['input', 'Embedding', 'Dropout', 'table', 'Concatenate']
    """

    config: NetworkConfig
    _scorer: Scorer

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        self._tables = Tables.make(train, features, self.config)
        if self.config.pretraining == "none":
            self._built = self._build()
        else:
            parameters = self.config.model_dump() | {"pretraining": "none", "train_vectors": False}
            first = type(self)(seed=self.seed, threads=self.threads, **parameters)
            fitted = first.fit(train, valid, features).keras_model.get_layer("item_embedding")
            vectors = fitted.get_weights()
            # other first values than those that the embedding of items was trained with
            self._built = self._build(seed_for(self.seed, "pretrained"))
            self.keras_model.get_layer("item_embedding").set_weights(vectors)
        self._learn(train, valid)
        self._score_with_numpy()

    @property
    def keras_model(self) -> keras.Model:
        """The fitted Keras model: `user_idx` and `item_idx` (n,) → rating (n, 1)."""
        return self._parts.whole

    @property
    def knows_users(self) -> bool:
        """Whether the network reads all columns of users, their demographics."""
        return self.config.columns is None and self._tables.arrays["user_columns"].shape[1] > 0

    def describe_unknown_user(self, columns: np.ndarray) -> None:
        """As for a user of the data set without ratings, since the embedding stays zeros."""
        tower = self._parts.user
        layer = tower.get_layer("user_columns")
        (table,) = layer.get_weights()
        table[-1] = columns
        layer.set_weights([table])
        row = _in_batches(tower, np.array([self.ids.n_users]))
        self._scorer = replace(self._scorer, users=np.vstack([self._scorer.users[:-1], row]))

    def item_vectors(self) -> np.ndarray:
        """Factors (dot), or what items add to the first dense layer: float32 (n_items, d)."""
        return self._scorer.items[:-1, : self.config.tower_units]

    def layers(self) -> list[dict[str, Any]]:
        return [asdict(layer) for layer in layers_of(self.keras_model)]

    def _build(self, seed: int | None = None) -> towers.Parts:
        from reelbench.models.network import towers

        seed_keras(self.seed if seed is None else seed, self.threads)
        return towers.build(self._tables, self.config, self.ids)

    def _score_with_numpy(self) -> None:
        """Take from the Keras models what ratings are computed from."""
        sides = (self._parts.user, self.ids.n_users), (self._parts.item, self.ids.n_items)
        users, items = (_in_batches(tower, np.arange(size + 1)) for tower, size in sides)
        layers = self._parts.head.layers
        head = {f"{x.name}.{n}": array for x in layers for n, array in enumerate(x.get_weights())}
        self._scorer = Scorer(users, items, head, self.config, self.ids, self.threads)

    def _learn(self, train: Interactions, valid: Interactions) -> None:
        """Train the weights, at every rate with a new optimizer and new early stopping."""
        import keras

        network, inputs = self.keras_model, self._inputs(train)
        watched = (self._inputs(valid), valid.rating) if len(valid) else None
        batch_size, first = self.config.batch_and_rate(len(train))
        for rate in (first, *self.config.continued):
            # a second model of the same layers, so that no optimizer is stored with the weights
            trainee = keras.Model(network.input, network.output)
            trainee.compile(
                optimizer=keras.optimizers.Adam(rate),
                loss=loss_of(self.config, self.ids),
                metrics=[
                    keras.metrics.RootMeanSquaredError(name="rmse"),
                    keras.metrics.MeanAbsoluteError(name="mae"),
                ],
                steps_per_execution=_STEPS_PER_CALL,
            )
            trainee.fit(
                inputs,
                train.rating,
                batch_size=batch_size,
                epochs=self.config.epochs,
                validation_data=watched,
                validation_batch_size=_PAIRS_PER_BATCH,
                callbacks=self._callbacks(len(valid), grown=batch_size > self.config.batch_size),
                verbose=0,
            )

    def _inputs(self, part: Interactions) -> dict[str, np.ndarray]:
        inputs = {"user_idx": part.user_idx, "item_idx": part.item_idx}
        if self._reads_pairs:
            pairs = part.user_idx, part.item_idx, self.ids.n_items
            inputs["pair_row"] = self._tables.pair_rows(*pairs)
        return inputs

    @property
    def _reads_pairs(self) -> bool:
        return bool(self._tables.pair_terms.shape[1])

    def _callbacks(self, n_valid: int, *, grown: bool) -> list[keras.callbacks.Callback]:
        """The record of epochs, and what watches valid; without it all epochs are run."""
        import keras

        config = self.config
        found = [keras.callbacks.LambdaCallback(on_epoch_end=self._record)]
        watched = f"val_{config.monitor}"
        if n_valid and config.plateau_factor is not None:
            settings = {"factor": config.plateau_factor, "patience": config.plateau_patience}
            found.append(keras.callbacks.ReduceLROnPlateau(watched, mode="min", **settings))
        if n_valid and config.patience is not None:
            if grown:
                from reelbench.models.network.layers import Annealing

                found.append(Annealing(watched, self.ids.rating_max - self.ids.rating_min))
            else:
                kept = {"patience": config.patience, "restore_best_weights": config.restore_best}
                found.append(keras.callbacks.EarlyStopping(watched, mode="min", **kept))
        return found

    def _record(self, epoch: int, logs: dict[str, float]) -> None:
        """Keep and log the errors of an epoch, those of valid where there are any.

        `train_loss` and `valid_loss` are the RMSE; those of train are means over batches with
        dropout.
        """
        row: dict[str, float] = {"epoch": len(self.history) + 1}
        row |= {_ERRORS[key]: logs[key] for key in _ERRORS if key in logs}
        self.history.append(row)
        errors = ", ".join(f"{name} {value:.4f}" for name, value in list(row.items())[1:])
        _LOG.info("epoch %d: %s", row["epoch"], errors)

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        if not self._reads_pairs:
            return self._scorer.pairs(user_idx, item_idx)
        # TensorFlow has no negative indices: -1 is the last row
        users, items = user_idx % (self.ids.n_users + 1), item_idx % (self.ids.n_items + 1)
        rows = self._tables.pair_rows(users, items, self.ids.n_items)
        return _in_batches(self.keras_model, users, items, rows)[:, 0]

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        """The towers once per user and item, and only the head for every pair."""
        return super()._score(user_idx) if self._reads_pairs else self._scorer.catalogue(user_idx)

    def _state(self) -> Arrays:
        return {**self._tables.state(), **self._scorer.state()}

    def _restore(self, state: Arrays) -> None:
        self._tables = Tables.blank(state)
        self._scorer = Scorer.restored(state, self.config, self.ids, self.threads)


def loss_of(
    config: NetworkConfig, ids: Ids
) -> Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]:
    """Loss of given and predicted ratings, each (n, 1); cross-entropy is that of shares."""
    import keras

    loss = keras.losses.get(config.loss)
    entropy = config.loss == "binary_crossentropy"
    if config.loss_scale == "ratings" and not entropy:
        return loss
    # a difference of shares needs no origin
    low, width = ids.rating_min if entropy else 0.0, ids.rating_max - ids.rating_min

    def of_shares(given: keras.KerasTensor, predicted: keras.KerasTensor) -> keras.KerasTensor:
        return loss((given - low) / width, (predicted - low) / width)

    return of_shares


def _in_batches(model: keras.Model, *arrays: np.ndarray) -> np.ndarray:
    """Output for arrays of equal length, without the set-up time of Keras' own `predict`."""
    import keras

    outputs = []
    for start in range(0, len(arrays[0]), _PAIRS_PER_BATCH):
        batch = [array[start : start + _PAIRS_PER_BATCH] for array in arrays]
        output = model(batch if len(batch) > 1 else batch[0], training=False)
        outputs.append(keras.ops.convert_to_numpy(output))
    return np.concatenate(outputs)
