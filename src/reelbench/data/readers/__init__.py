"""Readers of published formats: each a function `(folder, config, engine) -> RawTables`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import ibis
import pandas as pd
from pydantic import Field, NonNegativeInt, StringConstraints

from reelbench.data.engine import Engine
from reelbench.data.text import RowSource, TextFile
from reelbench.params import Section


class TableConfig(Section):
    """One file of the format `table`."""

    file: str | None  # text, or Parquet by its ending; null: no such table
    columns: dict[str, str | None]  # our name of a column → its name in the file; null: none


class TablesConfig(Section):
    """The files of the format `table`."""

    ratings: TableConfig
    items: TableConfig
    users: TableConfig
    tags: TableConfig


class ReadConfig(Section):
    """Section `data.read`. Keys with a default are fixed by most formats."""

    format: Literal[
        "atomic", "movielens_100k", "movielens_csv", "movielens_dat", "netflix", "table", "tmdb"
    ]
    columns: dict[str, str] = Field(default={})  # our name of a column → its name in the files
    genre_separator: str
    no_genre: str  # written instead of genres for a movie without any
    respell: dict[str, str]  # misspelt title of the publisher → correct title
    rating_min: float
    rating_max: float
    # for an unusable row (no number, off the scale, unknown movie): fail, or drop and count
    on_bad_rows: Literal["fail", "drop"]
    encoding: str = "utf-8"
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=4)] = ","
    quote: Annotated[str, StringConstraints(max_length=1)] = '"'
    decimal: Literal[".", ","] = "."
    # of timestamps: auto, a unit such as milliseconds, excel_days, or a pattern such as %d.%m.%Y
    time_format: str = "auto"
    tables: TablesConfig | None = None  # of the format `table`
    min_votes: NonNegativeInt = 0  # of the format `tmdb`


@dataclass(frozen=True)
class RawRows:
    """A table of the size of the ratings, as strings, and its source for messages."""

    table: ibis.Table
    file: RowSource
    decimal: str | None = None  # of this table; None: as in `ReadConfig`
    time_format: str | None = None  # likewise
    excludes: bool = False  # whether the column `excluded` has reasons to leave out correct rows


@dataclass(frozen=True)
class RawFrame:
    """A small table, indexed by line number, and its source for messages."""

    frame: pd.DataFrame
    file: RowSource
    decimal: str | None = None  # of this table; None: as in `ReadConfig`


@dataclass(frozen=True)
class RawTables:
    """A data set as published, with our names for its columns."""

    #: strings `user_id`, `item_id`, `rating` and, if the source has it, `timestamp`
    interactions: RawRows
    #: in the order of the source: `item_id`, `title_raw` str; optionally `year` Int16; `genres`
    #: list of str; and other columns of the source
    items: RawFrame
    #: `user_id` and other columns of the source, in its order; None if it has no users
    users: RawFrame | None = None
    #: strings `user_id`, `item_id`, `tag`, `timestamp`; None if the source has none
    tags: RawRows | None = None


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read the files in `folder` with the reader of their format.

    Raises:
        DataError: a file is missing or not in the format.
    """
    # `movielens_csv` is read by `read_csv` of the module `movielens`, `tmdb` by `read` of its own;
    # imported here, since the modules import this package
    module, *layout = config.format.split("_")
    function = "_".join(["read", *layout])
    reader = getattr(importlib.import_module(f"{__name__}.{module}"), function)
    tables: RawTables = reader(folder, config, engine)
    return tables


def rows(file: TextFile, engine: Engine) -> RawRows:
    """A text file as a table of the size of the ratings."""
    return RawRows(engine.text(file), file)


def frame(file: TextFile) -> RawFrame:
    """A text file as a small table."""
    return RawFrame(file.frame(), file)


def split_genres(genres: pd.Series, config: ReadConfig) -> list[list[str]]:
    """Genres as lists, empty for a movie without genres."""
    known = genres.where(genres != config.no_genre, None).fillna("")
    return [[g.strip() for g in t.split(config.genre_separator) if g.strip()] for t in known]


def no_genres(index: pd.Index) -> pd.Series:
    """An empty list for every movie."""
    return pd.Series([[] for _ in index], index=index, dtype=object)


def years(values: pd.Series) -> pd.Series:
    """Int16: the four digits that a value begins with, else missing.

    >>> years(pd.Series(["1995", "1995-10-30", "V", None], dtype="str")).tolist()
    [1995, 1995, <NA>, <NA>]
    """
    digits = values.str.extract(r"^\s*(\d{4})(?!\d)", expand=False)
    return pd.to_numeric(digits).astype("Int16")
