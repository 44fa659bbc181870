"""The small tables: movies and users, numbered densely, their known columns with their types.

A value that is not clean is missing and counted; it never costs its movie or user.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from reelbench import columns as col
from reelbench.data import DataError
from reelbench.data.clean.titles import parse_title
from reelbench.data.readers import RawFrame, ReadConfig, split_genres

NO_ID = "no id"
REPEATED_ID = "repeated id"


@dataclass(frozen=True)
class Kept:
    """A small table without its unusable rows."""

    frame: pd.DataFrame  # the usable rows, in the order of the source, with typed columns
    dropped: pd.DataFrame  # the others, with their `line` and `reason`
    not_clean: dict[str, int]  # number of values that are not clean, and so missing, by column

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows per reason."""
        found = self.dropped[col.REASON].value_counts()
        return {str(reason): int(n) for reason, n in sorted(found.items())}


def keep_usable(raw: RawFrame, key: str, config: ReadConfig) -> Kept:
    """Keep the rows of movies or users with an id, the first of each.

    A row that is unusable where `on_bad_rows` is `fail` is a DataError.
    """
    frame = raw.frame
    reason = pd.Series(None, index=frame.index, dtype="str")
    reason = reason.mask(frame[key].isna(), NO_ID)
    reason = reason.mask(frame[key].notna() & frame[key].duplicated(), REPEATED_ID)
    bad = reason.notna()
    if bad.any() and config.on_bad_rows == "fail":
        raise DataError(_explain(raw, key, reason))
    usable, not_clean = typed(frame[~bad], key, config, raw.decimal or config.decimal)
    theirs = _others(frame[bad], [col.LINE, col.REASON])
    dropped = theirs.assign(**{col.REASON: reason[bad]}).rename_axis(col.LINE).reset_index()
    return Kept(usable.reset_index(drop=True), dropped, not_clean)


def _others(raw: pd.DataFrame, own: Iterable[Any]) -> pd.DataFrame:
    """The columns of a source whose names, in any case, are not ours."""
    ours = {name.casefold() for name in (*own, col.SOURCE_ROW)}
    return raw[[name for name in raw.columns if name.casefold() not in ours]]


def _explain(raw: RawFrame, key: str, reason: pd.Series) -> str:
    place = int(reason.notna().argmax())
    why, line = reason.iloc[place], raw.frame.index[place]
    text = raw.frame[key].fillna("").iloc[place]
    return (
        f"{raw.file.path}, {raw.file.unit} {line}, column {raw.file.label(key)}: '{text}': {why} "
        f"({reason.notna().sum()} of {len(reason)} rows are bad). Correct the file, or set "
        "read.on_bad_rows to drop"
    )


def items_table(raw: pd.DataFrame, config: ReadConfig) -> pd.DataFrame:
    """The canonical table `items` of `raw` movies with unique ids, indexed from 0, in this order.

    The year comes from the source's own column, else from the title. Titles in `respell` are
    corrected, in `title_raw` too. The title of a movie without one is its id.
    """
    published = raw[col.TITLE_RAW].mask(untitled(raw), raw[col.ITEM_ID]).replace(config.respell)
    parsed = [parse_title(title) for title in published]
    own = raw.get(col.YEAR, pd.Series(pd.NA, index=raw.index, dtype="Int16"))
    year = own.fillna(pd.Series([title.year for title in parsed], index=raw.index, dtype="Int16"))
    items = pd.DataFrame(
        {
            col.ITEM_IDX: pd.Series(range(len(raw)), dtype="int32"),
            col.ITEM_ID: raw[col.ITEM_ID],
            col.TITLE: [title.title for title in parsed],
            col.TITLE_RAW: published,
            col.AKA: [list(title.aka) for title in parsed],
            col.YEAR: year,
            col.GENRES: raw[col.GENRES],
        }
    )
    return items.join(_others(raw, items))


def untitled(raw: pd.DataFrame) -> pd.Series:
    """Which movies have no title."""
    return raw[col.TITLE_RAW].isna() | (raw[col.TITLE_RAW].str.strip() == "")


def users_table(raw: pd.DataFrame | None, rated_by: Iterable[str]) -> pd.DataFrame:
    """The canonical table `users`, in the order of the source.

    Where it has no table of users they are those with a rating: numeric ids by value, then others.
    """
    if raw is None:
        raw = pd.DataFrame({col.USER_ID: sorted(rated_by, key=_natural)}, dtype="str")
    index = pd.Series(range(len(raw)), dtype="int32")
    users = pd.DataFrame({col.USER_IDX: index, col.USER_ID: raw[col.USER_ID]})
    return users.join(_others(raw, users))


