"""From the sums of the first dense layer to a rating, and how far off it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reelbench.features.block import Ids
from reelbench.models.mlp.config import MLPConfig
from reelbench.models.mlp.layers import bias

# as in PyTorch, whose running moments follow the data ten times faster than Keras'
_MOMENTUM = 0.9


def head(config: MLPConfig, ids: Ids) -> Any:
    """What user and item add to the first layer, each (n, first_units) → rating (n, 1)."""
    import keras

    user = keras.Input((config.first_units,), name="user_sum")
    item = keras.Input((config.first_units,), name="item_sum")
    if config.combine == "dot":
        last = keras.ops.sum(user * item, axis=1, keepdims=True)
    else:
        last = _dense_layers(bias("first_bias", config.first_units)(user + item), config)
    return keras.Model([user, item], _rating(last, config, ids), name="head")


def _dense_layers(units: Any, config: MLPConfig) -> Any:
    """Activation, normalisation and dropout of the first layer, then the others: (n, 1)."""
    import keras

    for number, size in enumerate(config.hidden):
        if number:
            units = keras.layers.Dense(
                size,
                kernel_regularizer=keras.regularizers.L2(config.regularization),
                name=f"hidden_{number}",
            )(units)
        if config.batch_norm:
            units = keras.layers.BatchNormalization(momentum=_MOMENTUM, name=f"norm_{number}")(
                units
            )
        units = keras.layers.Activation(config.activation, name=f"activation_{number}")(units)
        if number == 0 or config.dropout_after == "all":
            units = keras.layers.Dropout(config.dropout, name=f"dropout_{number}")(units)
    return keras.layers.Dense(1, name="last")(units) if config.hidden else units


def _rating(last: Any, config: MLPConfig, ids: Ids) -> Any:
    import keras

    if config.head == "linear":
        return last
    return ids.rating_min + (ids.rating_max - ids.rating_min) * keras.ops.sigmoid(last)


def loss_of(config: MLPConfig, ids: Ids) -> str | Callable[[Any, Any], Any]:
    """Mean squared error of ratings, or of their shares of the scale for the head sigmoid."""
    if config.head == "linear":
        return "mse"
    import keras

    width = ids.rating_max - ids.rating_min

    def mse_of_shares(given: Any, predicted: Any) -> Any:
        return keras.losses.mean_squared_error(given / width, predicted / width)

    return mse_of_shares


def whole(user_tower: Any, item_tower: Any, pair_tower: Any, head: Any) -> Any:
    """Indices of users and items, and rows of pairs if they have a tower, (n,) → rating (n, 1)."""
    import keras

    user = keras.Input((), dtype="int32", name="user_idx")
    item = keras.Input((), dtype="int32", name="item_idx")
    if pair_tower is None:
        rating = head([user_tower(user), item_tower(item)])
        return keras.Model([user, item], rating, name="mlp")
    pair = keras.Input((), dtype="int32", name="pair_row")
    rating = head([user_tower(user), item_tower(item) + pair_tower(pair)])
    return keras.Model([user, item, pair], rating, name="mlp")
