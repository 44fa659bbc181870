"""Layers of the towers, and when training ends. Imports Keras: not to be imported before.

Weights are stored with the names of layers. A layer draws the seed of its first values when it is
made, so the order in which layers are made is part of every result.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

import keras
import numpy as np
import tensorflow as tf
from keras.regularizers import L2
from scipy import sparse

from reelbench.models.network.config import ITEM, SIDES, NetworkConfig
from reelbench.models.network.tables import Tables, side_of

Tensor: TypeAlias = keras.KerasTensor
Tensors = dict[str, Tensor]
_CUT = 0.87962566103423978  # deviation of a standard normal variable that is cut at two
_DIVISOR = 5  # what the learning rate is divided by once
_GAINS = 4.5e-4, 1e-4  # shares of the scale that an epoch must gain, before that and after it


def look_up(name: str, index: Tensor, table: np.ndarray) -> Tensor:
    """Rows of a table (n, d) that is not trained: float32 (batch, d)."""
    return keras.layers.Embedding(*table.shape, weights=[table], trainable=False, name=name)(index)


def dropped(name: str, rate: float, inputs: Tensor, *, whole: bool = False) -> Tensor:
    """Inputs with a share of their values, or whole rows, dropped in training; 0: themselves."""
    shape = (None, 1) if whole else None
    return keras.layers.Dropout(rate, noise_shape=shape, name=name)(inputs) if rate else inputs


def merged(layer: type[keras.layers.Layer], name: str, tensors: Collection[Tensor]) -> Tensor:
    """Tensors, at least one, made one by `Add` or `Concatenate`."""
    first, *others = tensors
    return layer(name=name)([first, *others]) if others else first


@dataclass(frozen=True)
class Kernel:
    """Kernel (inputs, units) of a layer on several inputs, each with rows of its own."""

    units: int
    penalty: float  # L2
    start: str | int  # first values; a number: of Glorot and Bengio (2010) for so many inputs
    dropout: float = 0.0  # share of the inputs that are dropped in training
    he_normal: bool = False  # whether these are of He et al. (2015) instead

    def initializer(self) -> str | keras.initializers.Initializer:
        """First values of some rows, drawn as those of the whole layer."""
        if isinstance(self.start, str):
            return self.start
        if self.he_normal:  # Keras cuts at two deviations, and widens for it
            return keras.initializers.TruncatedNormal(stddev=(2.0 / self.start) ** 0.5 / _CUT)
        limit = (6.0 / (self.start + self.units)) ** 0.5
        return keras.initializers.RandomUniform(-limit, limit)

    def on(self, part: str, tensor: Tensor, layer: str) -> Tensor:
        """What an input (batch, d) adds to the sums of a layer: (batch, units)."""
        tensor = dropped(f"{part}_input_dropout", self.dropout, tensor)
        dense = keras.layers.Dense(
            self.units,
            use_bias=False,
            kernel_initializer=self.initializer(),
            kernel_regularizer=L2(self.penalty),
            name=f"{part}_to_{layer}",
        )
        return dense(tensor)


@dataclass(frozen=True)
class Inputs:
    """What the towers read, by index of user or item."""

    tables: Tables
    config: NetworkConfig
    index: Tensors  # of each side, int32 (batch,)

    @property
    def sums_terms(self) -> bool:
        """Whether sparse features go into the first layer of the items' tower."""
        return bool(self.tables.terms.shape[1]) and not self.config.text_hidden

    def look_up(self, name: str, table: str) -> Tensor:
        """Rows of a table by its name, float32 (batch, d)."""
        return look_up(name, self.index[side_of(name)], self.tables.arrays[table])

    def embedding(self, name: str) -> Tensor:
        """Trained vector times its trust, dropped whole in training: (batch, width)."""
        config, index = self.config, self.index[side_of(name)]
        if name in config.embeddings:
            index = keras.ops.cast(self.look_up(f"{name}_code", f"code.{name}")[:, 0], "int32")
        trust = self.tables.arrays[f"trust.{name}"]
        initializer = config.embedding_init
        if initializer == "normal":
            initializer = keras.initializers.RandomNormal(stddev=config.init_std)
        penalty = config.embedding_regularization
        vector = keras.layers.Embedding(
            len(trust),
            config.width(name),
            embeddings_initializer=initializer,
            embeddings_regularizer=None if penalty is None else L2(penalty),
            activity_regularizer=L2(config.regularization) if config.regularization else None,
            name=f"{name}_embedding",
        )(index)
        vector = vector * look_up(f"{name}_trust", index, trust)
        return dropped(f"{name}_dropout", config.embedding_dropout, vector, whole=True)

    def embeddings(self, side: str) -> Tensors:
        """Embeddings of a side by name, in the order of their names."""
        names = {*SIDES, *self.config.embeddings}
        if self.config.combine == "dot":  # that of the side itself is a factor and no input
            names -= {*SIDES}
        # sorted, as the names are in the file of a saved model: weights are stored in this order
        wanted = [n for n in sorted(names) if side_of(n) == side and self.config.width(n)]
        return {name: self.embedding(name) for name in wanted}

    def features(self, side: str) -> Tensors:
        """Dense features of a side by name, and hidden layers on sparse ones, each (batch, d)."""
        found, arrays = {}, self.tables.arrays
        for name, units in sorted(self.config.linear.items()):
            if side_of(name) == side and f"linear.{name}" in arrays:
                columns = self.look_up(f"{name}_columns", f"linear.{name}")
                found[f"{name}_linear"] = keras.layers.Dense(units, name=f"{name}_linear")(columns)
        if arrays[columns := f"{side}_columns"].shape[1]:
            found[columns] = self.look_up(columns, columns)
        if side == ITEM and arrays["tokens"].shape[1]:
            found["title"] = self.title()
        if side == ITEM and self.tables.terms.shape[1] and not self.sums_terms:
            found["text"] = self.text()
        return found

    def title(self) -> Tensor:
        """Word vectors of a title: direction of their sum, their mean, or all in a row.

        Zeros for a title without words. In a row padding is a word like any other, as in Keras.
        """
        config, vectors = self.config, self.tables.arrays["vectors"]
        tokens = keras.ops.cast(self.look_up("tokens", "tokens"), "int32")
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

    def text(self) -> Tensor:
        """Hidden layers between sparse features and others: (batch, last of `text_hidden`)."""
        penalty, (first, *others) = self.config.kernel_regularization, self.config.text_hidden
        bag = BagOfTerms(self.tables.terms, Kernel(first, penalty, "glorot_uniform"), name="text_0")
        sums = Bias(name="text_bias")(bag(self.index[ITEM]))
        hidden = keras.layers.ReLU(name="text_relu")(sums)
        for number, units in enumerate(others, start=1):
            hidden = keras.layers.Dense(
                units, activation="relu", kernel_regularizer=L2(penalty), name=f"text_{number}"
            )(hidden)
        return hidden


