"""From tables as published to the four canonical ones, with an account of every row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reelbench.columns import ITEM_IDX, SOURCE_ROW, TAG, TIMESTAMP, USER_IDX, YEAR
from reelbench.data import judge, ratings, schema
from reelbench.data.catalogue import items_table, users_table
from reelbench.data.engine import Engine
from reelbench.data.errors import DataError
from reelbench.data.judge import Judged
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
    """What the stage `clean` writes.

    Attributes:
        tables: interactions, items, users, tags.
        counts: rows read, rows dropped per reason, and rows written, per table.
        dropped: rows of the source that could not be used, by table; with the reason.
        source_row: int64, the place of each row of `interactions` in the source, from 0. Not a
            column, so that the table is the same whatever the order of the source.
    """

    tables: dict[str, pa.Table]
    counts: dict[str, Any]
    dropped: dict[str, pa.Table]
    source_row: np.ndarray


def canonical(raw: RawTables, config: ReadConfig, engine: Engine) -> Canonical:
    """Judge, number and sort the rows of a data set.

    Raises:
        DataError: something is wrong with them, or no rating is left.
    """
    items = items_table(raw.items, config)
    judged = judge.judge_ratings(raw.interactions, items, raw.users, config, engine)
    users = users_table(raw.users, ratings.rated_by(judged, engine))
    interactions = ratings.interactions_table(judged, users, engine)
    if not len(interactions):
        raise DataError(f"{raw.interactions.file.path}: there is no rating in it that can be used")
    counts = {
        "interactions": _account(judged, len(interactions)),
        "items": _account_of_items(raw.items, items, interactions),
        "users": {"read": len(users), "dropped": {}, "written": len(users)},
        "tags": {"read": 0, "dropped": {}, "written": 0},
    }
    dropped = {"interactions": judge.unusable_rows(judged, engine)}
    tags = _NO_TAGS.empty_table()
    if raw.tags:
        judged_tags = judge.judge_tags(raw.tags, items, users, config, engine)
        tags = ratings.tags_table(judged_tags, users, engine)
        counts["tags"] = _account(judged_tags, len(tags))
        dropped["tags"] = judge.unusable_rows(judged_tags, engine)
    source_row = interactions[SOURCE_ROW].to_numpy()
    tables = {"interactions": interactions.drop_columns(SOURCE_ROW), "tags": tags}
    tables |= {"items": schema.to_arrow(items), "users": schema.to_arrow(users)}
    return Canonical(tables, counts, dropped, source_row)


def describe(tables: dict[str, pa.Table], config: ReadConfig) -> dict[str, Any]:
    """Sizes of the catalogue, the declared rating scale, and whether every rating has a time."""
    return {
        "n_users": len(tables["users"]),
        "n_items": len(tables["items"]),
        "rating_min": config.rating_min,
        "rating_max": config.rating_max,
        "has_timestamps": tables["interactions"][TIMESTAMP].null_count == 0,
    }


def _account(judged: Judged, written: int) -> dict[str, Any]:
    repeated = {ratings.REPEATED: judged.n_usable - written} if judged.n_usable > written else {}
    return {"read": judged.read, "dropped": judged.counts | repeated, "written": written}


def _account_of_items(
    raw: pd.DataFrame, items: pd.DataFrame, interactions: pa.Table
) -> dict[str, Any]:
    own = int(raw[YEAR].notna().sum()) if YEAR in raw else 0
    known = int(items[YEAR].notna().sum())
    rated = pc.count_distinct(interactions[ITEM_IDX]).as_py()
    return {
        "read": len(raw),
        "dropped": {},
        "written": len(items),
        "year_from_column": own,
        "year_from_title": known - own,
        "year_unknown": len(items) - known,
        "without_rating": len(items) - rated,
    }
