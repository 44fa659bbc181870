"""One file per published format, each with `read(folder, config, engine) -> RawTables`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import ibis
import pandas as pd

from reelbench.data.engine import Engine
from reelbench.data.text import TextFile
from reelbench.params import Section


class ReadConfig(Section):
    """Section `data.read`."""

    format: Literal["atomic", "movielens_csv", "synthetic"]
    columns: dict[str, str]  # our name of a column → its name in the files
    genre_separator: str
    no_genre: str  # stands in the place of genres for a movie without one
    respell: dict[str, str]  # titles that the publisher misspelt → how they are spelt
    rating_min: float
    rating_max: float
    # a row that cannot be used (no number, off the scale, unknown movie): fail, or drop and count
    on_bad_rows: Literal["fail", "drop"]


@dataclass(frozen=True)
class RawRows:
    """A table of the size of the ratings: still strings, and the file to point at in a message."""

    table: ibis.Table
    file: TextFile


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
    items: pd.DataFrame
    users: pd.DataFrame | None = None
    tags: RawRows | None = None


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read the files in `folder` with the reader of their format.

    Raises:
        DataError: a file is missing, or is not what the format says.
    """
    reader = importlib.import_module(f"reelbench.data.readers.{config.format}")
    return reader.read(folder, config, engine)


def split_genres(genres: pd.Series, config: ReadConfig) -> list[list[str]]:
    """Genres as lists; empty where the source has none or says so in words."""
    known = genres.where(genres != config.no_genre, None).fillna("")
    return [[g for g in text.split(config.genre_separator) if g] for text in known]
