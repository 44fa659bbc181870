"""GroupLens' comma-separated files (ml-latest*, ml-20m and later): ratings, movies, tags.

Kaggle publishes ml-20m with other names and with dates in the place of Unix seconds; both are read.
https://files.grouplens.org/datasets/movielens/ml-latest-small-README.html
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from reelbench.columns import GENRES, ITEM_ID, RATING, TAG, TIMESTAMP, TITLE_RAW, USER_ID
from reelbench.data.engine import Engine
from reelbench.data.readers import RawFrame, RawRows, RawTables, ReadConfig, split_genres
from reelbench.data.text import TextFile, open_text, rename

_KAGGLE = {"ratings.csv": "rating.csv", "movies.csv": "movie.csv", "tags.csv": "tag.csv"}


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read ratings.csv, movies.csv and, if it is there, tags.csv."""
    ratings = _open(folder, "ratings.csv", config, {USER_ID, ITEM_ID, RATING, TIMESTAMP})
    movies = _open(folder, "movies.csv", config, {ITEM_ID, TITLE_RAW, GENRES})
    return RawTables(
        interactions=RawRows(engine.text(ratings), ratings),
        items=RawFrame(_items(movies.frame(), config), movies),
        tags=_tags(folder, config, engine),
    )


def _path(folder: Path, name: str) -> Path:
    kaggle = folder / _KAGGLE[name]
    return kaggle if kaggle.exists() else folder / name


def _tags(folder: Path, config: ReadConfig, engine: Engine) -> RawRows | None:
    if not _path(folder, "tags.csv").exists():
        return None
    file = _open(folder, "tags.csv", config, {USER_ID, ITEM_ID, TAG, TIMESTAMP})
    return RawRows(engine.text(file), file)


def _open(folder: Path, name: str, config: ReadConfig, required: set[str]) -> TextFile:
    return rename(open_text(_path(folder, name)), config.columns, sorted(required))


def _items(items: pd.DataFrame, config: ReadConfig) -> pd.DataFrame:
    items[GENRES] = split_genres(items[GENRES], config)
    return items
