"""A sparse matrix over items as arrays of a block: a vocabulary is too wide for dense rows."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from reelbench.features.block import Block

#: how names of the arrays of a sparse matrix begin
SPARSE_PREFIX = "sparse_"
_PARTS = ("data", "indices", "indptr", "shape")


def sparse_arrays(matrix: sparse.csr_array) -> Block:
    """Arrays `sparse_data`, `sparse_indices`, `sparse_indptr`, `sparse_shape` of a block.

    Args:
        matrix: (n_items, n_columns); stored as float32, columns of a row in ascending order.
    """
    ordered = matrix.tocsr().astype(np.float32)
    ordered.sum_duplicates()
    values = (ordered.data, ordered.indices, ordered.indptr, np.array(ordered.shape, np.int64))
    return {SPARSE_PREFIX + part: array for part, array in zip(_PARTS, values, strict=True)}


def sparse_of(block: Block) -> sparse.csr_array | None:
    """The matrix of a block, float32 (n_items, n_columns); None for a block without one."""
    if SPARSE_PREFIX + "data" not in block:
        return None
    data, indices, indptr, shape = (block[SPARSE_PREFIX + part] for part in _PARTS)
    return sparse.csr_array((data, indices, indptr), shape=tuple(shape.tolist()))
