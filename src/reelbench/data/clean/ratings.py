"""Ratings and tags: validated row by row, then numbered, without repeated pairs, in a fixed order.

Every row of the source is either usable or counted under one reason.
"""

from collections import Counter
from dataclasses import dataclass

import ibis
import pandas as pd
import pyarrow as pa

from reelbench import columns as col
from reelbench.data import DataError
from reelbench.data.clean.times import Reasons, as_number, times
from reelbench.data.engine import Engine
from reelbench.data.readers import RawRows, ReadConfig, alike

NO_ID = "no user or movie"
NO_NUMBER = "rating is not a number"
OFF_SCALE = "rating is off the scale"
NO_ITEM = "movie is not in the catalogue"
NO_USER = "user is not in the catalogue"
NO_TAG = "tag is empty"

# the column to look at for each reason; for others it is the time
_COLUMN = {
    NO_NUMBER: col.RATING,
    OFF_SCALE: col.RATING,
    NO_ITEM: col.ITEM_ID,
    NO_USER: col.USER_ID,
    NO_TAG: col.TAG,
}
# other names in a source are not ours
_OURS = (col.USER_ID, col.ITEM_ID, col.RATING, col.TAG, col.TIMESTAMP)
_EXAMPLES = 1000  # bad rows looked for in the file to find the first of them


@dataclass(frozen=True)
class ValidatedRows:
    """The rows of one table, validated."""

    #: `user_id` string, `item_idx` int32, `timestamp` int64 (null where missing) and `rating`
    #: float64 or `tag` string; where the engine knows it, `source_row` int64
    usable: ibis.Table
    users: list[str]  # ids of the users with a usable row, in no particular order
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
    """Find the usable ratings of known users and canonical items.

    `users` are as read; None where the source has none, so that no user is unknown. A row that is
    unusable where `on_bad_rows` is `fail` is a DataError.
    """
    rating = as_number(raw.table[col.RATING], raw.decimal or config.decimal, engine)
    low, high = scale(config)
    outside = (rating < low) | (rating > high)
    reasons = [(rating.isnull() | rating.isnan(), NO_NUMBER), (outside, OFF_SCALE)]
    left_out: set[str] = set()  # by the reader; such rows are not wrong
    if raw.excludes:
        left_out.update(engine.arrow(raw.table.select(col.EXCLUDED).distinct())[0].to_pylist())
    value = rating.name(col.RATING)
    return _validate(raw, value, reasons, left_out, items, users, config, engine)


def implicit(config: ReadConfig) -> bool:
    """Whether the source has no ratings, so that each of its rows counts as 1."""
    columns = config.tables.ratings.columns if config.tables else {}
    return columns.get(col.RATING, "") is None


def scale(config: ReadConfig) -> tuple[float, float]:
    """Smallest and largest rating; 1 and 1 of a source without ratings."""
    return (1, 1) if implicit(config) else (config.rating_min, config.rating_max)


def validate_tags(
    raw: RawRows, items: pd.DataFrame, users: pd.DataFrame, config: ReadConfig, engine: Engine
) -> ValidatedRows:
    """Find the usable tags, likewise, with canonical users.

    An empty tag, or one of a user without ratings, is counted but is not an error.
    """
    tag = raw.table[col.TAG].strip().nullif("").name(col.TAG)
    reasons, harmless = [(tag.isnull(), NO_TAG)], {NO_TAG, NO_USER}
    return _validate(raw, tag, reasons, harmless, items, users, config, engine)


def unusable_rows(validated: ValidatedRows, engine: Engine) -> pa.Table:
    """The unusable rows, in an order that does not depend on the engine."""
    if not validated.counts:  # the source need not be read again
        return engine.arrow(validated.unusable.limit(0))
    columns = [validated.unusable[name] for name in validated.unusable.columns]
    return engine.arrow(validated.unusable.order_by(columns))


