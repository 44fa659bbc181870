"""Ratings in memory, as columns of equal length."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

from reelbench.columns import ITEM_IDX, RATING, TIMESTAMP, USER_IDX


@dataclass(frozen=True)
class Interactions:
    """One part of the ratings (train, valid or test), n rows.

    Attributes:
        user_idx: int32 (n,), row numbers of the users table.
        item_idx: int32 (n,), row numbers of the items table.
        rating: float32 (n,), on the rating scale of the data set.
        timestamp: int64 (n,), Unix seconds; -1 where the source has none.
    """

    user_idx: np.ndarray
    item_idx: np.ndarray
    rating: np.ndarray
    timestamp: np.ndarray

    def __len__(self) -> int:
        return len(self.rating)

    @classmethod
    def from_parquet(cls, file: Path) -> Interactions:
        """Read a table with the columns of `interactions`."""
        columns = [USER_IDX, ITEM_IDX, RATING, TIMESTAMP]
        return cls.from_table(pq.read_table(file, columns=columns))

    @classmethod
    def from_table(cls, table: pa.Table) -> Interactions:
        """Take the columns of `interactions` from an Arrow table."""
        timestamp = table[TIMESTAMP].fill_null(-1)
        return cls(
            table[USER_IDX].to_numpy().astype(np.int32, copy=False),
            table[ITEM_IDX].to_numpy().astype(np.int32, copy=False),
            table[RATING].to_numpy().astype(np.float32, copy=False),
            timestamp.to_numpy().astype(np.int64, copy=False),
        )

    @classmethod
    def from_arrays(
        cls, user_idx: object, item_idx: object, rating: object, timestamp: object = None
    ) -> Interactions:
        """Take any sequences of equal length and cast them to the dtypes above."""
        ratings = np.asarray(rating, dtype=np.float32)
        times = np.full(len(ratings), -1) if timestamp is None else np.asarray(timestamp)
        return cls(
            np.asarray(user_idx, dtype=np.int32),
            np.asarray(item_idx, dtype=np.int32),
            ratings,
            times.astype(np.int64),
        )

    def user_items(self, n_users: int, n_items: int) -> sparse.csr_array:
        """Ratings as a CSR matrix (n_users, n_items), float32; repeated pairs are summed."""
        coordinates = (self.user_idx, self.item_idx)
        return sparse.csr_array((self.rating, coordinates), shape=(n_users, n_items))

    def seen(self, n_users: int, n_items: int) -> sparse.csr_array:
        """Which pairs have a rating, as a boolean CSR matrix (n_users, n_items).

        A rating of zero is a rating, so the values of `user_items` must not be tested for it.
        """
        ones = np.ones(len(self), dtype=bool)
        return sparse.csr_array((ones, (self.user_idx, self.item_idx)), shape=(n_users, n_items))