class Bias(keras.layers.Layer):
    """Adds a trained vector, to sums that no dense layer makes."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.bias = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="bias")

    def call(self, inputs: Tensor) -> Tensor:
        return inputs + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """That of the inputs, which Keras would not infer of a sum that no layer made."""
        return input_shape


class BagOfTerms(keras.layers.Layer):
    """From an index to the product of that row of a sparse matrix and a trained kernel.

    The kernel's rows of an index' terms are summed with their weights, so memory is that of the
    kernel, of the matrix' entries and of the entries of a batch. Dropout of entries is that of
    dense rows. The row after the last is empty.
    """

    def __init__(self, terms: sparse.csr_array, kernel: Kernel, *, name: str) -> None:
        super().__init__(name=name)
        self._table, self._plan = terms, kernel

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        table = self._table
        self.starts = self._fixed("starts", np.append(table.indptr, table.nnz), "int32")
        self.terms = self._fixed("terms", table.indices, "int32")
        self.weights_of_terms = self._fixed("weights", table.data, "float32")
        self.kernel = self.add_weight(
            shape=(table.shape[1], self._plan.units),
            initializer=self._plan.initializer(),
            regularizer=L2(self._plan.penalty),
            name="kernel",
        )
        if self._plan.dropout:
            self.dropout = keras.layers.Dropout(self._plan.dropout, name="entry_dropout")

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
        entries = tf.ragged.range(tf.gather(self.starts, index), tf.gather(self.starts, index + 1))
        rows = tf.gather(self.kernel, tf.gather(self.terms, entries.flat_values))
        weights = tf.gather(self.weights_of_terms, entries.flat_values)[:, None]
        if self._plan.dropout:
            weights = self.dropout(weights, training=training)
        return tf.math.unsorted_segment_sum(
            rows * weights, entries.value_rowids(), tf.shape(index)[0]
        )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(batch, units)."""
        return (*input_shape, self._plan.units)


class Annealing(keras.callbacks.Callback):
    """Divides the rate when an epoch brings little, from the best weights on; then ends likewise.

    Smaller steps average over the noise that those of a large batch and rate leave (He et al. 2016,
    "Deep Residual Learning for Image Recognition"). The best weights are left in the model.
    """

    def __init__(self, watched: str, scale: float) -> None:
        super().__init__()
        self._watched, self._best = watched, float("inf")
        self._gains = [share * scale for share in _GAINS]

    def on_train_begin(self, logs: dict[str, float]) -> None:
        """Take the first weights for the best, should no epoch have a finite error."""
        self._weights = self.model.get_weights()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Compare what is watched with the best so far."""
        gain = self._best - logs[self._watched]
        enough = gain > self._gains[0]
        if enough or (gain > 0 and len(self._gains) == 1):
            self._best, self._weights = logs[self._watched], self.model.get_weights()
        if enough:
            return
        self.model.set_weights(self._weights)
        rate = float(self.model.optimizer.learning_rate)
        self.model.optimizer.learning_rate = rate / _DIVISOR
        del self._gains[0]
        self.model.stop_training = not self._gains

    def on_train_end(self, logs: dict[str, float]) -> None:
        """Leave the best weights; where all epochs were run, the last may be worse."""
        self.model.set_weights(self._weights)
