"""The parts of a published network. Layers have names, since weights are stored with them."""

from __future__ import annotations

from typing import Any

from reelbench.models.mlp.config import MLPConfig
from reelbench.models.mlp.tables import Tables
from reelbench.models.parts.keras_layers import bag_of_terms, look_up


def embedding(name: str, index: Any, tables: Tables, config: MLPConfig) -> Any:
    """Trained vector of what a user or item has, zeros (or not) if train never had it."""
    import keras

    trained = tables.arrays[f"trained.{name}"]
    code = look_up(f"{name}_code", index, tables.arrays[f"code.{name}"])
    code = keras.ops.cast(code[:, 0], "int32")
    vector = keras.layers.Embedding(
        len(trained),
        config.embeddings[name],
        embeddings_initializer=_embedding_init(config),
        embeddings_regularizer=keras.regularizers.L2(config.embedding_regularization),
        name=f"{name}_embedding",
    )(code)
    return vector * look_up(f"{name}_trained", code, trained)


def _embedding_init(config: MLPConfig) -> Any:
    import keras

    if config.embedding_init == "normal":
        return keras.initializers.RandomNormal(stddev=1.0)
    return config.embedding_init


def title(index: Any, tables: Tables, config: MLPConfig) -> Any:
    """Mean vector of a title's words, zeros without any, or all of them in a row.

    In a row padding comes first and is a word like any other, as in Keras without a mask: zeros, or
    where vectors are trained a vector too.
    """
    import keras

    tokens = keras.ops.cast(look_up("tokens", index, tables.arrays["tokens"]), "int32")
    vectors = tables.arrays["vectors"]
    words = keras.layers.Embedding(
        *vectors.shape, weights=[vectors], trainable=config.train_vectors, name="words"
    )(tokens)
    if config.title_pooling == "flatten":
        return keras.layers.Flatten(name="title")(words)
    present = keras.ops.cast(tokens > 0, "float32")[..., None]
    words = words * present
    n_words = keras.ops.maximum(keras.ops.sum(present, axis=1), 1.0)
    return keras.ops.sum(words, axis=1) / n_words


def text(index: Any, tables: Tables, config: MLPConfig) -> Any:
    """The hidden layers between sparse features and the others: (n, last of `text_hidden`)."""
    import keras

    first, *others = config.text_hidden
    text = bag_of_terms(
        "text_0",
        first,
        tables.terms,
        initializer="glorot_uniform",
        penalty=config.regularization,
    )(index)
    text = keras.layers.ReLU(name="text_relu")(bias("text_bias", first)(text))
    for number, units in enumerate(others, start=1):
        text = keras.layers.Dense(
            units,
            activation="relu",
            kernel_regularizer=keras.regularizers.L2(config.regularization),
            name=f"text_{number}",
        )(text)
    return text


def glorot(width: int, units: int) -> Any:
    """Initial values of a part of a kernel (width, units), as Keras draws those of the whole."""
    import keras

    limit = (6.0 / (width + units)) ** 0.5
    return keras.initializers.RandomUniform(-limit, limit)


def bias(name: str, units: int) -> Any:
    """Layer that adds a trained vector, for sums that no dense layer makes."""
    import keras

    class Bias(keras.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.bias = self.add_weight(shape=(units,), initializer="zeros", name="bias")

        def call(self, inputs: Any) -> Any:
            return inputs + self.bias

    return Bias(name=name)
