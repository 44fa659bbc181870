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
from reelbench.data.text import RowSource
from reelbench.params import Section

# format → module and function; imported when needed, since the modules import this package
_READERS = {
    "atomic": "atomic:read",
    "movielens_100k": "movielens:read_100k",
    "movielens_csv": "movielens:read_csv",
    "movielens_dat": "movielens:read_dat",
    "netflix": "netflix:read",
    "table": "table:read",
    "tmdb": "tmdb:read",
}


class TableConfig(Section):
    """One file of the format `table`."""

    file: str | None  # text, or Parquet by its ending; null: there is no such table
    columns: dict[str, str | None]  # our name of a column → its name in the file, null: not there


class TablesConfig(Section):
    """The files of the format `table`."""

    ratings: TableConfig
    items: TableConfig
    users: TableConfig
    tags: TableConfig


class ReadConfig(Section):
    """Section `data.read`. Keys with a default are those that most formats fix themselves."""

    format: Literal[
        "atomic",
        "movielens_100k",
        "movielens_csv",
        "movielens_dat",
        "netflix",
        "table",
        "tmdb",
    ]
    columns: dict[str, str] = Field(default={})  # our name of a column → its name in the files
    genre_separator: str
    no_genre: str  # stands in the place of genres for a movie without one
    respell: dict[str, str]  # titles that the publisher misspelt → how they are spelt
    rating_min: float
    rating_max: float
    # a row that cannot be used (no number, off the scale, unknown movie): fail, or drop and count
    on_bad_rows: Literal["fail", "drop"]
    encoding: str = "utf-8"
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=4)] = ","
    quote: Annotated[str, StringConstraints(max_length=1)] = '"'
    decimal: Literal[".", ","] = "."
    # of timestamps: auto (Unix seconds or an ISO date), milliseconds, or a pattern such as %d.%m.%Y
    time_format: str = "auto"
    tables: TablesConfig | None = None  # of the format `table`
    min_votes: NonNegativeInt = 0  # of the format `tmdb`


@dataclass(frozen=True)
class RawRows:
    """A table of the size of the ratings: still strings, and the file to point at in a message.

    A column `excluded`, where there is one, says why a row is left out that has no fault.
    """

    table: ibis.Table
    file: RowSource


@dataclass(frozen=True)
class RawFrame:
    """A small table, indexed by line number, and the file to point at in a message."""

    frame: pd.DataFrame
    file: RowSource


@dataclass(frozen=True)
class RawTables:
    """A data set as published, with our names for its columns.

    Attributes:
        interactions: strings `user_id`, `item_id`, `rating` and, if the source has it, `timestamp`.
        items: in the order of the source: `item_id`, `title_raw` str; `year` Int16, missing where
            the source has no column for it or no number in it; `genres` list of str; and what else
            the source has.
        users: `user_id` and what else the source has, in its order; None if it has no such file.
        tags: strings `user_id`, `item_id`, `tag`, `timestamp`; None if the source has none.
    """

    interactions: RawRows
    items: RawFrame
    users: RawFrame | None = None
    tags: RawRows | None = None


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read the files in `folder` with the reader of their format.

    Raises:
        DataError: a file is missing, or is not what the format says.
    """
    module, _, function = _READERS[config.format].partition(":")
    reader = getattr(importlib.import_module(f"{__name__}.{module}"), function)
    tables: RawTables = reader(folder, config, engine)
    return tables


def split_genres(genres: pd.Series, config: ReadConfig) -> list[list[str]]:
    """Genres as lists; empty where the source has none or says so in words."""
    known = genres.where(genres != config.no_genre, None).fillna("")
    return [[g.strip() for g in t.split(config.genre_separator) if g.strip()] for t in known]


def years(values: pd.Series) -> pd.Series:
    """Int16: the four digits that a value begins with, else missing.

    >>> years(pd.Series(["1995", "1995-10-30", "V", None], dtype="str")).tolist()
    [1995, 1995, <NA>, <NA>]
    """
    digits = values.str.extract(r"^\s*(\d{4})(?!\d)", expand=False)
    return pd.to_numeric(digits).astype("Int16")
