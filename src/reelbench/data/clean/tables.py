"""From published tables to the four canonical ones, with an account of every row."""

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from reelbench.columns import ITEM_ID, ITEM_IDX, TAG, TIMESTAMP, USER_ID, USER_IDX, YEAR
from reelbench.data import DataError, schema
from reelbench.data.clean import ratings
from reelbench.data.clean.filters import FilterConfig, Tables, filtered
from reelbench.data.clean.items import Kept, items_table, keep_usable, untitled, users_table
from reelbench.data.clean.ratings import ValidatedRows
from reelbench.data.engine import Engine
from reelbench.data.parquet import Stored
from reelbench.data.readers import RawTables, ReadConfig

_LOG = logging.getLogger(__name__)

_NO_TAGS = schema.to_arrow(pd.DataFrame(columns=[USER_IDX, ITEM_IDX, TAG, TIMESTAMP]))
# by which rows are sorted; no two rows of ratings, and no two different tags, have the same key
RATING_ORDER = (USER_IDX, TIMESTAMP, ITEM_IDX)
TAG_ORDER = (USER_IDX, ITEM_IDX, TIMESTAMP, TAG)


@dataclass(frozen=True)
class Canonical:
    """The content of data/clean."""

    small: dict[str, pa.Table]  # items and users
    #: interactions, by user, time (missing first) and movie; and tags, by user, movie, time and
    #: tag. In temporary files of the engine, gone with it.
    large: dict[str, Stored]
    counts: dict[str, Any]  # rows read, rows dropped per reason, and rows written, per table
    dropped: dict[str, pa.Table]  # unusable rows of the source, with the reason, by table

    @property
    def tables(self) -> dict[str, pa.Table]:
        """All four tables, in memory."""
        return {name: table.read() for name, table in self.large.items()} | self.small

    @property
    def source_row(self) -> np.ndarray:
        """int64 (n,): row number of each rating in the source, from 0.

        Not a column, so that the table does not depend on the order of the source.
        """
        file = self.large["interactions"].source_row
        return np.load(file) if file else np.empty(0, np.int64)


def canonical(
    raw: RawTables, config: ReadConfig, engine: Engine, keep: FilterConfig | None = None
) -> Canonical:
    """Validate, filter, number and sort the rows of a data set.

    A DataError if a row is unusable and `on_bad_rows` is `fail`, or if no rating is usable or kept.
    """
    movies = keep_usable(raw.items, ITEM_ID, config)
    people = keep_usable(raw.users, USER_ID, config) if raw.users else None
    items = items_table(movies.frame, config)
    known = people.frame if people else None
    validated = ratings.validate_ratings(raw.interactions, items, known, config, engine)
    users = users_table(known, validated.users)
    if not validated.n_usable:
        why = ", ".join(f"{reason}: {n}" for reason, n in validated.counts.items())
        wrong = f"no rating in it is usable ({why or 'it has no rows'})"
        raise DataError(f"{raw.interactions.file.path}: {wrong}")
    counts: dict[str, Any] = {
        "interactions": {},
        "items": _account_of_small(movies, items),
        "users": _account_of_small(people, users),
        "tags": {"read": 0, "dropped": {}},
    }
    dropped = {"interactions": ratings.unusable_rows(validated, engine)}
    dropped["items"] = _text(movies.dropped)
    if people:
        dropped["users"] = _text(people.dropped)
    tags = engine.table(_NO_TAGS)
    if raw.tags:
        validated_tags = ratings.validate_tags(raw.tags, items, users, config, engine)
        tags = ratings.tags(validated_tags, users, engine)
        counts["tags"] = _account(validated_tags, validated_tags.n_usable)
        dropped["tags"] = ratings.unusable_rows(validated_tags, engine)
    rows, users_of = ratings.interactions(validated, users, engine)
    tables = Tables(rows, tags, schema.to_arrow(items), schema.to_arrow(users))
    told = None
    if keep and keep.active:
        told = filtered(replace(tables, ratings=engine.cache(rows)), keep, engine)
        tables, users_of = told.tables, told.tables.ratings
    large = {
        "interactions": engine.store(tables.ratings, RATING_ORDER, users_of)[0],
        "tags": engine.store(tables.tags, TAG_ORDER, tables.tags)[0],
    }
    small = {"items": tables.items, "users": tables.users}
    n_written = len(large["interactions"])
    rated = engine.number(engine.parquet(large["interactions"].file)[ITEM_IDX].nunique())
    with_year = int(items[YEAR].notna().sum())
    own_year = int(movies.frame[YEAR].notna().sum()) if YEAR in movies.frame else 0
    if n_untitled := int(untitled(movies.frame).sum()):
        counts["items"]["title_from_id"] = n_untitled
    counts["items"] |= {
        "year_from_column": own_year,
        "year_from_title": with_year - own_year,
        "year_unknown": len(items) - with_year,
        "without_rating": len(tables.items) - rated,
    }
    counts["interactions"] = _account(validated, told.n_ratings if told else n_written)
    for name in ("items", "users"):
        for column, n in counts[name].get("not_clean", {}).items():
            _LOG.warning("%s: %d values of %s are not clean, and so missing", name, n, column)
    for name, table in (large | small).items():
        counts[name]["written"] = len(table)
        if told:
            counts[name]["dropped"] |= told.dropped[name]
    if told:
        counts["interactions"]["filter"] = told.account
    return Canonical(small, large, counts, dropped)


def describe(full: Canonical, config: ReadConfig, engine: Engine) -> dict[str, Any]:
    """Content of `paths.CATALOGUE`: sizes, the rating scale, and whether all ratings have times.

    `implicit` is there, and true, where the source has no ratings.
    """
    time = engine.parquet(full.large["interactions"].file)[TIMESTAMP]
    low, high = ratings.scale(config)
    return {
        "n_users": len(full.small["users"]),
        "n_items": len(full.small["items"]),
        "rating_min": low,
        "rating_max": high,
        "has_timestamps": engine.number(time.isnull().any()) == 0,
        **({"implicit": True} if ratings.implicit(config) else {}),
    }


def _account(validated: ValidatedRows, different: int) -> dict[str, Any]:
    """Rows read and dropped, where `different` of the usable rows are not repetitions."""
    repeated = validated.n_usable - different
    dropped = validated.counts | ({ratings.REPEATED: repeated} if repeated else {})
    return {"read": validated.read, "dropped": dropped}


def _account_of_small(kept: Kept | None, usable: pd.DataFrame) -> dict[str, Any]:
    counts = kept.counts if kept else {}
    account = {"read": len(usable) + sum(counts.values()), "dropped": counts}
    return account | ({"not_clean": kept.not_clean} if kept and kept.not_clean else {})


def _text(frame: pd.DataFrame) -> pa.Table:
    """A small table as text, with lists in Python's notation."""
    text = frame.astype("str").where(frame.notna(), None)
    return pa.Table.from_pandas(text, preserve_index=False).replace_schema_metadata()
