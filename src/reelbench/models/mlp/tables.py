"""What a published network looks up by index instead of getting it with every rating."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import USER_PREFIX, Features
from reelbench.features.matrices import sparse_matrix, tokens_and_vectors, with_unknown
from reelbench.models.base import Arrays
from reelbench.models.mlp.config import ITEM, USER, MLPConfig
from reelbench.models.parts.keras_layers import Terms
from reelbench.params import ParamsError

_N_TERMS = "n_terms"


@dataclass(frozen=True)
class Tables:
    """Tables by name. Rows are users or items, the last one is for an unknown index.

    Attributes:
        arrays: float32, by name:
            `code.NAME` (n + 1, 1), a row number of the embedding NAME;
            `trained.NAME` (k, 1), 1 where train has a rating with that row of it, else 0
            (with `cold: untrained` 1 too);
            `linear.NAME` (n + 1, d), the columns that are mapped; none without a column;
            `user_columns`, `item_columns` (n + 1, d), those that are not; d may be 0;
            `tokens` (n_items + 1, max_tokens), rows of `vectors` (n_words + 1, dimension); 0 is
            padding, which is in front where words lie in a row; max_tokens may be 0.
        terms: the sparse features of items.
    """

    arrays: Arrays
    terms: Terms

    @classmethod
    def make(cls, train: Interactions, features: Features, config: MLPConfig) -> Tables:
        """Tables of one training set.

        Raises:
            ParamsError: no declared block, or more than one, has an array that `config` names.
        """
        tokens, vectors = tokens_and_vectors(features)
        if config.title_pooling == "flatten":
            tokens = _padded_in_front(tokens)
        arrays = {"tokens": with_unknown(tokens), "vectors": vectors.astype(np.float32)}
        for name in (name for name, width in config.embeddings.items() if width):
            codes = _codes(name, features)
            arrays[f"code.{name}"] = codes.astype(np.float32)[:, None]
            known = _trained(codes[_index(name, train)], codes.max() + 1)
            # the fault changes nothing else: the same layers, so the same random first values
            arrays[f"trained.{name}"] = known if config.cold == "zeros" else np.ones_like(known)
        for name in config.linear:
            columns = _columns(name, features)
            if columns.shape[1]:
                arrays[f"linear.{name}"] = with_unknown(columns)
        for side in (USER, ITEM):
            arrays[f"{side}_columns"] = _side_by_side(side, features, config)
        return cls(arrays, Terms.of(sparse_matrix(features)))

    def shapes(self) -> Arrays:
        """Sizes, from which `blank` makes tables that the stored weights then fill."""
        everything = {**self.arrays, **{f"terms.{k}": v for k, v in vars(self.terms).items()}}
        del everything[f"terms.{_N_TERMS}"]
        shapes = {name: np.array(array.shape) for name, array in everything.items()}
        return {**shapes, _N_TERMS: np.array(self.terms.n_terms)}

    @classmethod
    def blank(cls, shapes: Arrays) -> Tables:
        """Tables of zeros."""
        zeros = {n: np.zeros(s, np.float32) for n, s in shapes.items() if n != _N_TERMS}
        terms = {n.removeprefix("terms."): zeros[n] for n in zeros if n.startswith("terms.")}
        arrays = {name: array for name, array in zeros.items() if not name.startswith("terms.")}
        return cls(arrays, Terms(**terms, n_terms=int(shapes[_N_TERMS])))


def side_of(name: str) -> str:
    """Whether users or items have what `name` names."""
    return USER if name == USER or name.startswith(USER_PREFIX) else ITEM


def _index(name: str, part: Interactions) -> np.ndarray:
    return part.user_idx if side_of(name) == USER else part.item_idx


def _size(name: str, features: Features) -> int:
    return features.ids.n_users if side_of(name) == USER else features.ids.n_items


def _codes(name: str, features: Features) -> np.ndarray:
    """Row of the embedding, int64 (n + 1,): the index itself, or a number that a block gives.

    An unknown user or item has the row after theirs, or row 0, which blocks keep for the unknown.
    """
    size = _size(name, features)
    if name in (USER, ITEM):
        return np.arange(size + 1)
    codes = _array(name, features)
    if codes.dtype.kind != "i" or codes.shape != (size,):
        raise ParamsError(f"embeddings.{name}: that array holds no row numbers; see `columns`")
    return np.append(codes, 0).astype(np.int64)


def _trained(codes: np.ndarray, size: int) -> np.ndarray:
    seen = np.bincount(codes, minlength=size) > 0
    return seen.astype(np.float32)[:, None]


def _columns(name: str, features: Features) -> np.ndarray:
    columns = _array(name, features)
    if columns.dtype.kind != "f" or columns.shape[:1] != (_size(name, features),):
        raise ParamsError(f"'{name}' is not an array of columns; see `embeddings`")
    return columns


def _side_by_side(side: str, features: Features, config: MLPConfig) -> np.ndarray:
    found = [_columns(name, features) for name in config.columns if side_of(name) == side]
    return with_unknown(np.hstack([np.zeros((_size(side, features), 0)), *found]))


def _array(name: str, features: Features) -> np.ndarray:
    """The one array of that name in the declared blocks."""
    owners = [block for block in features if name in features[block]]
    if len(owners) == 1:
        return features[owners[0]][name]
    declared = ", ".join(features) or "none"
    found = f"both {' and '.join(owners)} have" if owners else "no declared block has"
    raise ParamsError(f"{found} an array '{name}': change `features` of the model ({declared})")


def _padded_in_front(tokens: np.ndarray) -> np.ndarray:
    """Words last, in their order: what Keras' `pad_sequences` does unless it is told otherwise."""
    order = np.argsort(tokens > 0, axis=1, kind="stable")
    return np.take_along_axis(tokens, order, axis=1)
