"""From indices to a rating: a tower for users, one for items, and a head on both.

Imports Keras: to be imported when a network is built, not before.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
from keras.regularizers import L2

from reelbench.features.block import Ids
from reelbench.models.network import layers
from reelbench.models.network.config import ITEM, SIDES, USER, NetworkConfig
from reelbench.models.network.scoring import MARGIN
from reelbench.models.network.tables import Tables, side_of

# as in PyTorch, whose running moments follow the data ten times faster than Keras'
_MOMENTUM = 0.9

_Tensors = dict[str, keras.KerasTensor]


class Parts(NamedTuple):
    """A network and its parts, which share their layers."""

    #: `user_idx`, `item_idx`, and with features of pairs `pair_row`, (n,) → rating (n, 1)
    whole: keras.Model
    #: index (n,) → what a side contributes, (n, tower_units), with a baseline and its bias in one
    #: more column
    user: keras.Model
    item: keras.Model
    head: keras.Model  # both of these → rating (n, 1)


def build(tables: Tables, config: NetworkConfig, ids: Ids) -> Parts:
    """The network that `config` describes, with its first values."""
    index = {side: keras.Input((), dtype="int32", name=f"{side}_idx") for side in SIDES}
    width = 0
    if config.combine == "dot":
        towers = {side: _factors(side, index[side], tables, config) for side in SIDES}
    else:
        towers, width = _first_layer(index, tables, config)
    inputs = list(index.values())
    user, item = (keras.Model(index[side], towers[side], name=f"{side}_tower") for side in SIDES)
    if tables.pairs.terms.n_terms:
        row = keras.Input((), dtype="int32", name="pair_row")
        inputs.append(row)
        pair = _bag("pair_terms_to_first", tables.pairs.terms, width, config)(row)
        towers[ITEM] = towers[ITEM] + pair
    rating = _head(towers[USER], towers[ITEM], config, ids)
    head = keras.Model([towers[USER], towers[ITEM]], rating, name="head")
    return Parts(keras.Model(inputs, rating, name="network"), user, item, head)


# -- what the towers read


def _embeddings(
    side: str, names: list[str], index: keras.KerasTensor, tables: Tables, config: NetworkConfig
) -> _Tensors:
    """Embeddings of one side by name, in the order of their names."""
    # sorted, as the names are in the file of a saved model: weights are stored in this order
    return {
        name: layers.embedding(name, index, tables, config)
        for name in sorted(set(names))
        if config.width(name) and side_of(name) == side
    }


def _features(
    side: str, index: keras.KerasTensor, tables: Tables, config: NetworkConfig
) -> _Tensors:
    """Dense features of one side by name, and hidden layers on sparse ones, each (batch, d)."""
    found = {}
    for name, units in sorted(config.linear.items()):
        if side_of(name) == side and f"linear.{name}" in tables.arrays:
            columns = layers.look_up(f"{name}_columns", index, tables.arrays[f"linear.{name}"])
            found[f"{name}_linear"] = keras.layers.Dense(units, name=f"{name}_linear")(columns)
    columns = f"{side}_columns"
    if tables.arrays[columns].shape[1]:
        found[columns] = layers.look_up(columns, index, tables.arrays[columns])
    if side == ITEM and tables.arrays["tokens"].shape[1]:
        found["title"] = layers.title(index, tables, config)
    if side == ITEM and tables.terms.n_terms and config.text_hidden:
        found["text"] = layers.text(index, tables, config)
    return found


def _reads_terms(side: str, tables: Tables, config: NetworkConfig) -> bool:
    """Whether sparse features go into the first layer of a tower."""
    return side == ITEM and bool(tables.terms.n_terms) and not config.text_hidden


def _with_bias(
    side: str, vector: keras.KerasTensor, index: keras.KerasTensor, tables: Tables
) -> keras.KerasTensor:
    """The vector of a side and its bias, where there is a baseline, in one more column."""
    bias = f"{side}_bias"
    if bias not in tables.arrays:
        return vector
    both = [vector, layers.look_up(bias, index, tables.arrays[bias])]
    return keras.layers.Concatenate(name=side)(both)


# -- combine: dot


def _factors(
    side: str, index: keras.KerasTensor, tables: Tables, config: NetworkConfig
) -> keras.KerasTensor:
    """Tower that adds what hidden layers make of the features to the embedding."""
    others = [name for name in config.embeddings if name not in SIDES]
    parts = _embeddings(side, others, index, tables, config)
    parts |= _features(side, index, tables, config)
    vector = layers.embedding(side, index, tables, config)
    first, *hidden = *(config.user_hidden if side == USER else config.item_hidden), config.factors
    sums = _projected(side, parts, index, tables, config, first, last=not hidden)
    if sums and hidden:
        sums = [_deeper(side, sums, hidden, config)]
    if sums:
        vector = keras.layers.Add(name=f"{side}_factors")([vector, *sums])
    return _with_bias(side, vector, index, tables)


def _projected(
    side: str,
    parts: _Tensors,
    index: keras.KerasTensor,
    tables: Tables,
    config: NetworkConfig,
    units: int,
    *,
    last: bool,
) -> list[keras.KerasTensor]:
    """Each of the features times a kernel, (batch, units)."""
    found = []
    for part, tensor in parts.items():
        inputs = layers.dropped(f"{part}_input_dropout", config.input_dropout, tensor)
        dense = keras.layers.Dense(
            units,
            use_bias=False,
            kernel_initializer=_start(last),
            kernel_regularizer=L2(config.feature_regularization),
            name=f"{part}_to_{side}",
        )
        found.append(dense(inputs))
    if _reads_terms(side, tables, config):
        bag = layers.BagOfTerms(
            tables.terms,
            units,
            initializer=_start(last),
            penalty=config.feature_regularization,
            dropout=config.input_dropout,
            name=f"terms_to_{side}",
        )
        found.append(bag(index))
    return found


def _deeper(
    side: str, sums: list[keras.KerasTensor], hidden: list[int], config: NetworkConfig
) -> keras.KerasTensor:
    """Hidden layers on the sum of the projected features, the last one as wide as the factors."""
    inner = keras.layers.Add(name=f"{side}_sum")(sums) if len(sums) > 1 else sums[0]
    for number, units in enumerate(hidden):
        inner = keras.layers.ReLU(name=f"{side}_relu_{number}")(inner)
        inner = layers.dropped(f"{side}_hidden_dropout_{number}", config.dropout, inner)
        start = _start(number == len(hidden) - 1)
        dense = keras.layers.Dense(units, kernel_initializer=start, name=f"{side}_hidden_{number}")
        inner = dense(inner)
    return inner


def _start(last: bool) -> str:
    # a random projection would tell items apart before anything is learned of them
    return "zeros" if last else "glorot_uniform"


# -- combine: concat


def _first_layer(index: _Tensors, tables: Tables, config: NetworkConfig) -> tuple[_Tensors, int]:
    """Towers whose sum is the first dense layer on everything, and the number of its inputs.

    Cut into rows for what users have, for what items have and for sparse terms, its kernel is that
    of one layer; its first values are drawn as for the whole.
    """
    parts = {
        side: _embeddings(side, [*SIDES, *config.embeddings], index[side], tables, config)
        | _features(side, index[side], tables, config)
        for side in SIDES
    }
    width = sum(part.shape[-1] for side in SIDES for part in parts[side].values())
    width += tables.pairs.terms.n_terms
    if _reads_terms(ITEM, tables, config):
        width += tables.terms.n_terms
    sums = {side: _dense(side, list(parts[side].values()), width, config) for side in SIDES}
    if _reads_terms(ITEM, tables, config):
        bag = _bag("terms_to_first", tables.terms, width, config)
        sums[ITEM].append(bag(index[ITEM]))
    towers = {side: _total(side, index[side], sums[side], config) for side in SIDES}
    return {s: _with_bias(s, towers[s], index[s], tables) for s in SIDES}, width


def _dense(
    side: str, parts: list[keras.KerasTensor], width: int, config: NetworkConfig
) -> list[keras.KerasTensor]:
    """What a side adds to the first layer, if it has anything."""
    if not parts:
        return []
    beside = keras.layers.Concatenate(name=f"{side}_inputs")(parts) if len(parts) > 1 else parts[0]
    beside = layers.dropped(f"{side}_input_dropout", config.input_dropout, beside)
    dense = keras.layers.Dense(
        config.tower_units,
        use_bias=False,
        kernel_initializer=layers.glorot(width, config.tower_units),
        kernel_regularizer=L2(_first_penalty(config)),
        name=f"{side}_to_first",
    )
    return [dense(beside)]


def _bag(name: str, terms: layers.Terms, width: int, config: NetworkConfig) -> layers.BagOfTerms:
    """Layer for what sparse terms add to the first layer."""
    return layers.BagOfTerms(
        terms,
        config.tower_units,
        initializer=layers.glorot(width, config.tower_units),
        penalty=_first_penalty(config),
        dropout=config.input_dropout,
        name=name,
    )


def _first_penalty(config: NetworkConfig) -> float:
    # without hidden layers the first is the last, which has none
    return config.kernel_regularization if config.hidden else 0.0


def _total(
    side: str, index: keras.KerasTensor, sums: list[keras.KerasTensor], config: NetworkConfig
) -> keras.KerasTensor:
    if not sums:  # nothing is known of this side: a row of zeros for every index
        return keras.ops.cast(index, "float32")[:, None] * keras.ops.zeros((1, config.tower_units))
    return keras.layers.Add(name=f"{side}_sum")(sums) if len(sums) > 1 else sums[0]


# -- the head


def _head(
    user: keras.KerasTensor, item: keras.KerasTensor, config: NetworkConfig, ids: Ids
) -> keras.KerasTensor:
    """Rating (batch, 1) from the outputs of the towers."""
    biases = None
    if config.baseline == "biases":
        size = config.tower_units
        biases = user[:, size:] + item[:, size:]
        user, item = user[:, :size], item[:, :size]
    learned = (_product if config.combine == "dot" else _sum)(user, item, config)
    if config.head == "linear":
        return learned if biases is None else biases + learned
    low, width = ids.rating_min, ids.rating_max - ids.rating_min
    if biases is not None:
        share = keras.ops.clip((biases - low) / width, MARGIN, 1.0 - MARGIN)
        logit = keras.ops.log(share) - keras.ops.log(1.0 - share)
        learned = logit + learned
    return low + width * keras.ops.sigmoid(learned)


def _product(
    user: keras.KerasTensor, item: keras.KerasTensor, config: NetworkConfig
) -> keras.KerasTensor:
    product = user * item
    learned = keras.ops.sum(product, axis=1, keepdims=True)
    if not config.hidden:
        return learned
    pair = keras.layers.Concatenate(name="pair")([user, item, product])
    return learned + _hidden_layers(pair, config)


def _sum(
    user: keras.KerasTensor, item: keras.KerasTensor, config: NetworkConfig
) -> keras.KerasTensor:
    first = layers.Bias(name="first_bias")(user + item)
    return _hidden_layers(first, config) if config.hidden else first


def _hidden_layers(units: keras.KerasTensor, config: NetworkConfig) -> keras.KerasTensor:
    """Dense layers, and one that makes a number of them: (batch, 1)."""
    for number, size in enumerate(config.hidden):
        # the first layer of a concatenation is the sum of the towers
        summed = number == 0 and config.combine == "concat"
        if not summed:
            units = keras.layers.Dense(
                size,
                activation="linear" if config.batch_norm else config.activation,
                kernel_regularizer=L2(config.kernel_regularization),
                name=f"hidden_{number}",
            )(units)
        if config.batch_norm:
            norm = keras.layers.BatchNormalization(momentum=_MOMENTUM, name=f"norm_{number}")
            units = norm(units)
        if summed or config.batch_norm:
            units = keras.layers.Activation(config.activation, name=f"activation_{number}")(units)
        if number == 0 or config.dropout_after == "all":
            units = layers.dropped(f"dropout_{number}", config.dropout, units)
    return keras.layers.Dense(1, name="deep")(units)
