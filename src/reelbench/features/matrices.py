"""Feature blocks as matrices over items or users, for the models that learn from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.linalg import cholesky, solve_triangular

from reelbench.features.block import USER_PREFIX, Block, Features
from reelbench.params import ParamsError

if TYPE_CHECKING:
    import pandas as pd

# a block with this array is a table of word numbers, rows of its array `vectors`
TOKENS = "tokens"
VECTORS = "vectors"
#: how names of the arrays of a sparse matrix begin
SPARSE_PREFIX = "sparse_"
_JITTER = 1e-6  # added to the diagonal: items with the same features make the kernel singular
_PARTS = ("data", "indices", "indptr", "shape")


def dense_columns(block: Block, n_items: int) -> np.ndarray:
    """The float columns of a block, arrays in the order of their names: float64 (n_items, d).

    Vocabularies, moments, words, sparse matrices and columns over users are left out.
    """
    words = TOKENS in block
    names = [] if words else [n for n in block if not n.startswith((USER_PREFIX, SPARSE_PREFIX))]
    return _float_columns(block, names, n_items)


def user_columns(block: Block, n_users: int) -> np.ndarray:
    """The float columns over users of a block, likewise: float64 (n_users, d)."""
    return _float_columns(block, [n for n in block if n.startswith(USER_PREFIX)], n_users)


def with_unknown(table: np.ndarray) -> np.ndarray:
    """The table and a row of zeros for an unknown index, float32."""
    return np.vstack([table, np.zeros((1, table.shape[1]))]).astype(np.float32)


def _float_columns(block: Block, names: Iterable[str], n_rows: int) -> np.ndarray:
    arrays = [block[name] for name in sorted(names)]
    columns = [a for a in arrays if a.dtype == np.float32 and a.shape[:1] == (n_rows,)]
    return np.hstack([np.zeros((n_rows, 0)), *columns])


def dense_matrix(features: Features, weights: Mapping[str, float] | None = None) -> np.ndarray:
    """Float columns of all blocks side by side, in the order declared: float64 (n_items, d).

    Those of a block are multiplied by its weight, 1 for a block without one.

    Raises:
        ParamsError: a weight is given for a block that is not declared.
    """
    n_items, weights = features.ids.n_items, weights or {}
    if unknown := set(weights) - set(features):
        raise ParamsError(
            f"weights are given for {', '.join(sorted(unknown))}, but the model's features are "
            f"{', '.join(sorted(features)) or '(none)'}"
        )
    parts = [weights.get(name, 1.0) * dense_columns(features[name], n_items) for name in features]
    return np.hstack([np.zeros((n_items, 0)), *parts])


def title_matrix(features: Features) -> np.ndarray:
    """Direction of the sum of a title's word vectors: float64 (n_items, dimension).

    Zeros for a title without a known word; dimension is 0 where no declared block has words.
    """
    tokens, vectors = tokens_and_vectors(features)
    total = np.zeros((len(tokens), vectors.shape[1]))
    for place in range(tokens.shape[1]):  # a word at a time: no array over items, words and numbers
        known = tokens[:, place] > 0
        total[known] += vectors[tokens[known, place]]
    return unit_vectors(total)


def user_matrix(features: Features) -> np.ndarray:
    """Float columns over users of all blocks, in the order declared: float64 (n_users, d)."""
    n_users = features.ids.n_users
    parts = [user_columns(block, n_users) for block in features.values()]
    return np.hstack([np.zeros((n_users, 0)), *parts])


def sparse_matrix(features: Features) -> sparse.csr_array:
    """Sparse matrices of all blocks side by side: float32 CSR (n_items, n_columns), maybe 0."""
    found = [matrix for block in features.values() if (matrix := sparse_of(block)) is not None]
    empty = sparse.csr_array((features.ids.n_items, 0), dtype=np.float32)
    return sparse.csr_array(sparse.hstack([empty, *found], format="csr"))


def tokens_and_vectors(features: Features) -> tuple[np.ndarray, np.ndarray]:
    """The block of words: int32 (n_items, max_tokens) and float32 (n_words + 1, dimension).

    Both have size 0 where no declared block has words; two such blocks are a ParamsError.
    """
    blocks = [name for name, block in features.items() if TOKENS in block]
    if len(blocks) > 1:
        raise ParamsError(f"a model can read one block of words, not {' and '.join(blocks)}")
    if not blocks:
        return np.zeros((features.ids.n_items, 0), np.int32), np.zeros((1, 0), np.float32)
    block = features[blocks[0]]
    return block[TOKENS], block[VECTORS]


def sparse_arrays(matrix: sparse.csr_array) -> Block:
    """Arrays `sparse_data`, `sparse_indices`, `sparse_indptr`, `sparse_shape` of a block.

    The matrix (n_items, n_columns) is stored as float32, columns of a row in ascending order.
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


