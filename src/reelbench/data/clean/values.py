"""Known columns of movies and users, from text to their types.

A value that is not clean is missing and counted; it never costs its movie or user.
"""

import re
from typing import Any

import numpy as np
import pandas as pd

from reelbench import columns as col
from reelbench.data.readers import ReadConfig, split_genres

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
    """Numbers of a type and range, else missing."""
    if pd.api.types.is_numeric_dtype(values):
        found = values.astype("float64")
    else:
        read = _year if name == col.YEAR else _parsed
        found = pd.Series([read(str(value), decimal) for value in values], values.index)
    whole = dtype == _DECIMAL[0] or found % 1 == 0
    return found.where(found.between(low, high) & whole).astype(dtype)


def _year(text: str, _: str) -> float:
    """The first four digits that are a year."""
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
