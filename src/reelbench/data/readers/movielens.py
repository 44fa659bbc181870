"""MovieLens in its three layouts, as GroupLens publishes them.

`movielens_100k`
    u.data, u.item, u.user without a header; u.data separated by tabs, the others by "|", in
    Latin-1. RecBole's atomic files of the same data are read too.
    https://files.grouplens.org/datasets/movielens/ml-100k-README.txt
`movielens_dat`
    ml-1m and ml-10m: ratings.dat, movies.dat and, where they exist, users.dat and tags.dat, without
    header and quotes, separated by "::". ml-1m is in Latin-1, ml-10m in UTF-8.
    https://files.grouplens.org/datasets/movielens/ml-1m-README.txt
`movielens_csv`
    ml-latest*, ml-20m and later: ratings.csv, movies.csv and, where it exists, tags.csv. Kaggle's
    ml-20m has other file names and dates instead of Unix seconds. Synthetic data have the same
    columns, with the ratings in ratings.parquet.
    https://files.grouplens.org/datasets/movielens/ml-latest-small-README.html
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from reelbench import columns as col
from reelbench.data.engine import Engine
from reelbench.data.readers import (
    RawFrame,
    RawRows,
    RawTables,
    ReadConfig,
    atomic,
    frame,
    rows,
    split_genres,
    years,
)
from reelbench.data.text import TextFile, open_headless, open_text, rename

RATINGS = (col.USER_ID, col.ITEM_ID, col.RATING, col.TIMESTAMP)

# in the order of the flags in u.item
GENRE_NAMES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime"),
    *("Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery"),
    *("Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
_DATES = ("release_date", "video_release_date")
_U_ITEM = (col.ITEM_ID, col.TITLE_RAW, *_DATES, "imdb_url", *GENRE_NAMES)
_U_USER = (col.USER_ID, col.AGE, col.GENDER, col.OCCUPATION, col.ZIP_CODE)

_DAT = {
    "ratings.dat": RATINGS,
    "movies.dat": (col.ITEM_ID, col.TITLE_RAW, col.GENRES),
    "users.dat": (col.USER_ID, col.GENDER, col.AGE, col.OCCUPATION, col.ZIP_CODE),
    "tags.dat": (col.USER_ID, col.ITEM_ID, col.TAG, col.TIMESTAMP),
}

_KAGGLE = {"ratings.csv": "rating.csv", "movies.csv": "movie.csv", "tags.csv": "tag.csv"}


def read_100k(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read u.data, u.item and, if present, u.user; without them, RecBole's atomic files."""
    if not any((folder / name).exists() for name in ("u.data", "u.item")):
        return atomic.read(folder, config, engine)
    ratings = open_headless(folder / "u.data", RATINGS, "\t")
    items = open_headless(folder / "u.item", _U_ITEM, "|", "latin-1")
    users = folder / "u.user"
    return RawTables(
        interactions=rows(ratings, engine),
        items=RawFrame(_flagged_items(items.frame(), config), items),
        users=frame(open_headless(users, _U_USER, "|", "latin-1")) if users.exists() else None,
    )


def read_dat(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read ratings.dat, movies.dat and, if present, users.dat and tags.dat."""

    def file(name: str) -> TextFile:
        return open_headless(folder / name, _DAT[name], "::", config.encoding)

    ratings, movies = file("ratings.dat"), file("movies.dat")
    has_users, has_tags = ((folder / name).exists() for name in ("users.dat", "tags.dat"))
    return RawTables(
        interactions=rows(ratings, engine),
        items=RawFrame(_items(movies.frame(), config), movies),
        users=frame(file("users.dat")) if has_users else None,
        tags=rows(file("tags.dat"), engine) if has_tags else None,
    )


def read_csv(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read ratings.csv (or ratings.parquet), movies.csv and, if present, tags.csv."""

    def file(name: str, *required: str) -> TextFile:
        return rename(open_text(_kaggle_or_own(folder, name)), config.columns, sorted(required))

    parquet = folder / "ratings.parquet"
    if parquet.exists():
        table = engine.parquet(parquet)
        strings = {name: table[config.columns.get(name, name)].cast("string") for name in RATINGS}
        ratings = RawRows(table.select(**strings), TextFile(parquet, RATINGS))
    else:
        ratings = rows(file("ratings.csv", *RATINGS), engine)
    movies = file("movies.csv", *_DAT["movies.dat"])
    has_tags = _kaggle_or_own(folder, "tags.csv").exists()
    return RawTables(
        interactions=ratings,
        items=RawFrame(_items(movies.frame(), config), movies),
        tags=rows(file("tags.csv", *_DAT["tags.dat"]), engine) if has_tags else None,
    )


def _kaggle_or_own(folder: Path, name: str) -> Path:
    kaggle = folder / _KAGGLE[name]
    return kaggle if kaggle.exists() else folder / name


def _items(items: pd.DataFrame, config: ReadConfig) -> pd.DataFrame:
    items[col.GENRES] = split_genres(items[col.GENRES], config)
    return items


def _flagged_items(items: pd.DataFrame, config: ReadConfig) -> pd.DataFrame:
    """Items of u.item: genres from its flags, years from the title."""
    title = items[col.TITLE_RAW].str.strip()
    flags = items[list(GENRE_NAMES)] == "1"
    genres = [[name for name, on in row.items() if on] for row in flags.to_dict("records")]
    return pd.DataFrame(
        {
            col.ITEM_ID: items[col.ITEM_ID],
            col.TITLE_RAW: title,
            # of several brackets the last, as in RecBole's files
            col.YEAR: years(title.str.extract(r"\(([^()]*)\)$", expand=False).astype("str")),
            col.GENRES: [[name for name in row if name != config.no_genre] for row in genres],
        },
        index=items.index,
    )
