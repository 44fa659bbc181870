"""Models `dnn`, `glove`, `finetune`: one Keras network, told apart by their feature blocks and conf.

    rating = mean + b_u + b_i + p_u·q_i + deep(p_u, q_i, p_u ∘ q_i)

The damped effects b are fixed tables (`effects.py`, around a prior from the dense features), and the
network learns what they leave: trainable biases under Adam overfit rare items. q_i is an embedding of
the item plus a projection of its features (genres, year, the mean vector of its title's words). Inputs
are `user_idx` and `item_idx` alone; features are tables inside the network, never columns of a rating.

A cold or unknown user or item has an embedding of zeros instead of an untrained one, and whole
embeddings are dropped at random in training, so that the network has learned to do without.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import Arrays, Recommender
from reelbench.models.effects import Effects, effects_around_prior
from reelbench.models.item_matrix import dense_matrix, tokens_and_vectors
from reelbench.params import Section
from reelbench.seeds import seed_keras

_LOG = logging.getLogger(__name__)

_WEIGHTS = "network.weights.h5"
_PAIRS_PER_BATCH = 65_536


class NetworkConfig(Section):
    factors: PositiveInt
    #: units of the hidden layers on top of the embeddings; empty: the dot product alone
    hidden: tuple[PositiveInt, ...]
    epochs: PositiveInt
    #: standard deviation of embeddings and projections before the first epoch
    init_std: PositiveFloat
    #: epochs without a better valid RMSE before training stops
    patience: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    #: L2 penalty of the embeddings of a rating's user and item
    regularization: NonNegativeFloat
    #: L2 penalty of the projections of features
    feature_regularization: NonNegativeFloat
    #: share of embeddings that are dropped whole in training
    embedding_dropout: float = Field(ge=0, lt=1)
    #: share of hidden units that are dropped in training
    dropout: float = Field(ge=0, lt=1)
    #: whether the word vectors of titles are trained too
    train_vectors: bool
    user_damping: NonNegativeFloat
    item_damping: PositiveFloat
    #: L2 penalty of the ridge from features to item effects
    prior_regularization: PositiveFloat


@dataclass(frozen=True)
class Tables:
    """What the network looks up. Rows are users or items, the last one is for an unknown index.

    Attributes:
        user_effect, item_effect: float32 (n + 1, 1), the mean rating is in the item's.
        user_warm, item_warm: float32 (n + 1, 1), 1 with a row in train and 0 without.
        columns: float32 (n_items + 1, d), the dense features; d may be 0.
        tokens: float32 (n_items + 1, max_tokens), rows of `vectors`; max_tokens may be 0.
        vectors: float32 (n_words + 1, dimension), row 0 is padding.
    """

    user_effect: np.ndarray
    item_effect: np.ndarray
    user_warm: np.ndarray
    item_warm: np.ndarray
    columns: np.ndarray
    tokens: np.ndarray
    vectors: np.ndarray

    @classmethod
    def make(cls, effects: Effects, train: Interactions, features: Features) -> Tables:
        """Tables of one training set."""
        ids = features.ids
        tokens, vectors = tokens_and_vectors(features)
        item_effect = effects.item + effects.mean
        return cls(
            user_effect=_column(effects.user),
            item_effect=_column(item_effect),
            user_warm=_column(np.bincount(train.user_idx, minlength=ids.n_users + 1) > 0),
            item_warm=_column(np.bincount(train.item_idx, minlength=ids.n_items + 1) > 0),
            columns=_with_unknown(dense_matrix(features)),
            tokens=_with_unknown(tokens),
            vectors=vectors.astype(np.float32),
        )

    def shapes(self) -> Arrays:
        """Sizes, from which `blank` makes tables that the stored weights then fill."""
        return {name: np.array(table.shape) for name, table in vars(self).items()}

    @classmethod
    def blank(cls, shapes: Arrays) -> Tables:
        """Tables of zeros."""
        return cls(**{name: np.zeros(shape, np.float32) for name, shape in shapes.items()})


class Network(Recommender):
    """The network as a recommender; `history` holds the RMSE on train and valid after each epoch."""

    Config = NetworkConfig

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        effects = effects_around_prior(
            train,
            features.ids,
            dense_matrix(features),
            user_damping=self.config.user_damping,
            item_damping=self.config.item_damping,
            regularization=self.config.prior_regularization,
        )
        self._tables = Tables.make(effects, train, features)
        self._build()
        self._learn(train, valid)

    def _build(self) -> None:
        seed_keras(self.seed, self.threads)
        self._user_tower = _user_tower(self._tables, self.config)
        self._item_tower = _item_tower(self._tables, self.config)
        self._head = _head(self.config)
        self._model = _whole(self._user_tower, self._item_tower, self._head)

    def _learn(self, train: Interactions, valid: Interactions) -> None:
        import keras

        self._model.compile(
            optimizer=keras.optimizers.Adam(self.config.learning_rate),
            loss="mse",
            metrics=[keras.metrics.RootMeanSquaredError(name="rmse")],
        )
        self._model.fit(
            _inputs(train),
            train.rating,
            batch_size=self.config.batch_size,
            epochs=self.config.epochs,
            validation_data=(_inputs(valid), valid.rating) if len(valid) else None,
            validation_batch_size=_PAIRS_PER_BATCH,
            callbacks=[_record(self.history), *self._stopping(len(valid))],
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
        return _in_batches(self._model, users, items)[:, 0]

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        """The towers once per user and item, and only the head for every pair."""
        n_users, n_items = len(self._tables.user_effect), self.ids.n_items
        users = _in_batches(self._user_tower, user_idx % n_users)
        items = _in_batches(self._item_tower, np.arange(n_items))
        step = max(1, _PAIRS_PER_BATCH // n_items)
        rows = [
            _in_batches(self._head, np.repeat(chunk, n_items, axis=0), np.tile(items, (len(chunk), 1)))
            for chunk in np.split(users, range(step, len(users), step))
        ]
        return np.concatenate(rows).reshape(len(user_idx), n_items)

    def _state(self) -> Arrays:
        return self._tables.shapes()

    def _restore(self, state: Arrays) -> None:
        self._tables = Tables.blank(state)
        self._build()

    def _save_extra(self, folder: Path) -> None:
        self._model.save_weights(folder / _WEIGHTS)

    def _load_extra(self, folder: Path) -> None:
        self._model.load_weights(folder / _WEIGHTS)


# -- the parts of the network. Layers have names, since weights are stored by name.


def _user_tower(tables: Tables, config: NetworkConfig) -> Any:
    """user_idx (n,) → p_u and b_u, (n, factors + 1)."""
    import keras

    index = keras.Input((), dtype="int32", name="user_idx")
    vector = _embedding("user", index, tables.user_warm, config)
    effect = _look_up("user_effect", index, tables.user_effect)
    both = keras.layers.Concatenate(name="user")([vector, effect])
    return keras.Model(index, both, name="user_tower")


def _item_tower(tables: Tables, config: NetworkConfig) -> Any:
    """item_idx (n,) → q_i and mean + b_i, (n, factors + 1)."""
    import keras

    index = keras.Input((), dtype="int32", name="item_idx")
    vector = _embedding("item", index, tables.item_warm, config)
    for part in _features(index, tables, config):
        vector = keras.layers.Add()([vector, part])
    effect = _look_up("item_effect", index, tables.item_effect)
    both = keras.layers.Concatenate(name="item")([vector, effect])
    return keras.Model(index, both, name="item_tower")


def _features(index: Any, tables: Tables, config: NetworkConfig) -> list[Any]:
    """Projections of the features that there are, each (n, factors)."""
    parts = []
    if tables.columns.shape[1]:
        columns = _look_up("columns", index, tables.columns)
        parts.append(_projection("columns", config)(columns))
    if tables.tokens.shape[1]:
        parts.append(_projection("title", config)(_title(index, tables, config)))
    return parts


def _title(index: Any, tables: Tables, config: NetworkConfig) -> Any:
    """Mean vector of the words of a title, zeros for a title without words: (n, dimension)."""
    import keras

    tokens = keras.ops.cast(_look_up("tokens", index, tables.tokens), "int32")
    words = keras.layers.Embedding(
        *tables.vectors.shape,
        weights=[tables.vectors],
        trainable=config.train_vectors,
        name="words",
    )(tokens)
    present = keras.ops.cast(tokens > 0, "float32")[..., None]
    count = keras.ops.maximum(keras.ops.sum(present, axis=1), 1.0)
    return keras.ops.sum(words * present, axis=1) / count


def _head(config: NetworkConfig) -> Any:
    """(p_u, b_u) and (q_i, mean + b_i), each (n, factors + 1) → rating (n, 1)."""
    import keras

    size = config.factors
    user = keras.Input((size + 1,), name="user_vector")
    item = keras.Input((size + 1,), name="item_vector")
    product = user[:, :size] * item[:, :size]
    rating = user[:, size:] + item[:, size:] + keras.ops.sum(product, axis=1, keepdims=True)
    hidden = keras.layers.Concatenate(name="pair")([user[:, :size], item[:, :size], product])
    for number, units in enumerate(config.hidden):
        hidden = keras.layers.Dense(units, activation="relu", name=f"hidden_{number}")(hidden)
        hidden = keras.layers.Dropout(config.dropout, name=f"dropout_{number}")(hidden)
    if config.hidden:
        rating = rating + keras.layers.Dense(1, name="deep")(hidden)
    return keras.Model([user, item], rating, name="head")


def _whole(user_tower: Any, item_tower: Any, head: Any) -> Any:
    import keras

    user = keras.Input((), dtype="int32", name="user_idx")
    item = keras.Input((), dtype="int32", name="item_idx")
    return keras.Model([user, item], head([user_tower(user), item_tower(item)]))


def _embedding(name: str, index: Any, warm: np.ndarray, config: NetworkConfig) -> Any:
    """Trained vector, zeros for what is cold; dropped whole in training: (n, factors)."""
    import keras

    vector = keras.layers.Embedding(
        len(warm),
        config.factors,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=config.init_std),
        activity_regularizer=keras.regularizers.L2(config.regularization),
        name=f"{name}_embedding",
    )(index)
    vector = vector * _look_up(f"{name}_warm", index, warm)
    dropout = keras.layers.Dropout(
        config.embedding_dropout, noise_shape=(None, 1), name=f"{name}_dropout"
    )
    return dropout(vector)


def _look_up(name: str, index: Any, table: np.ndarray) -> Any:
    """Rows of a table that is not trained."""
    import keras

    layer = keras.layers.Embedding(*table.shape, weights=[table], trainable=False, name=name)
    return layer(index)


def _projection(name: str, config: NetworkConfig) -> Any:
    import keras

    return keras.layers.Dense(
        config.factors,
        use_bias=False,
        kernel_initializer=keras.initializers.RandomNormal(stddev=config.init_std),
        kernel_regularizer=keras.regularizers.L2(config.feature_regularization),
        name=f"{name}_to_factors",
    )


# -- between arrays and the network


def _column(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)[:, None]


def _with_unknown(table: np.ndarray) -> np.ndarray:
    """The table and a row of zeros for an unknown index, float32."""
    return np.vstack([table, np.zeros((1, table.shape[1]))]).astype(np.float32)


def _inputs(part: Interactions) -> dict[str, np.ndarray]:
    return {"user_idx": part.user_idx, "item_idx": part.item_idx}


def _in_batches(model: Any, *arrays: np.ndarray) -> np.ndarray:
    """Output for arrays of equal length, without the set-up time of Keras' own `predict`."""
    import keras

    outputs = []
    for start in range(0, len(arrays[0]), _PAIRS_PER_BATCH):
        batch = [array[start : start + _PAIRS_PER_BATCH] for array in arrays]
        output = model(batch if len(batch) > 1 else batch[0], training=False)
        outputs.append(keras.ops.convert_to_numpy(output))
    return np.concatenate(outputs)


def _record(history: list[dict[str, float]]) -> Any:
    """Callback that keeps and logs the losses of every epoch."""
    import keras

    def end_of_epoch(epoch: int, logs: dict[str, float]) -> None:
        row = {"epoch": epoch + 1, "train_loss": logs["rmse"]}
        if "val_rmse" in logs:
            row["valid_loss"] = logs["val_rmse"]
        history.append(row)
        losses = ", ".join(f"{name} {value:.4f}" for name, value in list(row.items())[1:])
        _LOG.info("epoch %d: %s", epoch + 1, losses)

    return keras.callbacks.LambdaCallback(on_epoch_end=end_of_epoch)
