"""What every user has rated, as a sparse matrix, and what stands for a user without ratings.

A user without a row (cold, or unknown and so -1) gets the mean of all other users' rows: models
that are linear in the row then answer with the mean of everybody's scores, which is close to
popularity, and not with ties.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids
from reelbench.params import ParamsError

_PARTS = ("data", "indices", "indptr")


@dataclass(frozen=True)
class Profiles:
    """Rows of users over items.

    Attributes:
        matrix: float32 CSR (n_users + 1, n_items); the last row is the mean of the rows with an
            entry, rows of cold users are empty.
    """

    matrix: sparse.csr_array

    @classmethod
    def of(cls, user_items: sparse.csr_array) -> Profiles:
        """Profiles with the rows of `user_items`, CSR (n_users, n_items)."""
        warm = max(1, np.count_nonzero(np.diff(user_items.indptr)))
        mean = sparse.csr_array(user_items.sum(axis=0)[None, :] / warm)
        stacked = sparse.csr_array(sparse.vstack([user_items, mean], format="csr"))
        return cls(stacked.astype(np.float32))

    def place(self, user_idx: np.ndarray) -> np.ndarray:
        """Number of the row that stands for each user, int64 (n,); that of the mean if cold."""
        cold = np.diff(self.matrix.indptr)[user_idx] == 0
        return np.where(cold | (user_idx < 0), self.matrix.shape[0] - 1, user_idx)

    def rows(self, user_idx: np.ndarray) -> sparse.csr_array:
        """CSR (n, n_items), the mean for cold and unknown users."""
        return self.matrix[self.place(user_idx)]

    def state(self) -> dict[str, np.ndarray]:
        """Arrays to save, all named `profiles_…`."""
        arrays = {f"profiles_{part}": getattr(self.matrix, part) for part in _PARTS}
        return {**arrays, "profiles_shape": np.array(self.matrix.shape, dtype=np.int64)}

    @classmethod
    def from_state(cls, state: dict[str, np.ndarray]) -> Profiles:
        """Inverse of `state`."""
        parts = tuple(state[f"profiles_{part}"] for part in _PARTS)
        return cls(sparse.csr_array(parts, shape=tuple(state["profiles_shape"].tolist())))


def positives(train: Interactions, ids: Ids, min_rating: float | None) -> sparse.csr_array:
    """Ones where a user has given at least `min_rating`: float32 CSR (n_users, n_items).

    Args:
        min_rating: None: every rating counts, since to watch a movie is to have chosen it.

    Raises:
        ParamsError: no rating reaches it.
    """
    good = np.ones(len(train), dtype=bool) if min_rating is None else train.rating >= min_rating
    if not good.any():
        raise ParamsError(
            f"no train rating reaches min_rating {min_rating:g} (the highest is "
            f"{train.rating.max():g}): lower it in the model's file in conf/models"
        )
    pairs = train.user_idx[good], train.item_idx[good]
    counts = sparse.csr_array(
        (np.ones(good.sum(), np.float32), pairs), shape=(ids.n_users, ids.n_items)
    )
    counts.data[:] = 1.0  # a pair that comes twice is one choice
    return counts
