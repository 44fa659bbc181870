"""The data set as reported: sizes, what cleaning dropped, how it was split."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from reelbench import paths
from reelbench.columns import GENRES, ITEM_IDX, RATING, TIMESTAMP, USER_IDX
from reelbench.data.identity import KEYS, read_identity
from reelbench.files import read_json

PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Dataset:
    """The clean tables, and what `clean` and `split` counted."""

    name: str  # as in the parameters
    n_users: int  # users of the catalogue, with or without ratings
    #: `user_idx`, `item_idx`, `rating` (float64), `timestamp`; a row per rating
    interactions: pd.DataFrame
    items: pd.DataFrame  # the table `items`
    clean: dict[str, Any]  # rows read, dropped and written per table
    split: dict[str, Any]  # content of `split.json`
    users: pd.DataFrame = field(default_factory=pd.DataFrame)
    #: `data.identity.KEYS`, which every table that is written carries
    identity: dict[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Beginning of the hash of the data, in brackets; empty where it is not known."""
        return f" ({self.identity['data_hash'][:8]})" if self.identity.get("data_hash") else ""

    @property
    def leak(self) -> str:
        """What the protocol still leaks to a model; empty if `split` does not name it."""
        return str(self.split.get("leak", ""))

    @property
    def filter(self) -> dict[str, Any]:
        """How a filter changed the population; empty without one."""
        return self.clean.get("interactions", {}).get("filter") or {}

    @property
    def part_rows(self) -> dict[str, int]:
        """Number of ratings of every part."""
        parts = self.split.get("parts", self.split)
        return {name: parts[name]["rows"] for name in (*PARTS, "profile") if name in parts}

    @property
    def sparsity(self) -> float:
        """Share of all pairs of a user and an item without a rating."""
        return 1 - len(self.interactions) / (self.n_users * len(self.items))

    def summary(self) -> dict[str, Any]:
        """Content of `reports/data.json`."""
        return {
            **{key: self.identity.get(key) for key in ("data_hash", "test_hash")},
            "name": self.name,
            "n_users": self.n_users,
            "n_items": len(self.items),
            "n_ratings": len(self.interactions),
            "rating_mean": round(float(self.interactions[RATING].mean()), 6),
            "sparsity": round(self.sparsity, 6),
            "clean": self.clean,
            "split": self.split,
        }


def read_train_counts(n_items: int) -> np.ndarray:
    """Ratings in train of every item, int64 (n_items,)."""
    items = pq.read_table(paths.TRAIN, columns=[ITEM_IDX])[ITEM_IDX].to_numpy()
    return np.bincount(items, minlength=n_items)


def read_dataset(name: str) -> Dataset:
    """Read the clean tables and the counts."""
    columns = [USER_IDX, ITEM_IDX, RATING, TIMESTAMP]
    interactions = pd.read_parquet(paths.INTERACTIONS, columns=columns)
    users = pd.read_parquet(paths.USERS)
    return Dataset(
        name=name,
        n_users=len(users),
        # means of float32 lose digits
        interactions=interactions.astype({RATING: "float64"}),
        items=pd.read_parquet(paths.ITEMS),
        clean=read_json(paths.CLEAN_COUNTS),
        split=read_json(paths.SPLIT_COUNTS),
        users=users,
        identity={key: value for key, value in read_identity().items() if key in KEYS},
    )


def times_of(interactions: pd.DataFrame) -> pd.Series:
    """Times of the ratings, UTC; ratings of unknown time are left out."""
    times = interactions[TIMESTAMP].dropna()
    return pd.to_datetime(times[times >= 0].astype(np.int64), unit="s")


def genres_of(items: pd.DataFrame) -> pd.Series:
    """A row per movie and genre, indexed by `item_idx`; empty if the source has no genres."""
    if GENRES not in items:
        return pd.Series(dtype=object)
    return items.set_index(ITEM_IDX)[GENRES].explode().dropna()


def sums(interactions: pd.DataFrame, by: str) -> pd.DataFrame:
    """Count, sum and sum of squares of the ratings of every group."""
    rating = interactions[RATING]
    columns = pd.DataFrame({"n": 1, "sum": rating, "squares": rating**2})
    return columns.groupby(interactions[by]).sum()


def means_of(per_group: pd.DataFrame) -> pd.DataFrame:
    """`n`, `mean`, and `half` the width of its 95 % interval: NaN for a single rating.

    Args:
        per_group: what `sums` returns, or sums of it.
    """
    n, mean = per_group["n"], per_group["sum"] / per_group["n"]
    variance = (per_group["squares"] - n * mean**2).clip(lower=0) / (n - 1)
    half = 1.96 * np.sqrt(variance / n)  # of a normal distribution
    return pd.DataFrame({"n": n, "mean": mean, "half": half})
