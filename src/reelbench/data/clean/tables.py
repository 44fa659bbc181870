"""From published tables to the four canonical ones, with an account of every row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reelbench.columns import (
    ITEM_ID,
    ITEM_IDX,
    SOURCE_ROW,
    TAG,
    TIMESTAMP,
    USER_ID,
    USER_IDX,
    YEAR,
)
from reelbench.data import DataError, schema
from reelbench.data.clean import ratings
from reelbench.data.clean.items import Kept, items_table, keep_usable, users_table
from reelbench.data.clean.ratings import ValidatedRows
from reelbench.data.engine import Engine
from reelbench.data.readers import RawTables, ReadConfig

_NO_TAGS = pa.schema(
    [
        (USER_IDX, pa.int32()),
        (ITEM_IDX, pa.int32()),
        (TAG, pa.string()),
        (TIMESTAMP, pa.int64()),
    ]
)


@dataclass(frozen=True)
class Canonical:
    """The content of data/clean.

    Attributes:
        tables: interactions, items, users, tags.
        counts: rows read, rows dropped per reason, and rows written, per table.
        dropped: unusable rows of the source, with the reason, by table.
        source_row: int64, row number of each rating in the source, from 0. Not a column, so that
            the table does not depend on the order of the source.
    """

    tables: dict[str, pa.Table]
    counts: dict[str, Any]
    dropped: dict[str, pa.Table]
    source_row: np.ndarray


def canonical(raw: RawTables, config: ReadConfig, engine: Engine) -> Canonical:
    """Validate, number and sort the rows of a data set.

    Raises:
        DataError: a row is unusable and `on_bad_rows` is `fail`, or no rating is usable.
    """
    movies = keep_usable(raw.items, ITEM_ID, config)
    people = keep_usable(raw.users, USER_ID, config) if raw.users else None
    items = items_table(movies.frame, config)
    known = people.frame if people else None
    validated = ratings.validate_ratings(raw.interactions, items, known, config, engine)
    users = users_table(known, ratings.rated_by(validated, engine))
    interactions = ratings.interactions_table(validated, users, engine)
    if not len(interactions):
        raise DataError(f"{raw.interactions.file.path}: no rating in it is usable")
    counts = {
        "interactions": _account(validated, len(interactions)),
        "items": _account_of_small(movies, items) | _about_items(movies, items, interactions),
        "users": _account_of_small(people, users),
        "tags": {"read": 0, "dropped": {}, "written": 0},
    }
    dropped = {"interactions": ratings.unusable_rows(validated, engine)}
    dropped["items"] = _text(movies.dropped)
    if people:
        dropped["users"] = _text(people.dropped)
    tags = _NO_TAGS.empty_table()
    if raw.tags:
        validated_tags = ratings.validate_tags(raw.tags, items, users, config, engine)
        tags = ratings.tags_table(validated_tags, users, engine)
        counts["tags"] = _account(validated_tags, len(tags))
        dropped["tags"] = ratings.unusable_rows(validated_tags, engine)
    source_row = interactions[SOURCE_ROW].to_numpy()
    tables = {"interactions": interactions.drop_columns(SOURCE_ROW), "tags": tags}
    tables |= {"items": schema.to_arrow(items), "users": schema.to_arrow(users)}
    return Canonical(tables, counts, dropped, source_row)


def describe(tables: dict[str, pa.Table], config: ReadConfig) -> dict[str, Any]:
    """Content of `paths.CATALOGUE`: sizes, the rating scale, and whether all ratings have times."""
    return {
        "n_users": len(tables["users"]),
        "n_items": len(tables["items"]),
        "rating_min": config.rating_min,
        "rating_max": config.rating_max,
        "has_timestamps": tables["interactions"][TIMESTAMP].null_count == 0,
    }


def _account(validated: ValidatedRows, written: int) -> dict[str, Any]:
    repeated = validated.n_usable - written
    dropped = validated.counts | ({ratings.REPEATED: repeated} if repeated else {})
    return {"read": validated.read, "dropped": dropped, "written": written}


def _account_of_small(kept: Kept | None, written: pd.DataFrame) -> dict[str, Any]:
    counts = kept.counts if kept else {}
    return {
        "read": len(written) + sum(counts.values()),
        "dropped": counts,
        "written": len(written),
    }


def _about_items(kept: Kept, items: pd.DataFrame, interactions: pa.Table) -> dict[str, int]:
    own = int(kept.frame[YEAR].notna().sum()) if YEAR in kept.frame else 0
    known = int(items[YEAR].notna().sum())
    rated = pc.count_distinct(interactions[ITEM_IDX]).as_py()
    return {
        "year_from_column": own,
        "year_from_title": known - own,
        "year_unknown": len(items) - known,
        "without_rating": len(items) - rated,
    }


def _text(frame: pd.DataFrame) -> pa.Table:
    """A small table as text, with lists in Python's notation."""
    text = frame.astype("str").where(frame.notna(), None)
    return pa.Table.from_pandas(text, preserve_index=False).replace_schema_metadata()
