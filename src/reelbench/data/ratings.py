"""The two large tables with dense indices: repeated pairs resolved, rows in one fixed order."""

from __future__ import annotations

import ibis
import pandas as pd
import pyarrow as pa

from reelbench.columns import ITEM_IDX, RATING, SOURCE_ROW, TAG, TIMESTAMP, USER_ID, USER_IDX
from reelbench.data.engine import Engine
from reelbench.data.judge import Judged

_PAIR = [USER_IDX, ITEM_IDX]
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
    rating = rows[RATING].cast("float32")
    rows = rows.select(USER_IDX, ITEM_IDX, TIMESTAMP, SOURCE_ROW, **{RATING: rating})
    order = [USER_IDX, ibis.asc(TIMESTAMP, nulls_first=True), ITEM_IDX]
    columns = [USER_IDX, ITEM_IDX, RATING, TIMESTAMP, SOURCE_ROW]
    kept = _without_repeated(rows, engine).select(columns)
    return engine.arrow(kept.order_by(order))


def _without_repeated(rows: ibis.Table, engine: Engine) -> ibis.Table:
    """The last of each pair's rows.

    Only the pairs that come more than once are put in order: they are few, and ordering all pairs
    takes ten times as long as finding out which these are.
    """
    counted = rows.group_by(_PAIR).agg(n=rows.count())
    repeated = engine.cache(counted.filter(counted.n > 1).select(_PAIR))
    again = rows.semi_join(repeated, _PAIR)
    latest_first = ibis.window(
        group_by=_PAIR,
        order_by=[ibis.desc(TIMESTAMP, nulls_first=False), ibis.desc(RATING)],
    )
    again = again.mutate(_place=ibis.row_number().over(latest_first))
    last = again.filter(again["_place"] == 0).drop("_place")
    return ibis.union(rows.anti_join(repeated, _PAIR), last)


def tags_table(judged: Judged, users: pd.DataFrame, engine: Engine) -> pa.Table:
    """The canonical table `tags`, sorted by user, movie, time and tag."""
    rows = _with_user_idx(judged.usable, users).select(USER_IDX, ITEM_IDX, TAG, TIMESTAMP)
    order = [USER_IDX, ITEM_IDX, ibis.asc(TIMESTAMP, nulls_first=True), TAG]
    return engine.arrow(rows.order_by(order))


def _with_user_idx(rows: ibis.Table, users: pd.DataFrame) -> ibis.Table:
    return rows.inner_join(ibis.memtable(users[[USER_ID, USER_IDX]]), USER_ID)
