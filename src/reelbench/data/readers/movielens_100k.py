"""MovieLens 100K: GroupLens' own u.data, u.item and u.user, or RecBole's atomic files of them.

The own files are not headed; u.data is separated by tabs, the others by "|" in Latin-1.
https://files.grouplens.org/datasets/movielens/ml-100k-README.txt
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from reelbench.columns import (
    AGE,
    GENDER,
    GENRES,
    ITEM_ID,
    OCCUPATION,
    RATING,
    TIMESTAMP,
    TITLE_RAW,
    USER_ID,
    YEAR,
    ZIP_CODE,
)
from reelbench.data.engine import Engine
from reelbench.data.readers import RawFrame, RawRows, RawTables, ReadConfig, atomic, years
from reelbench.data.text import open_headless

# in the order of the flags in u.item
GENRE_NAMES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime"),
    *("Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery"),
    *("Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
RATINGS = (USER_ID, ITEM_ID, RATING, TIMESTAMP)
ITEMS = (ITEM_ID, TITLE_RAW, "release_date", "video_release_date", "imdb_url", *GENRE_NAMES)
USERS = (USER_ID, AGE, GENDER, OCCUPATION, ZIP_CODE)


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read u.data, u.item and, if it is there, u.user; atomic files where there is no u.data."""
    if not (folder / "u.data").exists():
        return atomic.read(folder, config, engine)
    ratings = open_headless(folder / "u.data", RATINGS, "\t")
    items = open_headless(folder / "u.item", ITEMS, "|", "latin-1")
    return RawTables(
        interactions=RawRows(engine.text(ratings), ratings),
        items=RawFrame(_items(items.frame(), config), items),
        users=_users(folder / "u.user"),
    )


def _users(path: Path) -> RawFrame | None:
    if not path.exists():
        return None
    file = open_headless(path, USERS, "|", "latin-1")
    return RawFrame(file.frame(), file)


def _items(items: pd.DataFrame, config: ReadConfig) -> pd.DataFrame:
    title = items[TITLE_RAW].str.strip()
    flags = items[list(GENRE_NAMES)] == "1"
    genres = [[name for name, on in row.items() if on] for row in flags.to_dict("records")]
    return pd.DataFrame(
        {
            ITEM_ID: items[ITEM_ID],
            TITLE_RAW: title,
            # of several brackets the last, as RecBole has it
            YEAR: years(title.str.extract(r"\(([^()]*)\)$", expand=False).astype("str")),
            GENRES: [[name for name in row if name != config.no_genre] for row in genres],
        },
        index=items.index,
    )
