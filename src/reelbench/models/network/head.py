"""From the towers to a rating, and how far off it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reelbench.features.block import Ids
from reelbench.models.network.config import NetworkConfig

# effects are held this far from the ends of the scale, whose logits are infinite
_MARGIN = 0.02


def head(config: NetworkConfig, ids: Ids) -> Any:
    """(p_u, b_u) and (q_i, mean + b_i), each (n, factors + 1) → rating (n, 1)."""
    import keras

    size = config.factors
    user = keras.Input((size + 1,), name="user_vector")
    item = keras.Input((size + 1,), name="item_vector")
    product = user[:, :size] * item[:, :size]
    learned = keras.ops.sum(product, axis=1, keepdims=True)
    if config.hidden:
        pair = keras.layers.Concatenate(name="pair")([user[:, :size], item[:, :size], product])
        learned = learned + _deep(pair, config)
    rating = _joined(user[:, size:] + item[:, size:], learned, config, ids)
    return keras.Model([user, item], rating, name="head")


def _deep(pair: Any, config: NetworkConfig) -> Any:
    import keras

    for number, units in enumerate(config.hidden):
        pair = keras.layers.Dense(units, activation="relu", name=f"hidden_{number}")(pair)
        pair = keras.layers.Dropout(config.dropout, name=f"dropout_{number}")(pair)
    return keras.layers.Dense(1, name="deep")(pair)


def _joined(effects: Any, learned: Any, config: NetworkConfig, ids: Ids) -> Any:
    """Rating from what the effects say of it and what the network adds."""
    import keras

    if config.head == "linear":
        return effects + learned
    low, width = ids.rating_min, ids.rating_max - ids.rating_min
    share = keras.ops.clip((effects - low) / width, _MARGIN, 1.0 - _MARGIN)
    logit = keras.ops.log(share) - keras.ops.log(1.0 - share)
    return low + width * keras.ops.sigmoid(logit + learned)


def loss_of(config: NetworkConfig, ids: Ids) -> str | Callable[[Any, Any], Any]:
    """Keras' loss; cross-entropy takes the ratings as shares of the scale."""
    if config.loss != "binary_crossentropy":
        return config.loss
    import keras

    low, width = ids.rating_min, ids.rating_max - ids.rating_min

    def binary_crossentropy(given: Any, predicted: Any) -> Any:
        shares = ((values - low) / width for values in (given, predicted))
        return keras.losses.binary_crossentropy(*shares)

    return binary_crossentropy


def whole(user_tower: Any, item_tower: Any, head: Any) -> Any:
    """Indices of users and items (n,) → rating (n, 1)."""
    import keras

    user = keras.Input((), dtype="int32", name="user_idx")
    item = keras.Input((), dtype="int32", name="item_idx")
    return keras.Model([user, item], head([user_tower(user), item_tower(item)]), name="network")
