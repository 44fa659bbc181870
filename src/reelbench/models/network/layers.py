"""Layers of the towers. Imports Keras: to be imported when a network is built, not before.

Layers have names, since weights are stored with them. A layer draws the seed of its first values
when it is made, so the order in which layers are made is part of every result.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras.regularizers import L2

from reelbench.models.network.config import NetworkConfig
from reelbench.models.network.tables import Tables, Terms


def look_up(name: str, index: keras.KerasTensor, table: np.ndarray) -> keras.KerasTensor:
    """Rows of a table (n, d) that is not trained: float32 (batch, d)."""
    layer = keras.layers.Embedding(*table.shape, weights=[table], trainable=False, name=name)
    return layer(index)


def dropped(name: str, rate: float, inputs: keras.KerasTensor) -> keras.KerasTensor:
    """Inputs with a share of their values dropped in training; themselves where it is 0."""
    return keras.layers.Dropout(rate, name=name)(inputs) if rate else inputs


def glorot(inputs: int, units: int) -> keras.initializers.Initializer:
    """First values of a part of a kernel (inputs, units), drawn as those of the whole.

    Glorot and Bengio (2010).
    """
    limit = (6.0 / (inputs + units)) ** 0.5
    return keras.initializers.RandomUniform(-limit, limit)


def embedding(
    name: str, index: keras.KerasTensor, tables: Tables, config: NetworkConfig
) -> keras.KerasTensor:
    """Trained vector times its trust, dropped whole in training: (batch, width)."""
    if name in config.embeddings:
        code = look_up(f"{name}_code", index, tables.arrays[f"code.{name}"])
        index = keras.ops.cast(code[:, 0], "int32")
    trust = tables.arrays[f"trust.{name}"]
    initializer = config.embedding_init
    if initializer == "normal":
        initializer = keras.initializers.RandomNormal(stddev=config.init_std)
    tables_penalty = config.embedding_regularization
    vector = keras.layers.Embedding(
        len(trust),
        config.width(name),
        embeddings_initializer=initializer,
        embeddings_regularizer=None if tables_penalty is None else L2(tables_penalty),
        activity_regularizer=L2(config.regularization) if config.regularization else None,
        name=f"{name}_embedding",
    )(index)
    vector = vector * look_up(f"{name}_trust", index, trust)
    if not config.embedding_dropout:
        return vector
    whole = keras.layers.Dropout(
        config.embedding_dropout, noise_shape=(None, 1), name=f"{name}_dropout"
    )
    return whole(vector)


def title(index: keras.KerasTensor, tables: Tables, config: NetworkConfig) -> keras.KerasTensor:
    """Word vectors of a title: direction of their sum, their mean, or all in a row.

    Zeros for a title without words. In a row padding comes first and is a word like any other, as
    in Keras without a mask: zeros, or where vectors are trained a vector too.
    """
    tokens = keras.ops.cast(look_up("tokens", index, tables.arrays["tokens"]), "int32")
    vectors = tables.arrays["vectors"]
    words = keras.layers.Embedding(
        *vectors.shape, weights=[vectors], trainable=config.train_vectors, name="words"
    )(tokens)
    if config.title_pooling == "flatten":
        return keras.layers.Flatten(name="title")(words)
    present = keras.ops.cast(tokens > 0, "float32")[..., None]
    total = keras.ops.sum(words * present, axis=1)
    if config.title_pooling == "direction":
        return config.title_scale * keras.ops.normalize(total, axis=-1)
    return total / keras.ops.maximum(keras.ops.sum(present, axis=1), 1.0)


def text(index: keras.KerasTensor, tables: Tables, config: NetworkConfig) -> keras.KerasTensor:
    """Hidden layers between sparse features and the others: (batch, last of `text_hidden`)."""
    first, *others = config.text_hidden
    bag = BagOfTerms(tables.terms, first, penalty=config.kernel_regularization, name="text_0")
    hidden = keras.layers.ReLU(name="text_relu")(Bias(name="text_bias")(bag(index)))
    for number, units in enumerate(others, start=1):
        hidden = keras.layers.Dense(
            units,
            activation="relu",
            kernel_regularizer=L2(config.kernel_regularization),
            name=f"text_{number}",
        )(hidden)
    return hidden


class Bias(keras.layers.Layer):
    """Adds a trained vector, to sums that no dense layer makes."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the vector, zeros at first."""
        self.bias = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="bias")

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Inputs plus the vector."""
        return inputs + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """That of the inputs, which Keras would not infer of a sum that no layer made."""
        return input_shape


class BagOfTerms(keras.layers.Layer):
    """From an index to the product of that row of a sparse matrix and a trained kernel.

    The kernel's rows of an index' terms are summed with their weights, so that neither a row of the
    vocabulary's width nor one of the longest item is ever made: memory is that of the kernel, of
    the matrix' entries, and of the entries of a batch.

    Args:
        terms: the sparse matrix.
        units: width of the output.
        initializer: of the kernel (n_terms, units).
        penalty: L2 penalty of the kernel.
        dropout: share of the entries that are dropped in training; the same as dropout of dense
            rows, where dropping a zero makes no difference.
    """

    def __init__(
        self,
        terms: Terms,
        units: int,
        *,
        initializer: str | keras.initializers.Initializer = "glorot_uniform",
        penalty: float = 0.0,
        dropout: float = 0.0,
        name: str,
    ) -> None:
        super().__init__(name=name)
        self._table, self.units = terms, units
        self._initializer, self._penalty, self._rate = initializer, penalty, dropout

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the kernel and the fixed tables."""
        self.starts = self._fixed("starts", self._table.starts, "int32")
        self.terms = self._fixed("terms", self._table.terms, "int32")
        self.weights_of_terms = self._fixed("weights", self._table.weights, "float32")
        self.kernel = self.add_weight(
            shape=(self._table.n_terms, self.units),
            initializer=self._initializer,
            regularizer=L2(self._penalty),
            name="kernel",
        )
        if self._rate:
            self.dropout = keras.layers.Dropout(self._rate, name="entry_dropout")

    def _fixed(self, name: str, values: np.ndarray, dtype: str) -> keras.Variable:
        return self.add_weight(
            shape=values.shape,
            dtype=dtype,
            initializer=lambda shape, dtype: keras.ops.convert_to_tensor(values, dtype),
            trainable=False,
            name=name,
        )

    def call(self, index: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """float32 (batch, units)."""
        first = tf.gather(self.starts, index)
        entries = tf.ragged.range(first, tf.gather(self.starts, index + 1))
        rows = tf.gather(self.kernel, tf.gather(self.terms, entries.flat_values))
        weights = tf.gather(self.weights_of_terms, entries.flat_values)[:, None]
        if self._rate:
            weights = self.dropout(weights, training=training)
        return tf.math.unsorted_segment_sum(
            rows * weights, entries.value_rowids(), tf.shape(index)[0]
        )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(batch, units)."""
        return (*input_shape, self.units)
