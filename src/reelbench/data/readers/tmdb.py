"""TMDB 5000: movies with a mean vote, and no users.

One pseudo-user represents all voters: the rating is `vote_average`, without a time. JSON columns
are lists of objects with a `name`. Credits are joined by the movie's id, since titles repeat.
"""

import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from reelbench import columns as col
from reelbench.data import DataError
from reelbench.data.engine import Engine
from reelbench.data.readers import RawFrame, RawRows, RawTables, ReadConfig, years
from reelbench.data.text import Row, TextFile, open_text, rename

EVERYBODY = "everybody"
MOVIES, CREDITS = "tmdb_5000_movies.csv", "tmdb_5000_credits.csv"
_THEIRS = {col.ITEM_ID: "id", col.TITLE_RAW: "title", col.RATING: "vote_average"}
_TEXTS = (col.OVERVIEW, col.TAGLINE, col.LANGUAGE, col.RELEASE_DATE)
_LISTS = (col.GENRES, col.KEYWORDS, col.COMPANIES)
_NUMBERS = (col.BUDGET, col.REVENUE, col.VOTE_COUNT, col.RUNTIME, col.POPULARITY)
_UNKNOWN_IF_ZERO = (col.BUDGET, col.REVENUE, col.RUNTIME)
_STARS = 5  # names of the cast that are kept, in the order of the credits


class Votes(TextFile):
    """The file of movies as one of ratings by one user."""

    def locate(self, rows: Collection[Row], columns: Sequence[str]) -> tuple[str, Row]:
        """The first line with one of these rows, and the row; the file has no users."""
        place = columns.index(col.USER_ID)
        own = {row[:place] + row[place + 1 :] for row in rows}
        where, found = super().locate(own, [c for c in columns if c != col.USER_ID])
        return where, (*found[:place], EVERYBODY, *found[place:])


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read tmdb_5000_movies.csv and, if it is there, tmdb_5000_credits.csv."""
    required = (*_THEIRS, *_TEXTS, *_LISTS, *_NUMBERS)
    file = rename(open_text(folder / MOVIES), _THEIRS, required)
    movies = file.frame()
    items = _items(movies, file)
    if (folder / CREDITS).exists():
        items = _with_credits(items, folder / CREDITS)
    few = (_number(items[col.VOTE_COUNT]).fillna(0) < config.min_votes).to_numpy()
    reason = f"the movie has fewer than {config.min_votes} votes"
    votes = movies[[col.ITEM_ID, col.RATING]].reset_index(drop=True)
    votes.insert(0, col.USER_ID, EVERYBODY)
    votes[col.EXCLUDED] = pd.Series(None, index=votes.index, dtype="str").mask(few, reason)
    rows = engine.table(pa.Table.from_pandas(votes, preserve_index=False))
    return RawTables(RawRows(rows, Votes(**vars(file)), excludes=True), RawFrame(items, file))


def _items(movies: pd.DataFrame, file: TextFile) -> pd.DataFrame:
    items = movies[[col.ITEM_ID, col.TITLE_RAW, *_TEXTS]].copy()
    items[col.YEAR] = years(movies[col.RELEASE_DATE])
    for column in _LISTS:
        items[column] = _parsed(movies[column], file, column, _names)
    for column in _NUMBERS:
        unknown = (_number(movies[column]) == 0) & (column in _UNKNOWN_IF_ZERO)
        items[column] = movies[column].mask(unknown)
    return items


def _with_credits(items: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Add the director and the first names of the cast; missing for a movie without credits."""
    file = rename(open_text(path), {col.ITEM_ID: "movie_id"}, (col.ITEM_ID, "cast", "crew"))
    credits = file.frame()
    people = pd.DataFrame(
        {
            col.ITEM_ID: credits[col.ITEM_ID],
            col.DIRECTOR: _parsed(credits["crew"], file, "crew", _director),
            col.CAST: _parsed(credits["cast"], file, "cast", _stars),
        }
    ).drop_duplicates(col.ITEM_ID)
    found = people.set_index(col.ITEM_ID).reindex(items[col.ITEM_ID])
    items[col.DIRECTOR] = found[col.DIRECTOR].to_numpy()
    items[col.CAST] = [stars if isinstance(stars, list) else [] for stars in found[col.CAST]]
    return items


def _parsed(
    values: pd.Series, file: TextFile, column: str, take: Callable[[list[Any]], Any]
) -> pd.Series:
    """`take` applied to each JSON list; a DataError if a value is no list of objects."""
    parsed = []
    for line, text in values.items():
        try:
            parsed.append(take((json.loads(text) if isinstance(text, str) else None) or []))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise DataError(
                f"{file.path}, line {line}, column {column}: expected a JSON list of objects with "
                f"a name (of the cast with a number as order), not '{str(text)[:60]}' ({error})"
            ) from error
    return pd.Series(parsed, index=values.index, dtype=object)


def _names(objects: list[Any]) -> list[str]:
    names = [name for entry in objects if (name := entry["name"].strip())]
    "".join(names).encode()  # half of a character is a ValueError
    return names


def _director(crew: list[Any]) -> str | None:
    """Names of the directors, in the order of the credits; None without one."""
    return ", ".join(_names([entry for entry in crew if entry.get("job") == "Director"])) or None


def _stars(cast: list[Any]) -> list[str]:
    return _names(sorted(cast, key=lambda entry: entry.get("order", 0)))[:_STARS]


def _number(values: pd.Series) -> pd.Series:
    return pd.to_numeric(values, errors="coerce")
