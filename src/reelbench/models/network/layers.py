"""The parts of the towers. Layers have names, since weights are stored with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from reelbench.models.network.config import NetworkConfig
from reelbench.models.network.tables import Tables


def look_up(name: str, index: Any, table: np.ndarray) -> Any:
    """Rows of a table that is not trained."""
    import keras

    layer = keras.layers.Embedding(*table.shape, weights=[table], trainable=False, name=name)
    return layer(index)


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
    """Layer from item_idx to the product of the item's sparse features and a kernel: (n, units).

    The kernel's rows of an item's terms are summed with their weights, so that neither a row of the
    vocabulary's width nor one of the longest item is ever made: memory is that of the kernel, of
    the matrix' entries, and of the entries of a batch.
    """
    import keras
    import tensorflow as tf

    class BagOfTerms(keras.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.starts = self._fixed("starts", tables.term_starts, "int32")
            self.terms = self._fixed("terms", tables.terms, "int32")
            self.weights_of_terms = self._fixed("weights", tables.weights, "float32")
            self.kernel = self.add_weight(
                shape=(tables.n_terms, units),
                initializer=start(last),
                regularizer=keras.regularizers.L2(config.feature_regularization),
                name="kernel",
            )

        def _fixed(self, name: str, values: np.ndarray, dtype: str) -> Any:
            return self.add_weight(
                shape=values.shape,
                dtype=dtype,
                initializer=lambda shape, dtype: keras.ops.convert_to_tensor(values, dtype),
                trainable=False,
                name=name,
            )

        def call(self, index: Any) -> Any:
            first = tf.gather(self.starts, index)
            entries = tf.ragged.range(first, tf.gather(self.starts, index + 1))
            rows = tf.gather(self.kernel, tf.gather(self.terms, entries.flat_values))
            weights = tf.gather(self.weights_of_terms, entries.flat_values)[:, None]
            return tf.math.unsorted_segment_sum(
                rows * weights, entries.value_rowids(), tf.shape(index)[0]
            )

        def compute_output_shape(self, input_shape: Any) -> Any:
            return (*input_shape, units)

    return BagOfTerms(name=name)


def start(last: bool) -> str:
    # a random projection would tell items apart before it says anything true of them
    return "zeros" if last else "glorot_uniform"
