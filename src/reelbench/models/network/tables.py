"""What the network looks up by index instead of getting it with every rating."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.features.matrices import (
    dense_matrix,
    sparse_matrix,
    tokens_and_vectors,
    user_matrix,
    with_unknown,
)
from reelbench.models.base import Arrays
from reelbench.models.parts.keras_layers import Terms
from reelbench.models.shared.biases import Biases

_N_TERMS = "n_terms"


@dataclass(frozen=True)
class Tables:
    """What the network looks up. Rows are users or items, the last one is for an unknown index.

    Attributes:
        user_effect, item_effect: float32 (n + 1, 1), the mean rating is in the item's.
        user_trust, item_trust: float32 (n + 1, 1), what an embedding counts: 0 without a row in
            train, at most 1.
        user_columns, item_columns: float32 (n + 1, d), the dense features; d may be 0.
        tokens: float32 (n_items + 1, max_tokens), rows of `vectors`; max_tokens may be 0.
        vectors: float32 (n_words + 1, dimension), row 0 is padding.
        term_starts, terms, weights: the sparse features as a CSR matrix of n_items + 1 rows and
            `n_terms` columns: int32 (n_items + 2,), int32 (nnz,), float32 (nnz,); nnz may be 0.
    """

    user_effect: np.ndarray
    item_effect: np.ndarray
    user_trust: np.ndarray
    item_trust: np.ndarray
    user_columns: np.ndarray
    item_columns: np.ndarray
    tokens: np.ndarray
    vectors: np.ndarray
    term_starts: np.ndarray
    terms: np.ndarray
    weights: np.ndarray
    n_terms: int

    @classmethod
    def make(
        cls, effects: Biases, train: Interactions, features: Features, damping: float
    ) -> Tables:
        """Tables of one training set; `damping` is that of trust."""
        ids = features.ids
        tokens, vectors = tokens_and_vectors(features)
        words = Terms.of(sparse_matrix(features))
        return cls(
            user_effect=_column(effects.user),
            item_effect=_column(effects.item + effects.mean),
            user_trust=_trust(train.user_idx, ids.n_users, damping),
            item_trust=_trust(train.item_idx, ids.n_items, damping),
            user_columns=with_unknown(user_matrix(features)),
            item_columns=with_unknown(dense_matrix(features)),
            tokens=with_unknown(tokens),
            vectors=vectors.astype(np.float32),
            term_starts=words.starts,
            terms=words.terms,
            weights=words.weights,
            n_terms=words.n_terms,
        )

    def shapes(self) -> Arrays:
        """Sizes, from which `blank` makes tables that the stored weights then fill."""
        shapes = {name: np.array(np.shape(table)) for name, table in vars(self).items()}
        return {**shapes, _N_TERMS: np.array(self.n_terms)}

    @classmethod
    def blank(cls, shapes: Arrays) -> Tables:
        """Tables of zeros."""
        names = [field.name for field in fields(cls) if field.name != _N_TERMS]
        tables = {name: np.zeros(shapes[name], np.float32) for name in names}
        return cls(**tables, n_terms=int(shapes[_N_TERMS]))


def _trust(index: np.ndarray, size: int, damping: float) -> np.ndarray:
    """n / (n + damping) for n rows in train, 0 for none and for an unknown index."""
    count = np.bincount(index, minlength=size + 1).astype(np.float64)
    return _column(np.divide(count, count + damping, out=np.zeros(size + 1), where=count > 0))


def _column(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)[:, None]
