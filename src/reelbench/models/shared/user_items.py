"""Matrices of users over items: profiles, preferences, choices, and how they are stored.

A user without a row (cold, or unknown and so -1) gets the mean of all other users' rows: models
that are linear in the row then answer with the mean of all users' scores, which is close to
popularity, and not with ties.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids
from reelbench.features.matrices import sparse_arrays, sparse_of
from reelbench.models.base import Arrays
from reelbench.params import ParamsError

# numbers in a dense slice: 8 MB
_NUMBERS_AT_ONCE = 1_000_000


def slices(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Slices of the rows of a matrix, each of bounded size when it is dense."""
    step = max(1, _NUMBERS_AT_ONCE // max(1, n_columns))
    return (slice(first, min(first + step, n_rows)) for first in range(0, n_rows, step))


def groups(index: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Every distinct value of a non-empty index (n,), and the positions at which it stands."""
    order = np.argsort(index, kind="stable")
    values, starts = np.unique(index[order], return_index=True)
    return zip(values.tolist(), np.split(order, starts[1:]), strict=True)


def refilled(matrix: sparse.csr_array, data: np.ndarray) -> sparse.csr_array:
    """The same entries with other values, data (nnz,)."""
    return sparse.csr_array((data, matrix.indices, matrix.indptr), matrix.shape)


def matrix_state(name: str, matrix: sparse.csr_array) -> Arrays:
    """Arrays to store, prefixed so that they mix with a model's own; values become float32."""
    return {f"{name}_{key}": array for key, array in sparse_arrays(matrix).items()}


def matrix_of(name: str, state: Arrays) -> sparse.csr_array:
    """Inverse of `matrix_state`.

    Raises:
        KeyError: there is no such matrix.
    """
    prefix = f"{name}_"
    arrays = {key.removeprefix(prefix): state[key] for key in state if key.startswith(prefix)}
    matrix = sparse_of(arrays)
    if matrix is None:
        raise KeyError(name)
    return matrix


_PARTS = ("data", "indices", "indptr")
# what the lowest rating on the scale counts, where the highest counts 1
_LOWEST = 0.2


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


def preferences(train: Interactions, ids: Ids, rating_power: float) -> sparse.csr_array:
    """How much each rating says that a movie was the right choice, CSR (n_users, n_items).

    To watch a movie is to have chosen it, so the lowest rating on the scale counts too: 0.2 where
    the highest counts 1, the others on the line between, as 1 to 5 stars divided by 5.

    Args:
        rating_power: exponent on that: 0 makes ones of all ratings, 1 leaves it.

    Returns:
        float32, none of the stored values 0.
    """
    share = (train.rating - ids.rating_min) / max(ids.rating_max - ids.rating_min, 1e-12)
    weight = (_LOWEST + (1 - _LOWEST) * share) ** rating_power
    pairs = train.user_idx, train.item_idx
    return sparse.csr_array((weight.astype(np.float32), pairs), shape=(ids.n_users, ids.n_items))


def choices(train: Interactions, ids: Ids, min_rating: float | None) -> sparse.csr_array:
    """Ones where a user has given at least `min_rating`, None for any: CSR (n_users, n_items).

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
    ones = np.ones(int(good.sum()), dtype=np.float32)
    return sparse.csr_array((ones, pairs), shape=(ids.n_users, ids.n_items))
