"""GroupLens' comma-separated files (ml-latest*, ml-20m and later): ratings, movies, tags.

https://files.grouplens.org/datasets/movielens/ml-latest-small-README.html
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from reelbench.columns import GENRES, ITEM_ID, RATING, TAG, TIMESTAMP, TITLE_RAW, USER_ID
from reelbench.data.engine import Engine
from reelbench.data.readers import RawRows, RawTables, ReadConfig, split_genres
from reelbench.data.text import TextFile, open_text, rename


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read ratings.csv, movies.csv and, if it is there, tags.csv."""
    ratings = _open(folder / "ratings.csv", config, {USER_ID, ITEM_ID, RATING, TIMESTAMP})
    movies = _open(folder / "movies.csv", config, {ITEM_ID, TITLE_RAW, GENRES})
    return RawTables(
        interactions=RawRows(engine.text(ratings), ratings),
        items=_items(movies.frame(), config),
        tags=_tags(folder / "tags.csv", config, engine),
    )


def _tags(path: Path, config: ReadConfig, engine: Engine) -> RawRows | None:
    if not path.exists():
        return None
    file = _open(path, config, {USER_ID, ITEM_ID, TAG, TIMESTAMP})
    return RawRows(engine.text(file), file)


def _open(path: Path, config: ReadConfig, required: set[str]) -> TextFile:
    return rename(open_text(path), config.columns, sorted(required))


def _items(items: pd.DataFrame, config: ReadConfig) -> pd.DataFrame:
    items[GENRES] = split_genres(items[GENRES], config)
    return items
