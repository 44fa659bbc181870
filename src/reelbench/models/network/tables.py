"""Tables inside a network: what it looks up by index instead of reading it with every rating."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from reelbench.features import matrices
from reelbench.features.block import USER_PREFIX, Features
from reelbench.models.base import Arrays, Interactions
from reelbench.models.network.config import ITEM, SIDES, USER, NetworkConfig
from reelbench.models.shared.biases import damped_biases
from reelbench.params import ParamsError

_PAIR_PREFIX = "pair_"
_SHAPE_PREFIX = "shape."


@dataclass(frozen=True)
class Tables:
    """Tables by name. Rows are users or items, the last one is for an unknown index."""

    #: float32, by name: `code.NAME` (n + 1, 1), row of the embedding NAME; for embeddings that the
    #: configuration lists, others have a row per index; `trust.NAME` (k, 1), factor of each row of
    #: that embedding: 0 without a rating in train, at most 1; `linear.NAME` (n + 1, d), columns
    #: with a linear map of their own; none without a column; `user_columns`, `item_columns` (n + 1,
    #: d), all other columns; d may be 0; `tokens` (n_items + 1, max_tokens), rows of `vectors`
    #: (n_words + 1, dimension); 0 is padding; `title_padding` says where, if words lie in a row;
    #: max_tokens is that of the longest title otherwise, and may be 0; `user_bias`, `item_bias` (n
    #: + 1, 1), the latter with the mean; none without a baseline
    arrays: Arrays
    terms: sparse.csr_array  # (n_items, n_terms), sparse features of items; n_terms may be 0
    pair_terms: sparse.csr_array  # the same of pairs, a row each: of the block that has them
    pair_keys: np.ndarray  # int64 (n_pairs,), ascending: number of each pair

    @classmethod
    def make(cls, train: Interactions, features: Features, config: NetworkConfig) -> Self:
        """Tables of one training set.

        Raises:
            ParamsError: no declared block, or more than one, has an array that `config` names; or
                `combine: dot` with a block over pairs.
        """
        pair_terms, pair_keys = _pairs(features)
        if config.combine == "dot" and pair_terms.shape[1]:
            raise ParamsError("combine: dot reads no features of pairs: change `features`")
        arrays = _biases(train, features, config) | _embeddings(train, features, config)
        arrays |= _columns(features, config) | _words(features, config)
        return cls(arrays, matrices.sparse_matrix(features), pair_terms, pair_keys)

    def state(self) -> Arrays:
        """Numbers of the pairs, and sizes of all else: its values are among the weights."""
        shapes = {_SHAPE_PREFIX + name: np.array(a.shape) for name, a in self.arrays.items()}
        sizes = {"terms": _sizes(self.terms), "pair_terms": _sizes(self.pair_terms)}
        return {**shapes, **sizes, "pair_keys": self.pair_keys}

    @classmethod
    def blank(cls, state: Arrays) -> Self:
        """Tables of zeros, of the sizes that `state` gave; the pairs have their numbers."""
        arrays = {
            name.removeprefix(_SHAPE_PREFIX): np.zeros(shape, np.float32)
            for name, shape in state.items()
            if name.startswith(_SHAPE_PREFIX)
        }
        terms, pair_terms = (_zeros(state[name]) for name in ("terms", "pair_terms"))
        return cls(arrays, terms, pair_terms, state["pair_keys"])

    def pair_rows(self, user_idx: np.ndarray, item_idx: np.ndarray, n_items: int) -> np.ndarray:
        """Row of each pair, int32 (n,); `n_pairs` for one without features.

        Args:
            user_idx, item_idx: integers (n,); the number after the last for an unknown index.
        """
        keys = _pair_keys(user_idx, item_idx, n_items)
        place = np.searchsorted(self.pair_keys, keys)
        found = np.append(self.pair_keys, -1)[place] == keys
        return np.where(found, place, len(self.pair_keys)).astype(np.int32)


def side_of(name: str) -> str:
    """`user` or `item`: the side that an array of that name describes."""
    return USER if name == USER or name.startswith(USER_PREFIX) else ITEM


def _sizes(matrix: sparse.csr_array) -> np.ndarray:
    """Numbers of rows and two more, of entries and of columns: int64 (3,)."""
    return np.array([matrix.shape[0] + 2, matrix.nnz, matrix.shape[1]])


def _zeros(sizes: np.ndarray) -> sparse.csr_array:
    """A matrix of the sizes that `_sizes` gave, with all entries in the last row."""
    rows, entries, columns = int(sizes[0]) - 2, int(sizes[1]), int(sizes[2])
    starts = np.append(np.zeros(rows, np.int32), entries)
    zeros = np.zeros(entries, np.int32)
    return sparse.csr_array((zeros.astype(np.float32), zeros, starts), shape=(rows, columns))


def _pairs(features: Features) -> tuple[sparse.csr_array, np.ndarray]:
    """The first declared block with arrays over pairs (`features/tfidf.py`), and its keys."""
    for block in features.values():
        names = [name for name in block if name.startswith(_PAIR_PREFIX)]
        own = {name.removeprefix(_PAIR_PREFIX): block[name] for name in names}
        if (matrix := matrices.sparse_of(own)) is not None:
            return matrix, _pair_keys(own["user"], own["item"], features.ids.n_items)
    return sparse.csr_array((0, 0), dtype=np.float32), np.zeros(0, np.int64)


def _biases(train: Interactions, features: Features, config: NetworkConfig) -> Arrays:
    if config.baseline == "none":
        return {}
    titles = config.title_scale * matrices.title_matrix(features)
    columns = np.hstack([matrices.dense_matrix(features), titles])
    penalty = config.prior_regularization
    biases = damped_biases(train, features.ids, config, columns=columns, regularization=penalty)
    return {"user_bias": _column(biases.user), "item_bias": _column(biases.item + biases.mean)}


def _embeddings(train: Interactions, features: Features, config: NetworkConfig) -> Arrays:
    tables = {}
    for name in (*SIDES, *config.embeddings):
        if config.width(name):
            codes = _codes(name, features)
            index = train.user_idx if side_of(name) == USER else train.item_idx
            tables[f"trust.{name}"] = _trust(codes[index], codes.max() + 1, config)
            if name in config.embeddings:
                tables[f"code.{name}"] = _column(codes)
    return tables


def _codes(name: str, features: Features) -> np.ndarray:
    """Row of the embedding, int64 (n + 1,): the index itself, or a number that a block gives.

    The unknown has the row after the last index, or row 0, which blocks keep for it.
    """
    size = _size(side_of(name), features)
    if name in SIDES:
        return np.arange(size + 1)
    codes = _array(name, features)
    if codes.dtype.kind != "i" or codes.shape != (size,):
        raise ParamsError(f"embeddings.{name}: that array holds no row numbers; see `columns`")
    return np.append(codes, 0).astype(np.int64)


def _trust(rows: np.ndarray, size: int, config: NetworkConfig) -> np.ndarray:
    """N / (n + damping) for n ratings in train; 0 for none, or 1 where `cold` is untrained."""
    count = np.bincount(rows, minlength=size).astype(np.float64)
    cold = np.full(size, float(config.cold == "untrained"))
    return _column(np.divide(count, count + config.embedding_damping, out=cold, where=count > 0))


def _columns(features: Features, config: NetworkConfig) -> Arrays:
    linear = {f"linear.{name}": _named_columns(name, features) for name in config.linear}
    tables = {name: columns for name, columns in linear.items() if columns.shape[1]}
    if config.columns is None:
        sides = {USER: matrices.user_matrix(features), ITEM: matrices.dense_matrix(features)}
    else:
        sides = {side: np.zeros((_size(side, features), 0)) for side in SIDES}
        for name in config.columns:
            side = side_of(name)
            sides[side] = np.hstack([sides[side], _named_columns(name, features)])
    tables |= {f"{side}_columns": columns for side, columns in sides.items()}
    return {name: matrices.with_unknown(columns) for name, columns in tables.items()}


def _named_columns(name: str, features: Features) -> np.ndarray:
    columns = _array(name, features)
    if columns.dtype.kind != "f" or columns.shape[:1] != (_size(side_of(name), features),):
        raise ParamsError(f"'{name}' is not an array of columns; see `embeddings`")
    return columns


def _words(features: Features, config: NetworkConfig) -> Arrays:
    tokens, vectors = matrices.tokens_and_vectors(features)
    if config.title_pooling == "flatten":
        if config.title_padding == "front":  # as Keras' `pad_sequences` does by default
            order = np.argsort(tokens > 0, axis=1, kind="stable")
            tokens = np.take_along_axis(tokens, order, axis=1)
    else:  # columns of padding alone would be looked up for every rating
        tokens = tokens[:, : np.count_nonzero(tokens, axis=1).max(initial=0)]
    return {"tokens": matrices.with_unknown(tokens), "vectors": vectors.astype(np.float32)}


def _array(name: str, features: Features) -> np.ndarray:
    """The array of that name, which one declared block must have."""
    owners = [block for block in features if name in features[block]]
    if len(owners) == 1:
        return features[owners[0]][name]
    declared = ", ".join(features) or "none"
    found = f"both {' and '.join(owners)} have" if owners else "no declared block has"
    raise ParamsError(f"{found} an array '{name}': change `features` of the model ({declared})")


def _size(side: str, features: Features) -> int:
    return features.ids.n_users if side == USER else features.ids.n_items


def _pair_keys(user_idx: np.ndarray, item_idx: np.ndarray, n_items: int) -> np.ndarray:
    """A number for each pair; an unknown item has a number of its own too."""
    return user_idx.astype(np.int64) * (n_items + 1) + item_idx


def _column(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)[:, None]
