"""Layers that the Keras models share: tables that are looked up, and products with sparse rows.

Layers have names, since weights are stored with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Terms:
    """Sparse features as a CSR matrix of n + 1 rows, the last one empty: an unknown index.

    Attributes:
        starts: int32 (n + 2,), first entry of each row.
        terms: int32 (nnz,), column of each entry.
        weights: float32 (nnz,), value of each entry.
        n_terms: number of columns; may be 0.
    """

    starts: np.ndarray
    terms: np.ndarray
    weights: np.ndarray
    n_terms: int

    @classmethod
    def of(cls, matrix: sparse.csr_array) -> Self:
        """Terms of a matrix (n, n_terms)."""
        return cls(
            starts=np.append(matrix.indptr, matrix.nnz).astype(np.int32),
            terms=matrix.indices.astype(np.int32),
            weights=matrix.data.astype(np.float32),
            n_terms=matrix.shape[1],
        )


def look_up(name: str, index: Any, table: np.ndarray) -> Any:
    """Rows of a table that is not trained."""
    import keras

    layer = keras.layers.Embedding(*table.shape, weights=[table], trainable=False, name=name)
    return layer(index)


def bag_of_terms(
    name: str, units: int, terms: Terms, *, initializer: Any, penalty: float, dropout: float = 0.0
) -> Any:
    """Layer from an index to the product of that row of a sparse matrix and a kernel: (n, units).

    The kernel's rows of an index' terms are summed with their weights, so that neither a row of the
    vocabulary's width nor one of the longest item is ever made: memory is that of the kernel, of
    the matrix' entries, and of the entries of a batch.

    Args:
        initializer: Keras initializer of the kernel (n_terms, units).
        penalty: L2 penalty of the kernel.
        dropout: share of the entries that are dropped in training; the same as dropout of dense
            rows, since what is dropped of their zeros makes no difference.
    """
    import keras
    import tensorflow as tf

    class BagOfTerms(keras.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.starts = self._fixed("starts", terms.starts, "int32")
            self.terms = self._fixed("terms", terms.terms, "int32")
            self.weights_of_terms = self._fixed("weights", terms.weights, "float32")
            self.kernel = self.add_weight(
                shape=(terms.n_terms, units),
                initializer=initializer,
                regularizer=keras.regularizers.L2(penalty),
                name="kernel",
            )
            if dropout:
                self.dropout = keras.layers.Dropout(dropout, name="entry_dropout")

        def _fixed(self, name: str, values: np.ndarray, dtype: str) -> Any:
            return self.add_weight(
                shape=values.shape,
                dtype=dtype,
                initializer=lambda shape, dtype: keras.ops.convert_to_tensor(values, dtype),
                trainable=False,
                name=name,
            )

        def call(self, index: Any, training: bool | None = None) -> Any:
            first = tf.gather(self.starts, index)
            entries = tf.ragged.range(first, tf.gather(self.starts, index + 1))
            rows = tf.gather(self.kernel, tf.gather(self.terms, entries.flat_values))
            weights = tf.gather(self.weights_of_terms, entries.flat_values)[:, None]
            if dropout:
                weights = self.dropout(weights, training=training)
            return tf.math.unsorted_segment_sum(
                rows * weights, entries.value_rowids(), tf.shape(index)[0]
            )

        def compute_output_shape(self, input_shape: Any) -> Any:
            return (*input_shape, units)

    return BagOfTerms(name=name)
