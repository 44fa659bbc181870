"""From indices to a rating: a tower for users, one for items, and a head on both.

Imports Keras: to be imported when a network is built, not before.
"""

from typing import NamedTuple

import keras
from keras.regularizers import L2

from reelbench.features.block import Ids
from reelbench.models.network import layers
from reelbench.models.network.config import ITEM, SIDES, USER, NetworkConfig
from reelbench.models.network.layers import Inputs, Kernel, Tensor, Tensors
from reelbench.models.network.scoring import MARGIN
from reelbench.models.network.tables import Tables

_MOMENTUM = 0.9  # as in PyTorch, whose running moments follow the data ten times faster than Keras'


class Parts(NamedTuple):
    """A network and its parts, which share their layers."""

    whole: keras.Model  # `user_idx`, `item_idx`, maybe `pair_row`, (n,) → rating (n, 1)
    #: index (n,) → what a side contributes, (n, tower_units), with a baseline and its bias in one
    #: more column
    user: keras.Model
    item: keras.Model
    head: keras.Model  # both of these → rating (n, 1)


def build(tables: Tables, config: NetworkConfig, ids: Ids) -> Parts:
    """The network that `config` describes, with its first values."""
    index = {side: keras.Input((), dtype="int32", name=f"{side}_idx") for side in SIDES}
    read, inputs = Inputs(tables, config, index), [*index.values()]
    if config.combine == "dot":
        towers = {side: _factors(side, read) for side in SIDES}
    else:
        towers, kernel = _first_layer(read)
    user, item = (keras.Model(index[side], towers[side], name=f"{side}_tower") for side in SIDES)
    if tables.pair_terms.shape[1]:
        row = keras.Input((), dtype="int32", name="pair_row")
        inputs.append(row)
        pair = layers.BagOfTerms(tables.pair_terms, kernel, name="pair_terms_to_first")(row)
        towers[ITEM] = towers[ITEM] + pair
    rating = _head(towers[USER], towers[ITEM], config, ids)
    head = keras.Model([towers[USER], towers[ITEM]], rating, name="head")
    return Parts(keras.Model(inputs, rating, name="network"), user, item, head)


def _with_bias(side: str, vector: Tensor, read: Inputs) -> Tensor:
    """The vector of a side and its bias, where there is a baseline, in one more column."""
    bias = f"{side}_bias"
    if bias not in read.tables.arrays:
        return vector
    return keras.layers.Concatenate(name=side)([vector, read.look_up(bias, bias)])


def _sums(side: str, parts: Tensors, layer: str, kernel: Kernel, read: Inputs) -> list[Tensor]:
    """What each part of a side, and its sparse terms, add to a layer: (batch, units)."""
    found = [kernel.on(part, tensor, layer) for part, tensor in parts.items()]
    if side == ITEM and read.sums_terms:
        bag = layers.BagOfTerms(read.tables.terms, kernel, name=f"terms_to_{layer}")
        found.append(bag(read.index[side]))
    return found


def _factors(side: str, read: Inputs) -> Tensor:
    """Tower that adds what hidden layers make of the features to the embedding (combine: dot)."""
    config, parts = read.config, read.embeddings(side) | read.features(side)
    vector = read.embedding(side)
    first, *hidden = *(config.user_hidden if side == USER else config.item_hidden), config.factors
    start, penalty = _start(last=not hidden), config.feature_regularization
    sums = _sums(side, parts, side, Kernel(first, penalty, start, config.input_dropout), read)
    if sums and hidden:
        inner = layers.merged(keras.layers.Add, f"{side}_sum", sums)
        for number, units in enumerate(hidden):
            inner = keras.layers.ReLU(name=f"{side}_relu_{number}")(inner)
            inner = layers.dropped(f"{side}_hidden_dropout_{number}", config.dropout, inner)
            start = _start(last=number == len(hidden) - 1)
            name = f"{side}_hidden_{number}"
            inner = keras.layers.Dense(units, kernel_initializer=start, name=name)(inner)
        sums = [inner]
    vector = layers.merged(keras.layers.Add, f"{side}_factors", [vector, *sums])
    return _with_bias(side, vector, read)


def _start(*, last: bool) -> str:
    # a random projection would tell items apart before anything is learned of them
    return "zeros" if last else "glorot_uniform"


def _first_layer(read: Inputs) -> tuple[Tensors, Kernel]:
    """Towers whose sum is the first dense layer on everything, and its kernel (combine: concat).

    The kernel is cut into rows for what users have, for what items have and for sparse terms.
    """
    config, tables = read.config, read.tables
    parts = {side: read.embeddings(side) | read.features(side) for side in SIDES}
    width = sum(part.shape[-1] for side in SIDES for part in parts[side].values())
    width += tables.pair_terms.shape[1] + (tables.terms.shape[1] if read.sums_terms else 0)
    # without hidden layers the first is the last, which has no penalty
    penalty = config.kernel_regularization if config.hidden else 0.0
    he_normal = config.dense_init == "he_normal" and bool(config.hidden)
    kernel = Kernel(config.tower_units, penalty, width, config.input_dropout, he_normal)
    sums = {}
    for side, found in parts.items():
        name, tensors = f"{side}_inputs", found.values()
        beside = {side: layers.merged(keras.layers.Concatenate, name, tensors)} if found else {}
        sums[side] = _sums(side, beside, "first", kernel, read)
    towers = {side: _with_bias(side, _total(side, sums[side], read), read) for side in SIDES}
    return towers, kernel


def _total(side: str, sums: list[Tensor], read: Inputs) -> Tensor:
    if sums:
        return layers.merged(keras.layers.Add, f"{side}_sum", sums)
    # nothing is known of this side: a row of zeros for every index
    index, units = read.index[side], read.config.tower_units
    return keras.ops.cast(index, "float32")[:, None] * keras.ops.zeros((1, units))


def _head(user: Tensor, item: Tensor, config: NetworkConfig, ids: Ids) -> Tensor:
    """Rating (batch, 1) from the outputs of the towers."""
    biases, size = None, config.tower_units
    if config.baseline == "biases":
        biases = user[:, size:] + item[:, size:]
        user, item = user[:, :size], item[:, :size]
    if config.combine == "dot":
        product = user * item
        learned = keras.ops.sum(product, axis=1, keepdims=True)
        if config.hidden:
            pair = keras.layers.Concatenate(name="pair")([user, item, product])
            learned = learned + _hidden_layers(pair, config)
    else:
        learned = layers.Bias(name="first_bias")(user + item)
        if config.hidden:
            learned = _hidden_layers(learned, config)
    if config.head == "linear":
        return learned if biases is None else biases + learned
    low, width = ids.rating_min, ids.rating_max - ids.rating_min
    if biases is not None:
        share = keras.ops.clip((biases - low) / width, MARGIN, 1.0 - MARGIN)
        learned = keras.ops.log(share) - keras.ops.log(1.0 - share) + learned
    return low + width * keras.ops.sigmoid(learned)


def _hidden_layers(units: Tensor, config: NetworkConfig) -> Tensor:
    """Dense layers, and one that makes a number of them: (batch, 1)."""
    for number, size in enumerate(config.hidden):
        # the first layer of a concatenation is the sum of the towers
        summed = number == 0 and config.combine == "concat"
        if not summed:
            units = keras.layers.Dense(
                size,
                activation="linear" if config.batch_norm else config.activation,
                kernel_initializer=config.dense_init,
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
