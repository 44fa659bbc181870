"""The data set as the report tells of it: sizes, what cleaning dropped, and how it was divided."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from reelbench import paths
from reelbench.columns import ITEM_IDX, RATING, TIMESTAMP, USER_IDX
from reelbench.files import read_json

PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Dataset:
    """The clean tables that figures are made of, and the accounts of `clean` and `split`.

    Attributes:
        name: as in the parameters.
        n_users: users of the catalogue, with or without ratings.
        interactions: `user_idx`, `item_idx`, `rating` (float64), `timestamp`; a row per rating.
        items, users: the tables `items` and `users`.
        clean: rows read, dropped and written per table.
        split: content of `split.json`.
    """

    name: str
    n_users: int
    interactions: pd.DataFrame
    items: pd.DataFrame
    clean: dict[str, Any]
    split: dict[str, Any]
    users: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def leak(self) -> str:
        """What the protocol still lets a model know; empty where `split` did not say."""
        return str(self.split.get("leak", ""))

    @property
    def population(self) -> str:
        """What a filter has made of the users and movies; empty where there was none."""
        found = self.clean.get("interactions", {}).get("filter")
        if not found:
            return ""
        rules = ["ratings of a movie that the same user has not tagged"] * found["tagged"]
        if found["min_per_user"] or found["min_per_item"]:
            least = f"{found['min_per_user']} and movies with fewer than {found['min_per_item']}"
            rules.append(f"users with fewer than {least} ratings")
        return (
            f"Before the split, {', then '.join(rules)} were left out: these figures are of "
            f"another population than that of the data set ({_told(found['steps'])})."
        )

    @property
    def part_rows(self) -> dict[str, int]:
        """Number of ratings of every part."""
        parts = self.split.get("parts", self.split)
        return {name: parts[name]["rows"] for name in PARTS if name in parts}

    @property
    def sparsity(self) -> float:
        """Share of the pairs of a user and an item that have no rating."""
        return 1 - len(self.interactions) / (self.n_users * len(self.items))

    def summary(self) -> dict[str, Any]:
        """Content of `reports/data.json`."""
        return {
            "name": self.name,
            "n_users": self.n_users,
            "n_items": len(self.items),
            "n_ratings": len(self.interactions),
            "rating_mean": round(float(self.interactions[RATING].mean()), 6),
            "sparsity": round(self.sparsity, 6),
            "clean": self.clean,
            "split": self.split,
        }


_STEPS = {"before": "at first", "tagged": "tagged", "enough_ratings": "with enough ratings"}


def _told(steps: dict[str, dict[str, float]]) -> str:
    """Sizes and sparsity before and after every step of a filter."""
    sizes = "{ratings:,} ratings of {users:,} users and {movies:,} movies, sparsity {sparsity:.4f}"
    return "; ".join(
        f"{words}: {sizes.format(**steps[name])}" for name, words in _STEPS.items() if name in steps
    )


def read_train_counts(n_items: int) -> np.ndarray:
    """Ratings in train of every item, int64 (n_items,)."""
    items = pq.read_table(paths.TRAIN, columns=[ITEM_IDX])[ITEM_IDX].to_numpy()
    return np.bincount(items, minlength=n_items)


def read_dataset(name: str) -> Dataset:
    """Read the clean tables and the accounts."""
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
    )
