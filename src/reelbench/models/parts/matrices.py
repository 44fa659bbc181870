"""Sparse matrices within a model: stored, refilled, taken a slice of rows or a group at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from reelbench.features.sparse import sparse_arrays, sparse_of
from reelbench.models.base import Arrays

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
