"""The two large tables with dense indices: repeated pairs resolved, rows in one fixed order."""

from __future__ import annotations

import ibis
import pandas as pd
import pyarrow as pa

from reelbench.columns import ITEM_IDX, RATING, SOURCE_ROW, TAG, TIMESTAMP, USER_ID, USER_IDX
from reelbench.data.engine import Engine
from reelbench.data.judge import Judged

REPEATED = "same user and movie again (the last by time is kept; at equal times the higher rating)"


def rated_by(judged: Judged, engine: Engine) -> list[str]:
    """Ids of the users with a usable rating, in no order."""
    return engine.arrow(judged.usable.select(USER_ID).distinct())[USER_ID].to_pylist()


def interactions_table(judged: Judged, users: pd.DataFrame, engine: Engine) -> pa.Table:
    """The canonical table `interactions`, one row per user and movie.

    Args:
        judged: ratings.
        users: canonical users.
        engine: where the ratings are.

    Returns:
        Rows sorted by user, time (missing first) and movie; with the number of each row in the
        source as a last column `source_row`.
    """
    rows = _with_user_idx(judged.usable, users)
    latest_first = ibis.window(
        group_by=[USER_IDX, ITEM_IDX],
        order_by=[ibis.desc(TIMESTAMP, nulls_first=False), ibis.desc(RATING)],
    )
    rows = rows.mutate(_place=ibis.row_number().over(latest_first))
    kept = rows.filter(rows["_place"] == 0).mutate(**{RATING: rows[RATING].cast("float32")})
    order = [USER_IDX, ibis.asc(TIMESTAMP, nulls_first=True), ITEM_IDX]
    columns = [USER_IDX, ITEM_IDX, RATING, TIMESTAMP, SOURCE_ROW]
    return engine.arrow(kept.select(columns).order_by(order))


def tags_table(judged: Judged, users: pd.DataFrame, engine: Engine) -> pa.Table:
    """The canonical table `tags`, sorted by user, movie, time and tag."""
    rows = _with_user_idx(judged.usable, users).select(USER_IDX, ITEM_IDX, TAG, TIMESTAMP)
    order = [USER_IDX, ITEM_IDX, ibis.asc(TIMESTAMP, nulls_first=True), TAG]
    return engine.arrow(rows.order_by(order))


def _with_user_idx(rows: ibis.Table, users: pd.DataFrame) -> ibis.Table:
    return rows.inner_join(ibis.memtable(users[[USER_ID, USER_IDX]]), USER_ID)
