"""The parts of the towers. Layers have names, since weights are stored with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from reelbench.models.network.config import NetworkConfig
from reelbench.models.network.tables import Tables
from reelbench.models.parts import keras_layers
from reelbench.models.parts.keras_layers import Terms, look_up


def embedding(name: str, index: Any, trust: np.ndarray, config: NetworkConfig) -> Any:
    """Trained vector times trust, zeros if cold; dropped whole in training: (n, factors)."""
    import keras

    vector = keras.layers.Embedding(
        len(trust),
        config.factors,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=config.init_std),
        activity_regularizer=keras.regularizers.L2(config.regularization),
        name=f"{name}_embedding",
    )(index)
    vector = vector * look_up(f"{name}_trust", index, trust)
    dropout = keras.layers.Dropout(
        config.embedding_dropout, noise_shape=(None, 1), name=f"{name}_dropout"
    )
    return dropout(vector)


def title(index: Any, tables: Tables, config: NetworkConfig) -> Any:
    """Direction of the sum of a title's words, zeros for a title without words: (n, dimension)."""
    import keras

    tokens = keras.ops.cast(look_up("tokens", index, tables.tokens), "int32")
    words = keras.layers.Embedding(
        *tables.vectors.shape,
        weights=[tables.vectors],
        trainable=config.train_vectors,
        name="words",
    )(tokens)
    present = keras.ops.cast(tokens > 0, "float32")[..., None]
    total = keras.ops.sum(words * present, axis=1)
    return config.title_scale * keras.ops.normalize(total, axis=-1)


def projection(name: str, units: int, config: NetworkConfig, *, last: bool) -> Any:
    """Layer from features to `units`; the last one before the factors starts at zero."""
    import keras

    return keras.layers.Dense(
        units,
        use_bias=False,
        kernel_initializer=start(last),
        kernel_regularizer=keras.regularizers.L2(config.feature_regularization),
        name=name,
    )


def bag_of_terms(
    name: str, units: int, tables: Tables, config: NetworkConfig, *, last: bool
) -> Any:
    """Layer from item_idx to the product of the item's sparse features and a kernel: (n, units)."""
    terms = Terms(tables.term_starts, tables.terms, tables.weights, tables.n_terms)
    return keras_layers.bag_of_terms(
        name, units, terms, initializer=start(last), penalty=config.feature_regularization
    )


def start(last: bool) -> str:
    # a random projection would tell items apart before it says anything true of them
    return "zeros" if last else "glorot_uniform"
