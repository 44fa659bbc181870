"""The two small tables: movies and users, numbered densely."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from reelbench.columns import (
    AGE,
    AKA,
    GENRES,
    ITEM_ID,
    ITEM_IDX,
    TITLE,
    TITLE_RAW,
    USER_ID,
    USER_IDX,
    YEAR,
)
from reelbench.data.errors import DataError
from reelbench.data.readers import ReadConfig
from reelbench.data.titles import parse_title


def items_table(raw: pd.DataFrame, config: ReadConfig) -> pd.DataFrame:
    """The canonical table `items`, numbered in the order of the source.

    The year is that of the source's own column where it has one, else that in the title. Titles in
    `respell` are corrected; `title_raw` stays as published.

    Raises:
        DataError: an id is missing or comes twice.
    """
    _check_ids(raw[ITEM_ID], "items")
    published = raw[TITLE_RAW].fillna("")
    parsed = [parse_title(config.respell.get(title, title)) for title in published]
    own = raw.get(YEAR, pd.Series(pd.NA, index=raw.index, dtype="Int16"))
    year = own.fillna(pd.Series([title.year for title in parsed], index=raw.index, dtype="Int16"))
    items = pd.DataFrame(
        {
            ITEM_IDX: pd.Series(range(len(raw)), dtype="int32"),
            ITEM_ID: raw[ITEM_ID],
            TITLE: [title.title for title in parsed],
            TITLE_RAW: published,
            AKA: [list(title.aka) for title in parsed],
            YEAR: year,
            GENRES: raw[GENRES],
        }
    )
    return items.join(raw.drop(columns=items.columns, errors="ignore"))


def users_table(raw: pd.DataFrame | None, rated_by: Iterable[str]) -> pd.DataFrame:
    """The canonical table `users`.

    Args:
        raw: users in the order of the source; None where it has no such file.
        rated_by: ids of the users with a rating; they are the users where `raw` is None, numbers in
            the order of their value and before other ids.

    Raises:
        DataError: an id is missing or comes twice, or an age is no number.
    """
    if raw is None:
        raw = pd.DataFrame({USER_ID: sorted(rated_by, key=_natural)}, dtype="str")
    _check_ids(raw[USER_ID], "users")
    users = pd.DataFrame(
        {USER_IDX: pd.Series(range(len(raw)), dtype="int32"), USER_ID: raw[USER_ID]}
    )
    users = users.join(raw.drop(columns=USER_ID))
    if AGE in users:
        users[AGE] = _ages(users)
    return users


def _ages(users: pd.DataFrame) -> pd.Series:
    ages = pd.to_numeric(users[AGE], errors="coerce")
    wrong = users[AGE].notna() & ages.isna()
    if wrong.any():
        row = users[wrong].iloc[0]
        raise DataError(f"users: user '{row[USER_ID]}', column {AGE}: '{row[AGE]}' is no number")
    return ages.astype("Int16")


def _check_ids(ids: pd.Series, table: str) -> None:
    if ids.isna().any():
        raise DataError(f"{table}: row {int(ids.isna().argmax()) + 1} has no {ids.name}")
    if ids.duplicated().any():
        twice = ids[ids.duplicated()].iloc[0]
        raise DataError(f"{table}: the {ids.name} '{twice}' comes more than once")


def _natural(user_id: str) -> tuple[int, int, str]:
    """Order of ids: "2" before "10" before "a"; the same whatever the order of the ratings."""
    if user_id.isascii() and user_id.isdigit() and len(user_id) < 20:
        return 0, int(user_id), user_id
    return 1, 0, user_id
