"""Ratings in memory: one part of them, and the parts of a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

from reelbench.columns import ITEM_IDX, RATING, TIMESTAMP, USER_IDX
from reelbench.files import read_json_if_any

if TYPE_CHECKING:  # every training reads ratings, and few need pandas, which takes 0.3 s
    import pandas as pd


@dataclass(frozen=True)
class Ids:
    """Sizes of the catalogue and the scale of its ratings."""

    n_users: int
    n_items: int
    rating_min: float
    rating_max: float


@dataclass(frozen=True)
class Interactions:
    """One part of the ratings (train, valid or test), n rows.

    >>> ratings = Interactions.from_arrays([0, 0, 1], [0, 2, 1], [5, 3, 4])
    >>> ratings.user_items(n_users=2, n_items=3).toarray().tolist()
    [[5.0, 0.0, 3.0], [0.0, 4.0, 0.0]]
    >>> len(ratings.select(ratings.rating > 3))
    2
    """

    user_idx: np.ndarray  # int32 (n,), row numbers of the users table
    item_idx: np.ndarray  # int32 (n,), row numbers of the items table
    rating: np.ndarray  # float32 (n,), on the rating scale of the data set
    timestamp: np.ndarray  # int64 (n,), Unix seconds; -1 where the source has none
    #: of the catalogue, so that a model can be fitted without features; None: only rows are known
    ids: Ids | None = field(default=None, kw_only=True)
    file: Path | None = field(default=None, kw_only=True)  # Parquet of just these rows, if any

    def __len__(self) -> int:
        return len(self.rating)

    @classmethod
    def from_parquet(cls, file: Path) -> Interactions:
        """Read a table with the columns of `interactions`."""
        columns = [USER_IDX, ITEM_IDX, RATING, TIMESTAMP]
        return replace(cls.from_table(pq.read_table(file, columns=columns)), file=file)

    @classmethod
    def from_table(cls, table: pa.Table, ids: Ids | None = None) -> Interactions:
        """Take the columns of `interactions` from an Arrow table."""
        names, times = (USER_IDX, ITEM_IDX, RATING), table[TIMESTAMP].fill_null(-1)
        users, items, ratings = (table[name].to_numpy() for name in names)
        return replace(cls.from_arrays(users, items, ratings, times.to_numpy()), ids=ids)

    @classmethod
    def from_arrays(
        cls, user_idx: object, item_idx: object, rating: object, timestamp: object = None
    ) -> Interactions:
        """Take any sequences of equal length and cast them to the dtypes above."""
        ratings = np.asarray(rating, dtype=np.float32)
        users, items = (np.asarray(of, dtype=np.int32) for of in (user_idx, item_idx))
        times = np.full(len(ratings), -1) if timestamp is None else timestamp
        return cls(users, items, ratings, np.asarray(times, dtype=np.int64))

    @classmethod
    def concat(cls, *parts: Interactions) -> Interactions:
        """The rows of all parts, one part after the other; `ids` is that of the first."""
        columns = zip(*(part.columns() for part in parts), strict=True)
        return cls(*map(np.concatenate, columns), ids=parts[0].ids)

    @classmethod
    def empty(cls) -> Interactions:
        """A part without rows."""
        return cls.from_arrays([], [], [])

    def select(self, rows: np.ndarray) -> Interactions:
        """The rows that a mask or indices choose, in their order."""
        return Interactions(*(column[rows] for column in self.columns()), ids=self.ids)

    def columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The four columns, each (n,), in the order of the attributes."""
        return self.user_idx, self.item_idx, self.rating, self.timestamp

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


@dataclass(frozen=True)
class Parts:
    """The parts of a split."""

    train: Interactions  # ratings to learn from
    valid: Interactions  # ratings for early stopping and tuning; may be empty
    test: Interactions  # ratings to evaluate on
    #: canonical items by `item_idx`, for metrics with genres or years; None: only ratings are known
    items: pd.DataFrame | None = field(default=None, kw_only=True)
    #: what test users are known by where train has none of their ratings; None where it has
    profile: Interactions | None = field(default=None, kw_only=True)
    #: Unix seconds within test at which models are trained again, where test ratings are learned in
    #: turn (split `prequential`); None where they are not
    moments: Sequence[int] | None = field(default=None, kw_only=True)

    @classmethod
    def read(cls, folder: Path) -> Parts:
        """Read train, valid, test and, if there is one, profile from what `split` has written."""
        files = (folder / f"{name}.parquet" for name in ("train", "valid", "test"))
        profile = folder / "profile.parquet"
        own = Interactions.from_parquet(profile) if profile.exists() else None
        moments = read_json_if_any(folder / "split.json").get("moments")
        return cls(*map(Interactions.from_parquet, files), profile=own, moments=moments)

    @property
    def given(self) -> Interactions:
        """All that may be known of users: rows of train and of profile."""
        return self.train if self.profile is None else Interactions.concat(self.train, self.profile)
