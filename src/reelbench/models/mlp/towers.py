"""What a user, what an item, and what a pair of them adds to the first dense layer."""

from __future__ import annotations

from typing import Any

from reelbench.models.mlp import layers
from reelbench.models.mlp.config import ITEM, USER, MLPConfig
from reelbench.models.mlp.pairs import Pairs
from reelbench.models.mlp.tables import Tables, side_of
from reelbench.models.parts.keras_layers import Terms, bag_of_terms, look_up
from reelbench.params import ParamsError


def towers(tables: Tables, pairs: Pairs, config: MLPConfig) -> tuple[Any, Any, Any]:
    """Models from user_idx, item_idx and the row of a pair (n,) to (n, first_units).

    The last one is None where nothing is known of pairs.

    The first dense layer has one kernel for all of its inputs. Cut into the rows for what users
    have, for what items have and for sparse terms, it is the same layer; its initial values are
    drawn as for the whole (Glorot and Bengio 2010).
    """
    import keras

    index = {side: keras.Input((), dtype="int32", name=f"{side}_idx") for side in (USER, ITEM)}
    parts = {side: _parts(side, index[side], tables, config) for side in (USER, ITEM)}
    if config.combine == "dot":
        if len(parts[USER] + parts[ITEM]) > 2 or _are_beside(tables, config) or len(pairs.keys):
            raise ParamsError("combine: dot reads no features: take them out of `features`")
        user, item = (keras.Model(index[s], *parts[s], name=f"{s}_tower") for s in (USER, ITEM))
        return user, item, None
    width = pairs.terms.n_terms + sum(part.shape[-1] for side in parts.values() for part in side)
    if _are_beside(tables, config):
        width += tables.terms.n_terms
    outputs = {side: _dense(side, parts[side], width, config) for side in (USER, ITEM)}
    if _are_beside(tables, config):
        bag = _bag("terms_to_first", index[ITEM], tables.terms, config, width)
        outputs[ITEM] = [*outputs[ITEM], bag]
    user, item = (
        keras.Model(
            index[side], _sum(side, index[side], outputs[side], config), name=f"{side}_tower"
        )
        for side in (USER, ITEM)
    )
    return user, item, _pair_tower(pairs, config, width)


def _pair_tower(pairs: Pairs, config: MLPConfig, width: int) -> Any:
    import keras

    if not pairs.terms.n_terms:
        return None
    row = keras.Input((), dtype="int32", name="pair_row")
    bag = _bag("pair_terms_to_first", row, pairs.terms, config, width)
    return keras.Model(row, bag, name="pair_tower")


def _parts(side: str, index: Any, tables: Tables, config: MLPConfig) -> list[Any]:
    """All inputs of a side but sparse ones that lie beside the others, each (n, d)."""
    import keras

    # sorted, as the names are in the file of a saved model: weights are stored in this order
    names = [n for n, width in sorted(config.embeddings.items()) if width and side_of(n) == side]
    parts = [layers.embedding(name, index, tables, config) for name in names]
    for name, units in sorted(config.linear.items()):
        if side_of(name) == side and f"linear.{name}" in tables.arrays:
            columns = look_up(f"{name}_columns", index, tables.arrays[f"linear.{name}"])
            parts.append(keras.layers.Dense(units, name=f"{name}_linear")(columns))
    if tables.arrays[f"{side}_columns"].shape[1]:
        parts.append(look_up(f"{side}_columns", index, tables.arrays[f"{side}_columns"]))
    if side == ITEM and tables.arrays["tokens"].shape[1]:
        parts.append(layers.title(index, tables, config))
    if side == ITEM and tables.terms.n_terms and config.text_hidden:
        parts.append(layers.text(index, tables, config))
    return parts


def _are_beside(tables: Tables, config: MLPConfig) -> bool:
    return bool(tables.terms.n_terms) and not config.text_hidden


def _dense(side: str, parts: list[Any], width: int, config: MLPConfig) -> list[Any]:
    """The rows of the first kernel for what a side has, if it has anything."""
    import keras

    if not parts:
        return []
    beside = keras.layers.Concatenate(name=f"{side}_inputs")(parts) if len(parts) > 1 else parts[0]
    beside = keras.layers.Dropout(config.input_dropout, name=f"{side}_input_dropout")(beside)
    layer = keras.layers.Dense(
        config.first_units,
        use_bias=False,
        kernel_initializer=layers.glorot(width, config.first_units),
        kernel_regularizer=keras.regularizers.L2(_penalty_of_first(config)),
        name=f"{side}_to_first",
    )
    return [layer(beside)]


def _bag(name: str, index: Any, terms: Terms, config: MLPConfig, width: int) -> Any:
    """The rows of the first kernel for sparse terms."""
    layer = bag_of_terms(
        name,
        config.first_units,
        terms,
        initializer=layers.glorot(width, config.first_units),
        penalty=_penalty_of_first(config),
        dropout=config.input_dropout,
    )
    return layer(index)


def _penalty_of_first(config: MLPConfig) -> float:
    return config.regularization if config.hidden else 0.0


def _sum(side: str, index: Any, outputs: list[Any], config: MLPConfig) -> Any:
    import keras

    if not outputs:  # nothing is known of this side: a row of zeros for every index
        return keras.ops.cast(index, "float32")[:, None] * keras.ops.zeros((1, config.first_units))
    return keras.layers.Add(name=f"{side}_sum")(outputs) if len(outputs) > 1 else outputs[0]
