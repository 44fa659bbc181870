"""From an index to factors and effect: a tower for users and one for items."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from reelbench.models.network import layers
from reelbench.models.network.config import NetworkConfig
from reelbench.models.network.tables import Tables
from reelbench.models.parts.keras_layers import look_up

#: the layer of what is known of users beside their ratings
USER_COLUMNS = "user_columns"

# (name, units, last=…) → (n, units): features of a batch times a kernel
_Projected = Callable[..., Any]


def user_tower(tables: Tables, config: NetworkConfig) -> Any:
    """user_idx (n,) → p_u and b_u, (n, factors + 1)."""
    import keras

    index = keras.Input((), dtype="int32", name="user_idx")
    parts: dict[str, _Projected] = {}
    if tables.user_columns.shape[1]:
        columns = look_up(USER_COLUMNS, index, tables.user_columns)
        parts["user_columns"] = partial(_dense, columns, config)
    vector = layers.embedding("user", index, tables.user_trust, config)
    vector = _with_features("user", vector, parts, config.user_hidden, config)
    effect = look_up("user_effect", index, tables.user_effect)
    both = keras.layers.Concatenate(name="user")([vector, effect])
    return keras.Model(index, both, name="user_tower")


def item_tower(tables: Tables, config: NetworkConfig) -> Any:
    """item_idx (n,) → q_i and mean + b_i, (n, factors + 1)."""
    import keras

    index = keras.Input((), dtype="int32", name="item_idx")
    parts = _item_parts(index, tables, config)
    vector = layers.embedding("item", index, tables.item_trust, config)
    vector = _with_features("item", vector, parts, config.item_hidden, config)
    effect = look_up("item_effect", index, tables.item_effect)
    both = keras.layers.Concatenate(name="item")([vector, effect])
    return keras.Model(index, both, name="item_tower")


def _item_parts(index: Any, tables: Tables, config: NetworkConfig) -> dict[str, _Projected]:
    """The features that there are, by name."""
    parts: dict[str, _Projected] = {}
    if tables.item_columns.shape[1]:
        columns = look_up("item_columns", index, tables.item_columns)
        parts["item_columns"] = partial(_dense, columns, config)
    if tables.tokens.shape[1]:
        parts["title"] = partial(_dense, layers.title(index, tables, config), config)
    if len(tables.terms):
        parts["terms"] = partial(_sparse, index, tables, config)
    return parts


def _dense(columns: Any, config: NetworkConfig, name: str, units: int, *, last: bool) -> Any:
    return layers.projection(name, units, config, last=last)(columns)


def _sparse(
    index: Any, tables: Tables, config: NetworkConfig, name: str, units: int, *, last: bool
) -> Any:
    return layers.bag_of_terms(name, units, tables, config, last=last)(index)


def _with_features(
    name: str,
    vector: Any,
    parts: dict[str, _Projected],
    hidden: tuple[int, ...],
    config: NetworkConfig,
) -> Any:
    """The embedding plus what hidden layers make of the features: (n, factors)."""
    import keras

    if not parts:
        return vector
    first, *others = *hidden, config.factors
    projected = [
        project(f"{part}_to_{name}", first, last=not others) for part, project in parts.items()
    ]
    if not others:
        return keras.layers.Add(name=f"{name}_factors")([vector, *projected])
    inner = keras.layers.Add(name=f"{name}_sum")(projected) if len(projected) > 1 else projected[0]
    for number, units in enumerate(others):
        inner = keras.layers.ReLU(name=f"{name}_relu_{number}")(inner)
        inner = keras.layers.Dropout(config.dropout, name=f"{name}_hidden_dropout_{number}")(inner)
        last = number == len(others) - 1
        inner = keras.layers.Dense(
            units, kernel_initializer=layers.start(last), name=f"{name}_hidden_{number}"
        )(inner)
    return keras.layers.Add(name=f"{name}_factors")([vector, inner])
