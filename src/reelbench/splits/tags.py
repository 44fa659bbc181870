"""The tags that features may use: none of held-out pairs, times and users."""

from collections.abc import Mapping
from typing import TypedDict

import ibis

from reelbench.columns import ITEM_IDX, REASON, TAG, TIMESTAMP, USER_IDX
from reelbench.data.engine import Engine
from reelbench.data.parquet import Stored
from reelbench.splits.base import PARTS, Protocol

HELD_OUT = "on a pair of valid or test"
STRANGER = "of a user of test, who is unknown to train"
LATE = "not earlier than the first rating held out"
_FROM = "_from"


class TagCounts(TypedDict):
    """Number of tags read, dropped per reason, and written."""

    read: int
    dropped: dict[str, int]
    written: int


def known_tags(
    tags: ibis.Table, parts: Mapping[str, Stored], config: Protocol, engine: Engine
) -> tuple[Stored, TagCounts]:
    """Leave out the tags that would reveal valid or test.

    These are the tags on a held-out pair of user and movie and, where the protocol respects time,
    those not earlier than the first rating held out: of the same user (clock `user`), or of anyone
    (clock `everybody`). A tag without a time counts as late then. Where users of test are unknown
    to train, all of their tags are left out.

    Args:
        tags: canonical tags.
        parts: what `divide` returned.
        config: the protocol, for its clock.
        engine: holds the tags.

    Returns:
        Rows sorted by user, movie, time (missing first) and tag; and their counts.
    """
    held_out = ibis.union(*(engine.parquet(parts[name].file) for name in PARTS[1:]))
    pairs = held_out.select(USER_IDX, ITEM_IDX).distinct().mutate(_held_out=True)
    rows = tags.left_join(pairs, [USER_IDX, ITEM_IDX]).select(*tags.columns, "_held_out")
    reasons: list[tuple[ibis.ir.BooleanValue, str]] = [(rows["_held_out"].notnull(), HELD_OUT)]
    if "profile" in parts:
        users = engine.parquet(parts["test"].file).select(USER_IDX).distinct()
        rows = rows.left_join(users.mutate(_stranger=True), USER_IDX)
        rows = rows.select(*tags.columns, "_held_out", "_stranger")
        reasons = [(rows["_held_out"].notnull(), HELD_OUT), (rows["_stranger"].notnull(), STRANGER)]
    if config.clock is not None:
        time = held_out[TIMESTAMP].min()
        if config.clock == "user":
            first = held_out.group_by(USER_IDX).agg(**{_FROM: time})
            rows = rows.left_join(first, USER_IDX).select(*rows.columns, _FROM)
        else:
            rows = rows.cross_join(held_out.agg(**{_FROM: time}))
        # null, and so not late, for a user without held-out ratings
        late = (rows[TIMESTAMP] >= rows[_FROM]) | (rows[TIMESTAMP].isnull() & rows[_FROM].notnull())
        reasons = [(rows["_held_out"].notnull(), HELD_OUT), (late, LATE)]
    reason = ibis.cases(*reasons, else_=ibis.null("string"))
    rows = engine.cache(rows.select(*tags.columns, **{REASON: reason}))
    counted = engine.arrow(rows.group_by(REASON).agg(n=rows.count()).order_by(REASON)).to_pylist()
    dropped = {row[REASON]: row["n"] for row in counted if row[REASON] is not None}
    columns = [USER_IDX, ITEM_IDX, TAG, TIMESTAMP]
    order = [USER_IDX, ITEM_IDX, TIMESTAMP, TAG]
    known = engine.store(rows.filter(rows[REASON].isnull()).select(columns), order, rows)[0]
    read = len(known) + sum(dropped.values())
    return known, {"read": read, "dropped": dropped, "written": len(known)}
