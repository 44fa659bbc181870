"""Ratings and tags: validated row by row, then numbered, without repeated pairs, in a fixed order.

Every row of the source is either usable or counted under one reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import pandas as pd
import pyarrow as pa

from reelbench.columns import (
    EXCLUDED,
    INTERACTION_DTYPES,
    ITEM_ID,
    ITEM_IDX,
    RATING,
    REASON,
    SOURCE_ROW,
    TAG,
    TIMESTAMP,
    USER_ID,
    USER_IDX,
)
from reelbench.data import DataError
from reelbench.data.engine import Engine
from reelbench.data.readers import RawRows, ReadConfig

NO_ID = "no user or movie"
NO_NUMBER = "rating is not a number"
OFF_SCALE = "rating is off the scale"
NO_ITEM = "movie is not in the catalogue"
NO_USER = "user is not in the catalogue"
NO_TAG = "tag is empty"

# the column to look at for each reason
_COLUMN = {
    NO_ID: USER_ID,
    NO_NUMBER: RATING,
    OFF_SCALE: RATING,
    NO_ITEM: ITEM_ID,
    NO_USER: USER_ID,
    NO_TAG: TAG,
}
_VALUE, _KNOWN, _CODE = "_value", "_known", "_code"
_TIME_FORMATS = {
    "auto": "timestamp is neither Unix seconds nor an ISO date",
    "milliseconds": "timestamp is not a number of milliseconds",
}
_EXAMPLES = 1000  # bad rows looked for in the file to find the first of them

Reasons = list[tuple[ibis.ir.BooleanValue, str]]


@dataclass(frozen=True)
class ValidatedRows:
    """The rows of one table, validated."""

    #: `user_id` string, `item_idx` int32, `timestamp` int64 (null where missing) and `rating`
    #: float64 with `source_row` int64, or `tag` string; stored in the engine
    usable: ibis.Table
    read: int  # number of rows of the source
    counts: dict[str, int]  # number of unusable rows per reason that occurs
    unusable: ibis.Table  # those rows as in the source, with their `reason`

    @property
    def n_usable(self) -> int:
        """Number of usable rows."""
        return self.read - sum(self.counts.values())


def validate_ratings(
    raw: RawRows,
    items: pd.DataFrame,
    users: pd.DataFrame | None,
    config: ReadConfig,
    engine: Engine,
) -> ValidatedRows:
    """Find the usable ratings.

    Args:
        raw: ratings as read.
        items: canonical items; other movies are unknown.
        users: users as read; None where the source has none, so that no user is unknown.
        config: the rating scale, and what to do with bad rows.
        engine: holds the tables.

    Raises:
        DataError: a row is unusable and `on_bad_rows` is `fail`.
    """
    rating = _number(raw.table[RATING], config.decimal, engine)
    outside = (rating < config.rating_min) | (rating > config.rating_max)
    reasons = [(rating.isnull() | rating.isnan(), NO_NUMBER), (outside, OFF_SCALE)]
    table = engine.numbered(raw.table.mutate(**{_VALUE: rating}))
    validated = _validate(table, RATING, reasons, items, users, config, engine)
    _refuse(validated, set(validated.counts) - set(_left_out(table, engine)), raw, config, engine)
    return validated


def validate_tags(
    raw: RawRows, items: pd.DataFrame, users: pd.DataFrame, config: ReadConfig, engine: Engine
) -> ValidatedRows:
    """Find the usable tags.

    An empty tag, or one of a user without ratings, is counted but is not an error.

    Args:
        raw: tags as read.
        items: canonical items.
        users: canonical users.
        config: what to do with bad rows.
        engine: holds the tables.

    Raises:
        DataError: a row is unusable and `on_bad_rows` is `fail`.
    """
    tag = raw.table[TAG].strip().nullif("")
    table = raw.table.mutate(**{_VALUE: tag})
    validated = _validate(table, TAG, [(tag.isnull(), NO_TAG)], items, users, config, engine)
    _refuse(validated, set(validated.counts) - {NO_TAG, NO_USER}, raw, config, engine)
    return validated


def unusable_rows(validated: ValidatedRows, engine: Engine) -> pa.Table:
    """The unusable rows, in an order that does not depend on the engine."""
    if not validated.counts:  # the source need not be read again
        return engine.arrow(validated.unusable.limit(0))
    columns = [validated.unusable[name] for name in validated.unusable.columns]
    return engine.arrow(validated.unusable.order_by(columns))


def _validate(
    table: ibis.Table,
    name: str,
    reasons: Reasons,
    items: pd.DataFrame,
    users: pd.DataFrame | None,
    config: ReadConfig,
    engine: Engine,
) -> ValidatedRows:
    """Validate rows whose converted value is in the column `_value`."""
    source = [column for column in table.columns if column not in (_VALUE, EXCLUDED, SOURCE_ROW)]
    time = _seconds(table, config.time_format, engine)
    given = table[TIMESTAMP].notnull() if TIMESTAMP in source else ibis.literal(False)
    no_id = table[USER_ID].isnull() | table[ITEM_ID].isnull()
    reasons = [(no_id, NO_ID), *reasons, (given & time.isnull(), no_time(config.time_format))]
    reason = _first(reasons)
    if EXCLUDED in table.columns:
        reason = ibis.coalesce(table[EXCLUDED], reason)
    rows = table.mutate(**{REASON: reason, "_time": time})
    rows = _with_known(rows, items, users, engine)
    unknown = _first([(rows[ITEM_IDX].isnull(), NO_ITEM), (~rows[_KNOWN], NO_USER)])
    rows = rows.mutate(**{REASON: ibis.coalesce(rows[REASON], unknown)})
    kept = {name: rows[_VALUE], TIMESTAMP: rows["_time"]}
    if SOURCE_ROW in table.columns:
        kept[SOURCE_ROW] = rows[SOURCE_ROW]
    # a number for the reason: a text, even null, takes as much memory as the rest of a row
    known = [*_COLUMN, no_time(config.time_format), *_left_out(table, engine)]
    kept[_CODE] = _code(rows[REASON], known)
    held = engine.cache(rows.select(USER_ID, ITEM_IDX, **kept))
    counts = _counts(held, known, engine)
    read = counts.pop("", 0) + sum(counts.values())
    usable = held.filter(held[_CODE] == 0).drop(_CODE)
    unusable = rows.filter(rows[REASON].notnull()).select(*source, REASON)
    return ValidatedRows(usable, read, counts, unusable)


def no_time(time_format: str) -> str:
    """Reason for a timestamp that cannot be read."""
    return _TIME_FORMATS.get(time_format, f"timestamp is not a date like {time_format}")


def observed_scale(raw: RawRows, config: ReadConfig, engine: Engine) -> tuple[float, float]:
    """Smallest and largest rating of a table as read.

    Raises:
        DataError: no rating is a number.
    """
    rating = _number(raw.table[RATING], config.decimal, engine)
    numbers = raw.table.select(_rating=rating).filter(lambda table: ~table["_rating"].isnan())
    found = engine.arrow(numbers.agg(low=numbers["_rating"].min(), high=numbers["_rating"].max()))
    low, high = found.to_pylist()[0].values()
    if low is None:
        raise DataError(f"{raw.file.path}: no rating is a number")
    return low, high


def _number(column: ibis.ir.StringValue, decimal: str, engine: Engine) -> ibis.ir.FloatingValue:
    return engine.float(column if decimal == "." else column.replace(decimal, "."))


def _seconds(table: ibis.Table, time_format: str, engine: Engine) -> ibis.ir.IntegerValue:
    """Unix seconds, null for what cannot be read; dates without a zone are UTC."""
    if TIMESTAMP not in table.columns:
        return ibis.null("int64")
    text = table[TIMESTAMP]
    if time_format == "milliseconds":
        return engine.whole((engine.float(text) / 1000).floor())
    if time_format == "auto":
        return ibis.coalesce(engine.whole(engine.float(text)), engine.seconds(text))
    return engine.seconds(text, time_format)


def _first(reasons: Sequence[tuple[ibis.ir.BooleanValue, str]]) -> ibis.ir.StringValue:
    """The first reason that applies, or null."""
    return ibis.cases(*reasons, else_=ibis.null("string"))


def _left_out(table: ibis.Table, engine: Engine) -> list[str]:
    """Reasons of the reader to exclude rows that are not wrong."""
    if EXCLUDED not in table.columns:
        return []
    found = engine.arrow(table.select(EXCLUDED).distinct())[EXCLUDED].to_pylist()
    return sorted(reason for reason in found if reason is not None)


def _code(reason: ibis.ir.StringValue, known: Sequence[str]) -> ibis.ir.IntegerValue:
    """0 for no reason, else its place in `known` from 1."""
    cases = [(reason == text, place) for place, text in enumerate(known, start=1)]
    return ibis.cases(*cases, else_=0).cast("int8")


def _with_known(
    rows: ibis.Table, items: pd.DataFrame, users: pd.DataFrame | None, engine: Engine
) -> ibis.Table:
    """Add `item_idx`, null for an unknown movie, and `_known`, false for an unknown user."""
    rows = rows.left_join(_small(items[[ITEM_ID, ITEM_IDX]], engine), ITEM_ID)
    rows = rows.drop(f"{ITEM_ID}_right")
    if users is None:
        return rows.mutate(**{_KNOWN: ibis.literal(True)})
    known = _small(users[[USER_ID]].assign(**{_KNOWN: True}), engine)
    rows = rows.left_join(known, USER_ID).drop(f"{USER_ID}_right")
    return rows.mutate(**{_KNOWN: rows[_KNOWN].fill_null(False)})


def _counts(held: ibis.Table, known: Sequence[str], engine: Engine) -> dict[str, int]:
    """Number of rows per reason, "" for the usable ones."""
    counted = engine.arrow(held.group_by(_CODE).agg(n=held.count())).to_pylist()
    names = ["", *known]
    return dict(sorted((names[row[_CODE]], row["n"]) for row in counted))


def _refuse(
    validated: ValidatedRows, faults: set[str], raw: RawRows, config: ReadConfig, engine: Engine
) -> None:
    """Raise a DataError that names the first bad row, its fault and the remedy."""
    if not faults or config.on_bad_rows == "drop":
        return
    bad = validated.unusable.filter(validated.unusable[REASON].isin(sorted(faults)))
    examples = engine.arrow(bad.limit(_EXAMPLES))
    columns = [name for name in examples.column_names if name != REASON]
    rows = {tuple(row[c] or "" for c in columns): row[REASON] for row in examples.to_pylist()}
    where, values = raw.file.locate(rows, columns)
    reason = rows[values]
    column = _COLUMN.get(reason, TIMESTAMP)
    total = ", ".join(f"{name}: {n}" for name, n in validated.counts.items())
    raise DataError(
        f"{where}, column {raw.file.label(column)}: '{values[columns.index(column)]}': {reason} "
        f"({total}; of {validated.read} rows). Correct the file, or set read.on_bad_rows to drop"
    )


REPEATED = "same user and movie again (the last by time is kept; at equal times the higher rating)"


def rated_by(validated: ValidatedRows, engine: Engine) -> list[str]:
    """Ids of the users with a usable rating, in no particular order."""
    return engine.arrow(validated.usable.select(USER_ID).distinct())[USER_ID].to_pylist()


def interactions(
    validated: ValidatedRows, users: pd.DataFrame, engine: Engine
) -> tuple[ibis.Table, ibis.Table]:
    """The canonical ratings, the last of each user and movie, and the same with those before.

    Both have the number of each row in the source as a last column `source_row`.
    """
    rows = _with_user_idx(validated.usable, users, engine)
    columns = [*INTERACTION_DTYPES, *({SOURCE_ROW} & set(rows.columns))]
    numbered = engine.cache(rows.select(columns).cast({RATING: "float32"}))
    last_first = [ibis.desc(TIMESTAMP, nulls_first=False), ibis.desc(RATING)]
    last_first += columns[len(INTERACTION_DTYPES) :]
    window = ibis.window(group_by=[USER_IDX, ITEM_IDX], order_by=last_first)
    place = ibis.row_number().over(window)
    last = numbered.mutate(_place=place).filter(lambda rows: rows["_place"] == 0)
    return last.drop("_place"), numbered


def tags(validated: ValidatedRows, users: pd.DataFrame, engine: Engine) -> ibis.Table:
    """The canonical tags."""
    rows = _with_user_idx(validated.usable, users, engine)
    return engine.cache(rows.select(USER_IDX, ITEM_IDX, TAG, TIMESTAMP))


def _with_user_idx(rows: ibis.Table, users: pd.DataFrame, engine: Engine) -> ibis.Table:
    return rows.inner_join(_small(users[[USER_ID, USER_IDX]], engine), USER_ID)


def _small(frame: pd.DataFrame, engine: Engine) -> ibis.Table:
    return engine.table(pa.Table.from_pandas(frame, preserve_index=False))
