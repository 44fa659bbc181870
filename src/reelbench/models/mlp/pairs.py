"""What is known of a pair of user and item, and of neither alone: sparse features of the pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from reelbench.features.block import Features
from reelbench.features.matrices import sparse_of
from reelbench.models.base import Arrays
from reelbench.models.parts.keras_layers import Terms

_PREFIX = "pair_"


@dataclass(frozen=True)
class Pairs:
    """The declared block with arrays over pairs (`features/row_tags.py`), or nothing.

    Attributes:
        keys: int64 (n_pairs,), ascending: number of each pair.
        terms: a row per pair, and an empty one after them for a pair without features.
    """

    keys: np.ndarray
    terms: Terms

    @classmethod
    def make(cls, features: Features) -> Self:
        """Of the first declared block that has such arrays."""
        for block in features.values():
            own = {n.removeprefix(_PREFIX): a for n, a in block.items() if n.startswith(_PREFIX)}
            matrix = sparse_of(own)
            if matrix is not None:
                return cls(_keys(own["user"], own["item"], features.ids.n_items), Terms.of(matrix))
        nothing = sparse.csr_array((0, 0), dtype=np.float32)
        return cls(np.zeros(0, np.int64), Terms.of(nothing))

    def rows(self, user_idx: np.ndarray, item_idx: np.ndarray, n_items: int) -> np.ndarray:
        """Row of each pair, int32 (n,); `n_pairs` for one without features.

        Args:
            user_idx, item_idx: integers (n,); of an unknown one the number after the last.
        """
        keys = _keys(user_idx, item_idx, n_items)
        place = np.searchsorted(self.keys, keys)
        found = np.append(self.keys, -1)[place] == keys
        return np.where(found, place, len(self.keys)).astype(np.int32)

    def state(self) -> Arrays:
        """Numbers of the pairs, and sizes from which `blank` makes what stored weights fill."""
        sizes = [len(self.terms.terms), self.terms.n_terms]
        return {"pair_keys": self.keys, "pair_sizes": np.array(sizes)}

    @classmethod
    def blank(cls, state: Arrays) -> Self:
        """The same pairs, with zeros for their features."""
        keys, (n_entries, n_terms) = state["pair_keys"], state["pair_sizes"]
        starts = np.zeros(len(keys) + 2, np.int32)
        entries = np.zeros(n_entries, np.int32)
        return cls(keys, Terms(starts, entries, entries.astype(np.float32), int(n_terms)))


def _keys(user_idx: np.ndarray, item_idx: np.ndarray, n_items: int) -> np.ndarray:
    """A number for each pair; an unknown item has a number of its own too."""
    return user_idx.astype(np.int64) * (n_items + 1) + item_idx
