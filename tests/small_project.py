"""Artifacts of `clean` and `split` of a made-up data set, for tests of the stages after them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from reelbench import paths
from reelbench.columns import (
    GENRES,
    ITEM_ID,
    ITEM_IDX,
    RATING,
    TAG,
    TIMESTAMP,
    TITLE,
    USER_ID,
    USER_IDX,
    YEAR,
)

N_USERS, N_ITEMS = 30, 24
TITLES = ("Heat", "Ocean's Eleven", "Star Night", "The Queen", "War Machine", "Winter's Bone")
GENRE_LISTS = (["Drama"], ["Comedy", "Drama"], [], ["Action"])
PARTS = ("train", "valid", "test")


def ratings(seed: int = 0) -> dict[str, pd.DataFrame]:
    """Rows of train, valid and test: two tastes, and the last two movies in test alone."""
    rng = np.random.default_rng(seed)
    users, items = np.divmod(rng.permutation(N_USERS * N_ITEMS)[:400], N_ITEMS)
    liked = users % 2 == items % 2
    table = pd.DataFrame(
        {
            USER_IDX: users.astype("int32"),
            ITEM_IDX: items.astype("int32"),
            RATING: np.where(liked, rng.choice([4, 5], 400), rng.choice([1, 2], 400)).astype(
                "float32"
            ),
            TIMESTAMP: np.arange(400) + 10**9,
        }
    )
    part = np.select([items >= N_ITEMS - 2, rng.random(400) < 0.7], [2, 0], rng.integers(1, 3, 400))
    return {name: table[part == number] for number, name in enumerate(PARTS)}


def write_catalogue(folder: Path) -> None:
    """Tables of movies, users and tags below `folder`."""
    (folder / paths.CLEAN).mkdir(parents=True, exist_ok=True)
    numbers = np.arange(N_ITEMS)
    items = {
        ITEM_IDX: numbers.astype("int32"),
        ITEM_ID: numbers.astype(str),
        TITLE: [f"{TITLES[n % 6]} {n}" for n in numbers],
        YEAR: pd.array([None if n == 3 else 1960 + n for n in numbers], dtype="Int16"),
        GENRES: [GENRE_LISTS[n % 4] for n in numbers],
    }
    users = {USER_IDX: np.arange(N_USERS, dtype="int32"), USER_ID: np.arange(N_USERS).astype(str)}
    pd.DataFrame(items).to_parquet(folder / paths.ITEMS)
    pd.DataFrame(users).to_parquet(folder / paths.USERS)
    columns = [USER_IDX, ITEM_IDX, TAG, TIMESTAMP]
    for file in (paths.TAGS, paths.KNOWN_TAGS):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame({name: [] for name in columns}).to_parquet(folder / file)
    sizes = {"n_users": N_USERS, "n_items": N_ITEMS, "rating_min": 1.0, "rating_max": 5.0}
    (folder / paths.CATALOGUE).write_text(json.dumps(sizes))


def write_ratings(folder: Path, parts: dict[str, pd.DataFrame]) -> None:
    """The three parts, and the table that they were made of."""
    (folder / paths.SPLIT).mkdir(parents=True, exist_ok=True)
    for name, table in parts.items():
        table.to_parquet(folder / paths.SPLIT / f"{name}.parquet")
    rows = {name: {"rows": len(t), "users": t[USER_IDX].nunique()} for name, t in parts.items()}
    (folder / paths.SPLIT_COUNTS).write_text(json.dumps({"parts": rows}))
    pd.concat(parts.values()).sort_values([USER_IDX, ITEM_IDX]).to_parquet(
        folder / paths.INTERACTIONS
    )


def write_params(folder: Path, content: dict[str, Any]) -> None:
    (folder / paths.PARAMS).write_text(yaml.safe_dump(content))
