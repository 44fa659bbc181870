"""How alike two rows of a sparse matrix are, over the columns that both have."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from reelbench.models.parts.matrices import refilled, slices


def similar_rows(
    values: sparse.csr_array, *, min_common: int, shrinkage: float, kept: int
) -> sparse.csr_array:
    """The rows most like each row, by the cosine over common columns, shrunk.

    With n columns in common it is Σ x·y / sqrt(Σ x² Σ y²) · (n - 1) / (n - 1 + shrinkage), Koren
    (2010), "Factor in the Neighbors", section 2.2. No dense matrix of all pairs is held.

    Args:
        values: (n, m); an entry that is zero is an entry.
        min_common: columns that two rows must share.
        shrinkage: 0 leaves the cosine as it is.
        kept: similar rows that are kept per row.

    Returns:
        float32 (n, n), positive similarities alone, in the order of `largest_first`; no row is
        similar to itself.
    """
    n_rows = values.shape[0]
    products = _Products(values.astype(np.float64))
    pieces = []
    for part in slices(n_rows, n_rows):
        cosine, common = products.cosine(part)
        more = common - 1
        # a single common column has no weight, unless nothing is shrunk
        weight = np.divide(
            more, more + shrinkage, out=np.ones_like(more), where=more + shrinkage > 0
        )
        similarity = np.where(common >= min_common, cosine * weight, 0.0).astype(np.float32)
        similarity[np.arange(len(similarity)), np.arange(part.start, part.stop)] = 0.0
        pieces.append(largest_first(sparse.csr_array(np.maximum(similarity, 0.0)), kept))
    return sparse.vstack(pieces, format="csr")


def largest_first(matrix: sparse.csr_array, kept: int) -> sparse.csr_array:
    """The `kept` largest entries of every row, the largest first; of equal ones the left first."""
    matrix.sort_indices()
    orders = []
    for first, last in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        orders.append(first + np.argsort(-matrix.data[first:last], kind="stable")[:kept])
    order = np.concatenate(orders)
    starts = np.cumsum([0, *map(len, orders)])
    return sparse.csr_array((matrix.data[order], matrix.indices[order], starts), matrix.shape)


class _Products:
    """Sums over the common columns of two rows."""

    def __init__(self, values: sparse.csr_array) -> None:
        ones = np.ones_like(values.data)
        self._values, self._squares = values, refilled(values, values.data**2)
        self._has = refilled(values, ones)
        self._transposed = [matrix.T for matrix in (self._values, self._squares, self._has)]

    def cosine(self, part: slice) -> tuple[np.ndarray, np.ndarray]:
        """Cosine and number of common columns of the rows `part` and all rows."""
        values, squares, has = self._transposed
        product = (self._values[part] @ values).toarray()
        norm = (self._squares[part] @ has).toarray() * (self._has[part] @ squares).toarray()
        cosine = np.divide(product, np.sqrt(norm), out=np.zeros_like(product), where=norm > 0)
        return cosine, (self._has[part] @ has).toarray()