def one_hot(number: np.ndarray, n_columns: int) -> sparse.csr_array:
    """A one in the column of that number, float64 CSR (n, n_columns); none for a negative one."""
    rows = np.flatnonzero(number >= 0)
    return sparse.csr_array((np.ones(len(rows)), (rows, number[rows])), (len(number), n_columns))


def unit_vectors(vectors: np.ndarray) -> np.ndarray:
    """Vectors, floats (…, d), of length 1 or still of zeros, in their dtype."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)


def unit_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """Rows of length 1, or still empty, in the dtype of the matrix.

    scikit-learn's `normalize` does the same, but importing it takes longer than an answer of the
    app.
    """
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
    return sparse.csr_array(sparse.diags_array(scale) @ matrix, dtype=matrix.dtype)


def principal_components(columns: np.ndarray, rows: np.ndarray, components: int) -> np.ndarray:
    """Columns (n, d) centred and projected on their first components, float64.

    Mean and components are those of `rows`, a mask or indices. There are (n, `components`) numbers,
    or fewer where there are not as many rows or columns.
    """
    centred = columns - columns[rows].mean(axis=0)
    _, _, axes = np.linalg.svd(centred[rows], full_matrices=False)
    return centred @ axes[:components].T


def kernel_columns(columns: np.ndarray, landmarks: np.ndarray, gamma: float) -> np.ndarray:
    """Columns whose inner products are exp(-gamma |a - b|²), exactly so between landmarks.

    K(·, L) chol(K(L, L))⁻ᵀ, the Nyström approximation (Williams & Seeger 2001, "Using the Nyström
    Method to Speed Up Kernel Machines"): a ridge regression on these columns is the kernel ridge
    regression where all rows that it learns from are landmarks. Memory is rows times landmarks:
    float64 (n, m) of columns (n, d) and the numbers of m rows.
    """
    others = columns[landmarks]
    squares = (columns**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * columns @ others.T
    kernel = np.exp(-gamma * np.maximum(squares, 0.0))
    root = cholesky(kernel[landmarks] + _JITTER * np.eye(len(landmarks)), lower=True)
    return solve_triangular(root, kernel.T, lower=True).T


def standardised(column: pd.Series, warm: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A column on the scale of its warm rows, float32 (n, 1), 0 where unknown.

    Also what is known, ones in float32 (n, 1), and mean and deviation, float64 (2,): (0, 1) without
    a known value.
    """
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    known = ~np.isnan(values)
    seen = values[warm][known[warm]]
    mean, deviation = (seen.mean(), seen.std() or 1.0) if len(seen) else (0.0, 1.0)
    scaled = np.where(known, (values - mean) / deviation, 0.0)
    moments = np.array([mean, deviation])
    return scaled.astype(np.float32)[:, None], known.astype(np.float32)[:, None], moments


def multi_hot(values: Sequence[Iterable[str]], names: Sequence[str]) -> np.ndarray:
    """Which row has which of the names: float32 (len(values), len(names)); others are ignored."""
    column = {name: number for number, name in enumerate(names)}
    hot = np.zeros((len(values), len(names)), dtype=np.float32)
    for row, own in enumerate(values):
        hot[row, [column[name] for name in own if name in column]] = 1.0
    return hot
