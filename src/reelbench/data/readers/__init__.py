"""Readers of published formats: each a function `(folder, config, engine) -> RawTables`."""

import ast
import importlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import ibis
import pandas as pd
from pydantic import AfterValidator, BeforeValidator, Field, NonNegativeInt, StringConstraints

from reelbench.data.columnar import names_in
from reelbench.data.engine import Engine
from reelbench.data.text import Source
from reelbench.params import Section


def _usable(delimiter: str) -> str:
    if len(delimiter.encode()) > 4 or not {"\r", "\n", "\0"}.isdisjoint(delimiter):
        raise ValueError("a delimiter has at most four bytes and no line break")
    return delimiter


_Unescaped = BeforeValidator(lambda delimiter: "\t" if delimiter == r"\t" else delimiter)
Delimiter = Annotated[str, _Unescaped, StringConstraints(min_length=1), AfterValidator(_usable)]
Quote = Annotated[str, StringConstraints(max_length=1)]
Decimal = Literal[".", ","]


class TableConfig(Section):
    """One file of the format `table`; a null of its layout means "as in `read`"."""

    file: str | None  # seen from its content is what it is (`data/opening.py`); null: no such table
    columns: dict[str, str | int | None]  # our name → the name in the file, or the number from 1
    optional: bool = False  # whether the file may be missing
    delimiter: Delimiter | None = None
    quote: Quote | None = None
    encoding: str | None = None
    decimal: Decimal | None = None
    header: bool | None = None
    time_format: str | None = None
    #: genre → the column that has 1 for it, as in `columns`
    genre_flags: dict[str, str | int] = Field(default={})
    title_year: bool = False  # whether titles have lost the year that the column `year` has
    #: of `facts`: our name of a column of the items → the relation whose values it gets
    relations: dict[str, str] = Field(default={})


class TablesConfig(Section):
    """The files of the format `table`."""

    ratings: TableConfig
    items: TableConfig
    users: TableConfig
    tags: TableConfig
    #: `item_id` and its `entity` in a knowledge graph; the file may be one of this folder
    links: TableConfig | None = None
    facts: TableConfig | None = None  # the graph: `entity`, `relation` and `value`, an entity too


class ReadConfig(Section):
    """Section `data.read`. Keys with a default are fixed by most formats."""

    format: Literal["netflix", "table", "tmdb"]
    genre_separator: str
    no_genre: str  # written instead of genres for a movie without any
    respell: dict[str, str]  # misspelt title of the publisher → correct title
    rating_min: float
    rating_max: float
    # for an unusable row (no number, off the scale, unknown movie): fail, or drop and count
    on_bad_rows: Literal["fail", "drop"]
    encoding: str = "utf-8"
    delimiter: Delimiter = ","
    quote: Quote = '"'
    decimal: Decimal = "."
    header: bool = True
    # of timestamps: auto, a unit such as milliseconds, excel_days, or a pattern such as %d.%m.%Y
    time_format: str = "auto"
    strip_ids: bool = False  # whether spaces around ids are left out
    tables: TablesConfig | None = None  # of the format `table`
    also: tuple[TablesConfig, ...] = ()  # the same content otherwise: most files that exist decide
    min_votes: NonNegativeInt = 0  # of the format `tmdb`


@dataclass(frozen=True)
class RawRows:
    """A table of the size of the ratings, as strings, and its source for messages."""

    table: ibis.Table
    file: Source
    decimal: str | None = None  # of this table; None: as in `ReadConfig`
    time_format: str | None = None  # likewise
    excludes: bool = False  # whether the column `excluded` has reasons to leave out correct rows


@dataclass(frozen=True)
class RawFrame:
    """A small table, indexed by line number, and its source for messages."""

    frame: pd.DataFrame
    file: Source
    decimal: str | None = None  # of this table; None: as in `ReadConfig`


@dataclass(frozen=True)
class RawTables:
    """A data set as published, with our names for its columns."""

    #: strings `user_id`, `item_id`, `rating` and, if the source has it, `timestamp`
    interactions: RawRows
    #: in the order of the source: `item_id`, `title_raw` str; `genres` list of str; optionally
    #: `year`, text or Int16; and other columns of the source
    items: RawFrame
    users: RawFrame | None = None  # `user_id` and other columns, in the order of the source, if any
    tags: RawRows | None = None  # strings `user_id`, `item_id`, `tag`, `timestamp`; None: none


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read the files in `folder` with the reader of their format; a DataError if they are not."""
    # imported here, since the modules import this package
    module: Any = importlib.import_module(f"{__name__}.{config.format}")
    return module.read(folder, config, engine)


def split_genres(genres: pd.Series, config: ReadConfig) -> list[list[str]]:
    """Genres as lists, empty for a movie without genres: of lists, JSON or separated text."""
    known = genres.map(lambda value: None if value == config.no_genre else _parts(value, config))
    return [[g for g in names_in(value) if g != config.no_genre] for value in known]


def _parts(value: object, config: ReadConfig) -> object:
    """A list as it is; a text parsed as JSON or Python's notation of a list, else split."""
    if not isinstance(value, str):
        return value
    for parse in (json.loads, _literal) if value.lstrip()[:1] in ("[", "{", "(") else ():
        try:
            return parse(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return value.split(config.genre_separator) if config.genre_separator else [value]


def _literal(text: str) -> object:
    """Python's notation of a list, or NumPy's, which has no commas."""
    return ast.literal_eval(re.sub(r"(['\"])\s+(?=['\"])", r"\1, ", text.strip()))


def alike(item: str, known: Iterable[str]) -> str:
    """A hint where an unknown id differs from a known one by spaces, zeros or a point alone."""

    def plain(text: str) -> str:
        return text.strip().removesuffix(".0").lstrip("0")

    same = next((other for other in known if plain(other) == plain(item)), None)
    if same is None:
        return ""
    return f". There is a movie '{same}': write both the same way; read.strip_ids removes spaces"


def no_genres(index: pd.Index) -> pd.Series:
    """An empty list for every movie."""
    return pd.Series([[] for _ in index], index=index, dtype=object)


def years(values: pd.Series) -> pd.Series:
    """Int16: the four digits that a value begins with, else missing.

    >>> years(pd.Series(["1995", "1995-10-30", "V", None], dtype="str")).tolist()
    [1995, 1995, <NA>, <NA>]
    """
    return pd.to_numeric(values.str.extract(r"^\s*(\d{4})(?!\d)", expand=False)).astype("Int16")
