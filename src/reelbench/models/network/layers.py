"""The parts of the network. Layers have names, since weights are stored with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from reelbench.models.network.config import NetworkConfig
from reelbench.models.network.tables import Tables


def user_tower(tables: Tables, config: NetworkConfig) -> Any:
    """user_idx (n,) → p_u and b_u, (n, factors + 1)."""
    import keras

    index = keras.Input((), dtype="int32", name="user_idx")
    vector = _embedding("user", index, tables.user_warm, config)
    effect = _look_up("user_effect", index, tables.user_effect)
    both = keras.layers.Concatenate(name="user")([vector, effect])
    return keras.Model(index, both, name="user_tower")


def item_tower(tables: Tables, config: NetworkConfig) -> Any:
    """item_idx (n,) → q_i and mean + b_i, (n, factors + 1)."""
    import keras

    index = keras.Input((), dtype="int32", name="item_idx")
    vector = _embedding("item", index, tables.item_warm, config)
    parts = [vector, *_features(index, tables, config)]
    if len(parts) > 1:
        vector = keras.layers.Add(name="item_factors")(parts)
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
    """Direction of the sum of a title's words, zeros for a title without words: (n, dimension)."""
    import keras

    tokens = keras.ops.cast(_look_up("tokens", index, tables.tokens), "int32")
    words = keras.layers.Embedding(
        *tables.vectors.shape,
        weights=[tables.vectors],
        trainable=config.train_vectors,
        name="words",
    )(tokens)
    present = keras.ops.cast(tokens > 0, "float32")[..., None]
    total = keras.ops.sum(words * present, axis=1)
    return config.title_scale * keras.ops.normalize(total, axis=-1)


def head(config: NetworkConfig) -> Any:
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


def whole(user_tower: Any, item_tower: Any, head: Any) -> Any:
    import keras

    user = keras.Input((), dtype="int32", name="user_idx")
    item = keras.Input((), dtype="int32", name="item_idx")
    return keras.Model([user, item], head([user_tower(user), item_tower(item)]), name="network")


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
        # a random projection would tell items apart before it says anything true of them
        kernel_initializer="zeros",
        kernel_regularizer=keras.regularizers.L2(config.feature_regularization),
        name=f"{name}_to_factors",
    )