def _natural(user_id: str) -> tuple[int, int, str]:
    """Sort key of ids: "2" before "10" before "a"."""
    if user_id.isascii() and user_id.isdigit() and len(user_id) < 20:
        return 0, int(user_id), user_id
    return 1, 0, user_id


_AMOUNT = ("Int64", 0, 2**53)  # up to what a float holds exactly
_DECIMAL = ("float32", 0, 3e38)
# type, smallest and largest of numbers
NUMBERS: dict[str, dict[object, tuple[Any, float, float]]] = {
    col.ITEM_ID: {
        col.YEAR: ("Int16", 1800, 2100),
        **dict.fromkeys((col.BUDGET, col.REVENUE, col.VOTE_COUNT), _AMOUNT),
        **dict.fromkeys((col.RUNTIME, col.POPULARITY), _DECIMAL),
    },
    col.USER_ID: {col.AGE: ("Int16", 0, 130)},
}
LISTS: dict[str, tuple[str, ...]] = {
    col.ITEM_ID: (col.GENRES, col.KEYWORDS, col.CAST, col.COMPANIES),
    col.USER_ID: (),
}

_YEAR = re.compile(r"(?<!\d)(?:18|19|20|21)\d\d(?!\d)")
_CURRENCY = re.compile(r"^(?:[$€£¥₹]|[A-Z]{3}\b)\s*|\s*(?:[$€£¥₹]|\b[A-Z]{3})$")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def typed(
    frame: pd.DataFrame, key: str, config: ReadConfig, decimal: str
) -> tuple[pd.DataFrame, dict[str, int]]:
    """A table with the types of its columns, and the number of bad values by column.

    It is the one of movies or users by its `key`; lists in columns of text become text.
    """
    found, not_clean = {}, {}
    for name, values in frame.items():
        if name in NUMBERS[key]:
            found[name] = _numbers(str(name), values, decimal, *NUMBERS[key][name])
            if n := int((values.notna() & found[name].isna()).sum()):
                not_clean[str(name)] = n
        elif name in LISTS[key]:
            found[name] = _lists(values, config)
        elif isinstance(values.dtype, pd.StringDtype):
            found[name] = values
        else:
            text = [", ".join(_words(v)) if pd.api.types.is_list_like(v) else v for v in values]
            found[name] = pd.Series(text, values.index, object).astype("str")
    return pd.DataFrame(found, index=frame.index), not_clean


def _numbers(
    name: str, values: pd.Series, decimal: str, dtype: Any, low: float, high: float
) -> pd.Series:
    if pd.api.types.is_numeric_dtype(values):
        found = values.astype("float64")
    else:
        read = _year if name == col.YEAR else _parsed
        found = pd.Series([read(str(value), decimal) for value in values], values.index)
    whole = dtype == _DECIMAL[0] or found % 1 == 0
    return found.where(found.between(low, high) & whole).astype(dtype)


def _year(text: str, _: str) -> float:
    found = _YEAR.search(text)
    return float(found[0]) if found else np.nan


def _parsed(text: str, decimal: str) -> float:
    """A number as people write it: with a currency, and between thousands a mark or a space.

    >>> [_parsed(text, ".") for text in ("180.0", "$1,000", "1 000 000", "25-34", "1,5")]
    [180.0, 1000.0, 1000000.0, nan, nan]
    """
    text = _CURRENCY.sub("", text.strip())
    marks = r"[ \u00a0\u2009\u202f'\u2019" + (",]" if decimal == "." else ".]")
    mark = re.fullmatch(rf"[+-]?\d{{1,3}}({marks})\d{{3}}(?:\1\d{{3}})*(?:\{decimal}\d+)?", text)
    text = (text.replace(mark[1], "") if mark else text).replace(decimal, ".")
    return float(text) if _NUMBER.fullmatch(text) else np.nan


def _lists(values: pd.Series, config: ReadConfig) -> pd.Series:
    """Lists of words, which text is split into as genres are; empty where missing."""
    text = [value if isinstance(value, str) else None for value in values]
    split = split_genres(pd.Series(text, values.index, "str"), config)
    pairs = zip(values, split, strict=True)
    found = [_words(own) if pd.api.types.is_list_like(own) else words for own, words in pairs]
    return pd.Series(found, values.index, object)


def _words(values: Any) -> list[str]:
    return [text for v in values if v is not None and (text := str(v).strip())]
