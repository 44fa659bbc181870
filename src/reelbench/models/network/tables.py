"""What the network looks up by index instead of getting it with every rating."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import Arrays
from reelbench.models.effects import Effects
from reelbench.models.feature_matrices import dense_matrix, tokens_and_vectors


@dataclass(frozen=True)
class Tables:
    """What the network looks up. Rows are users or items, the last one is for an unknown index.

    Attributes:
        user_effect, item_effect: float32 (n + 1, 1), the mean rating is in the item's.
        user_warm, item_warm: float32 (n + 1, 1), 1 with a row in train and 0 without.
        columns: float32 (n_items + 1, d), the dense features; d may be 0.
        tokens: float32 (n_items + 1, max_tokens), rows of `vectors`; max_tokens may be 0.
        vectors: float32 (n_words + 1, dimension), row 0 is padding.
    """

    user_effect: np.ndarray
    item_effect: np.ndarray
    user_warm: np.ndarray
    item_warm: np.ndarray
    columns: np.ndarray
    tokens: np.ndarray
    vectors: np.ndarray

    @classmethod
    def make(cls, effects: Effects, train: Interactions, features: Features) -> Tables:
        """Tables of one training set."""
        ids = features.ids
        tokens, vectors = tokens_and_vectors(features)
        item_effect = effects.item + effects.mean
        return cls(
            user_effect=_column(effects.user),
            item_effect=_column(item_effect),
            user_warm=_column(np.bincount(train.user_idx, minlength=ids.n_users + 1) > 0),
            item_warm=_column(np.bincount(train.item_idx, minlength=ids.n_items + 1) > 0),
            columns=_with_unknown(dense_matrix(features)),
            tokens=_with_unknown(tokens),
            vectors=vectors.astype(np.float32),
        )

    def shapes(self) -> Arrays:
        """Sizes, from which `blank` makes tables that the stored weights then fill."""
        return {name: np.array(table.shape) for name, table in vars(self).items()}

    @classmethod
    def blank(cls, shapes: Arrays) -> Tables:
        """Tables of zeros."""
        return cls(**{name: np.zeros(shape, np.float32) for name, shape in shapes.items()})


def _column(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)[:, None]


def _with_unknown(table: np.ndarray) -> np.ndarray:
    """The table and a row of zeros for an unknown index, float32."""
    return np.vstack([table, np.zeros((1, table.shape[1]))]).astype(np.float32)
