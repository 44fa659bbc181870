"""GroupLens' files of ml-1m and ml-10m: no header, no quotes, values separated by "::".

ml-1m is in Latin-1 and has users, ml-10m is in UTF-8 and has tags.
https://files.grouplens.org/datasets/movielens/ml-1m-README.txt
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from reelbench.columns import (
    AGE,
    GENDER,
    GENRES,
    ITEM_ID,
    OCCUPATION,
    RATING,
    TAG,
    TIMESTAMP,
    TITLE_RAW,
    USER_ID,
    ZIP_CODE,
)
from reelbench.data.engine import Engine
from reelbench.data.readers import RawFrame, RawRows, RawTables, ReadConfig, split_genres
from reelbench.data.text import TextFile, open_headless

_COLUMNS = {
    "ratings.dat": (USER_ID, ITEM_ID, RATING, TIMESTAMP),
    "movies.dat": (ITEM_ID, TITLE_RAW, GENRES),
    "users.dat": (USER_ID, GENDER, AGE, OCCUPATION, ZIP_CODE),
    "tags.dat": (USER_ID, ITEM_ID, TAG, TIMESTAMP),
}


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read ratings.dat, movies.dat and, where they are, users.dat and tags.dat."""
    ratings = _open(folder / "ratings.dat", config)
    movies = _open(folder / "movies.dat", config)
    users, tags = folder / "users.dat", folder / "tags.dat"
    return RawTables(
        interactions=RawRows(engine.text(ratings), ratings),
        items=RawFrame(_items(movies.frame(), config), movies),
        users=_users(_open(users, config)) if users.exists() else None,
        tags=_rows(_open(tags, config), engine) if tags.exists() else None,
    )


def _open(path: Path, config: ReadConfig) -> TextFile:
    columns: Sequence[str] = _COLUMNS[path.name]
    return open_headless(path, columns, "::", config.encoding)


def _rows(file: TextFile, engine: Engine) -> RawRows:
    return RawRows(engine.text(file), file)


def _users(file: TextFile) -> RawFrame:
    return RawFrame(file.frame(), file)


def _items(items: pd.DataFrame, config: ReadConfig) -> pd.DataFrame:
    items[GENRES] = split_genres(items[GENRES], config)
    return items