def _validate(
    raw: RawRows,
    value: ibis.ir.Value,
    reasons: Reasons,
    harmless: set[str],
    items: pd.DataFrame,
    users: pd.DataFrame | None,
    config: ReadConfig,
    engine: Engine,
) -> ValidatedRows:
    """Validate rows with a converted `value`; of several reasons the first counts.

    A row that is unusable for another reason than the `harmless` ones is a DataError, unless such
    rows are to be dropped.
    """
    table = raw.table
    source = [column for column in table.columns if column in _OURS]
    seconds, no_times = times(raw, config, engine)
    time = seconds.name(col.TIMESTAMP)
    no_id = table[col.USER_ID].isnull() | table[col.ITEM_ID].isnull()
    reasons = [(no_id, NO_ID), *reasons, *no_times]
    reason = ibis.cases(*reasons, else_=ibis.null("string"))
    if raw.excludes:
        reason = ibis.coalesce(table[col.EXCLUDED], reason)
    known_items = _small(items[[col.ITEM_ID, col.ITEM_IDX]], engine)
    ids = None if users is None else users[[col.USER_ID]].assign(_known=True)
    known_users = None if ids is None else _small(ids, engine)

    def with_known(rows: ibis.Table) -> ibis.Table:
        """Add `item_idx`, null for an unknown movie, and what is unknown to the reasons."""
        rows = rows.left_join(known_items, col.ITEM_ID).drop(f"{col.ITEM_ID}_right")
        unknown = [(rows[col.ITEM_IDX].isnull(), NO_ITEM)]
        if known_users is not None:
            rows = rows.left_join(known_users, col.USER_ID).drop(f"{col.USER_ID}_right")
            unknown = [(rows[col.ITEM_IDX].isnull(), NO_ITEM), (rows["_known"].isnull(), NO_USER)]
        found = ibis.cases(*unknown, else_=ibis.null("string"))
        return rows.mutate(**{col.REASON: ibis.coalesce(rows[col.REASON], found)})

    held = table.select(col.USER_ID, col.ITEM_ID, value, time, reason.name(col.REASON))
    rows = with_known(engine.numbered(held))
    fine = rows[col.REASON].isnull()
    user = ibis.ifelse(fine, rows[col.USER_ID], ibis.null("string"))
    groups = rows.group_by(user.name("user"), rows[col.REASON]).agg(n=rows.count())
    counted = engine.arrow(groups)
    counts: Counter[str] = Counter()
    for why, n in zip(counted[col.REASON].to_pylist(), counted["n"].to_pylist(), strict=True):
        counts[why or ""] += n
    read = counts.total()
    del counts[""]
    kept = [name for name in rows.columns if name not in (col.ITEM_ID, col.REASON, "_known")]
    whole = with_known(table.select(*source, reason.name(col.REASON)))
    unusable = whole.filter(whole[col.REASON].notnull()).select(*source, col.REASON)
    known_rows = rows.filter(fine).select(kept), counted["user"].drop_null().to_pylist()
    validated = ValidatedRows(*known_rows, read, dict(sorted(counts.items())), unusable)
    if (faults := counts.keys() - harmless) and config.on_bad_rows == "fail":
        bad = unusable.filter(unusable[col.REASON].isin(sorted(faults)))
        examples = engine.arrow(bad.limit(_EXAMPLES))
        raise DataError(_explain(validated, examples, raw, items))
    return validated


def observed_scale(raw: RawRows, config: ReadConfig, engine: Engine) -> tuple[float, float]:
    """Smallest and largest rating of a table as read; a DataError if none is a number."""
    rating = as_number(raw.table[col.RATING], raw.decimal or config.decimal, engine)
    numbers = raw.table.select(_rating=rating).filter(lambda table: ~table["_rating"].isnan())
    found = engine.arrow(numbers.agg(low=numbers["_rating"].min(), high=numbers["_rating"].max()))
    low, high = found.to_pylist()[0].values()
    if low is None:
        raise DataError(f"{raw.file.path}: no rating is a number")
    return low, high


def _explain(
    validated: ValidatedRows, examples: pa.Table, raw: RawRows, items: pd.DataFrame
) -> str:
    columns = [name for name in examples.column_names if name != col.REASON]
    bad = examples.to_pylist()
    rows = {tuple(row[name] or "" for name in columns): row[col.REASON] for row in bad}
    where, values = raw.file.locate(rows, columns)
    reason = rows[values]
    empty = [c for c in (col.USER_ID, col.ITEM_ID) if not values[columns.index(c)]]
    column = empty[0] if reason == NO_ID else _COLUMN.get(reason, col.TIMESTAMP)
    total = ", ".join(f"{name}: {n}" for name, n in validated.counts.items())
    hint = alike(values[columns.index(col.ITEM_ID)], items[col.ITEM_ID]) * (reason == NO_ITEM)
    return (
        f"{where}, column {raw.file.label(column)}: '{values[columns.index(column)]}': {reason} "
        f"({total}; of {validated.read} rows). Correct the file, or set read.on_bad_rows to drop"
        f"{hint}"
    )


REPEATED = "same user and movie again (the last by time is kept; at equal times the higher rating)"


def interactions(
    validated: ValidatedRows, users: pd.DataFrame, engine: Engine
) -> tuple[ibis.Table, ibis.Table]:
    """The canonical ratings, the last of each user and movie, and the same with those before.

    Both have the number of each row in the source as a last column `source_row`.
    """
    rows = _with_user_idx(validated.usable, users, engine)
    columns = [*col.INTERACTION_DTYPES, *({col.SOURCE_ROW} & set(rows.columns))]
    numbered = engine.cache(rows.select(columns).cast({col.RATING: "float32"}))
    last_first = [ibis.desc(col.TIMESTAMP, nulls_first=False), ibis.desc(col.RATING)]
    last_first += columns[len(col.INTERACTION_DTYPES) :]
    window = ibis.window(group_by=[col.USER_IDX, col.ITEM_IDX], order_by=last_first)
    place = ibis.row_number().over(window)
    last = numbered.mutate(_place=place).filter(lambda rows: rows["_place"] == 0)
    return last.drop("_place"), numbered


def tags(validated: ValidatedRows, users: pd.DataFrame, engine: Engine) -> ibis.Table:
    """The canonical tags."""
    rows = _with_user_idx(validated.usable, users, engine)
    return engine.cache(rows.select(col.USER_IDX, col.ITEM_IDX, col.TAG, col.TIMESTAMP))


def _with_user_idx(rows: ibis.Table, users: pd.DataFrame, engine: Engine) -> ibis.Table:
    return rows.inner_join(_small(users[[col.USER_ID, col.USER_IDX]], engine), col.USER_ID)


def _small(frame: pd.DataFrame, engine: Engine) -> ibis.Table:
    return engine.table(pa.Table.from_pandas(frame, preserve_index=False))
