"""Known columns of movies and users, from text to their types.

A value that is not clean is missing and counted; it never costs its movie or user.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
import pandas as pd

from reelbench import columns as col
from reelbench.data.readers import ReadConfig, split_genres

# whole numbers and their range; what a float holds exactly
_WHOLE = {
    col.YEAR: (1800, 2100),
    col.AGE: (0, 130),
    **dict.fromkeys((col.BUDGET, col.REVENUE, col.VOTE_COUNT), (0, 2**53)),
}
_DECIMAL = (col.RUNTIME, col.POPULARITY)
_LISTS = (col.KEYWORDS, col.CAST, col.COMPANIES)
OF_ITEMS = {col.YEAR, col.BUDGET, col.REVENUE, col.VOTE_COUNT, *_DECIMAL, *_LISTS}
OF_USERS = {col.AGE}

_YEAR = re.compile(r"(?<!\d)(?:18|19|20|21)\d\d(?!\d)")
_CURRENCY = re.compile(r"^(?:[$€£¥₹]|[A-Z]{3}\b)\s*|\s*(?:[$€£¥₹]|\b[A-Z]{3})$")


def typed(
    frame: pd.DataFrame, known: Collection[str], config: ReadConfig, decimal: str | None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """A small table with the types of its columns, and the number of bad values by column.

    Args:
        frame: text, lists and, of some readers, numbers.
        known: the columns that are numbers or lists; lists in others become text.
        config: the separator of lists.
        decimal: the decimal mark of the table; None for that of `config`.
    """
    columns, not_clean = {}, {}
    for name, values in frame.items():
        if name in known and name not in _LISTS:
            columns[name] = _number(str(name), values, decimal or config.decimal)
            if n := int((values.notna() & columns[name].isna()).sum()):
                not_clean[str(name)] = n
        elif name in known:
            columns[name] = _lists(values, config)
        elif name == col.GENRES or isinstance(values.dtype, pd.StringDtype):
            columns[name] = values
        else:
            columns[name] = values.map(_as_text).astype("str")
    return pd.DataFrame(columns, index=frame.index), not_clean


def _number(name: str, values: pd.Series, decimal: str) -> pd.Series:
    """Numbers in the range of the column, else missing."""
    if pd.api.types.is_numeric_dtype(values):
        found = values.astype("float64")
    elif name == col.YEAR:
        years = [_YEAR.search(value) if isinstance(value, str) else None for value in values]
        found = pd.Series([float(y[0]) if y else np.nan for y in years], values.index, "float64")
    else:
        found = values.map(lambda value: _parsed(value, decimal)).astype("float64")
    low, high = _WHOLE.get(name, (0, float(np.finfo("float32").max)))
    found = found.where(found.between(low, high))
    if name in _DECIMAL:
        return found.astype("float32")
    return found.where(found % 1 == 0).astype("Int16" if name in (col.YEAR, col.AGE) else "Int64")


def _parsed(value: object, decimal: str) -> float:
    """A number as people write it: with a currency, and between thousands a mark or a space.

    >>> [_parsed(text, ".") for text in ("180.0", "$1,000", "1 000 000", "25-34", "1,5")]
    [180.0, 1000.0, 1000000.0, nan, nan]
    """
    text = _CURRENCY.sub("", str(value).strip())
    marks = r"[ \u00a0\u2009\u202f'\u2019" + (",]" if decimal == "." else ".]")
    mark = re.fullmatch(rf"[+-]?\d{{1,3}}({marks})\d{{3}}(?:\1\d{{3}})*(?:\{decimal}\d+)?", text)
    text = (text.replace(mark[1], "") if mark else text).replace(decimal, ".")
    number = re.fullmatch(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", text, re.ASCII)
    return float(text) if number else np.nan


def _lists(values: pd.Series, config: ReadConfig) -> pd.Series:
    """Lists of words, which text is split into as genres are; empty where missing."""
    text = values.map(lambda value: value if isinstance(value, str) else None)
    split = split_genres(text.astype("str"), config)
    pairs = zip(values, split, strict=True)
    found = [_words(own) if pd.api.types.is_list_like(own) else words for own, words in pairs]
    return pd.Series(found, index=values.index, dtype=object)


def _as_text(value: object) -> object:
    return ", ".join(_words(value)) if pd.api.types.is_list_like(value) else value


def _words(values: object) -> list[str]:
    return [text for v in values if v is not None and (text := str(v).strip())]  # type: ignore[attr-defined]
