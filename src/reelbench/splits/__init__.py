"""Protocols that divide the ratings into train, valid and test.

Every protocol assigns each rating to exactly one part, and the same ratings give the same parts in
whatever order they come. There is one class per method, found by the key `method` of the section
`split`.

    >>> import ibis, numpy as np
    >>> from reelbench.data.engine import DuckDB, DuckDBConfig
    >>> ratings = ibis.memtable(
    ...     {"user_idx": [0, 0, 1, 1], "item_idx": [0, 1, 0, 2],
    ...      "rating": [4.0, 5.0, 3.0, 2.0], "timestamp": [10, 20, 30, 40]}
    ... )
    >>> config = METHODS["temporal_global"](
    ...     name="temporal_global", method="temporal_global", test=0.25, valid=0.25
    ... )
    >>> engine = DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))
    >>> parts = divide(config, SplitInput(ratings, engine, np.random.default_rng(0)))
    >>> {name: part.read()["timestamp"].to_pylist() for name, part in parts.items()}
    {'train': [10, 20], 'valid': [30], 'test': [40]}
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict, get_args

import ibis
import numpy as np
from pydantic import ConfigDict

from reelbench.columns import ITEM_IDX, REASON, TAG, TIMESTAMP, USER_IDX
from reelbench.data import DataError
from reelbench.data.engine import Engine
from reelbench.data.parquet import Stored
from reelbench.params import Section
from reelbench.seeds import generator
from reelbench.splits import predefined, random, temporal
from reelbench.splits.base import PARTS, Protocol, SplitInput

_LOG = logging.getLogger(__name__)

# why a tag is left out
HELD_OUT = "on a pair of valid or test"
STRANGER = "of a user of test, who is unknown to train"
LATE = "not earlier than the first rating held out"
_FROM = "_from"

#: every protocol by the values of its field `method`
METHODS: dict[str, type[Protocol]] = {
    name: protocol
    for module in (temporal, random, predefined)
    for protocol in vars(module).values()
    if isinstance(protocol, type) and issubclass(protocol, Protocol)
    for name in get_args(protocol.model_fields["method"].annotation)
}


class SplitSummary(TypedDict):
    """Content of `paths.SPLIT_COUNTS`, without the tags."""

    name: str
    method: str
    #: by part `rows`, `users`, `items`; `time_min`, `time_max` in Unix seconds, None without times
    parts: dict[str, dict[str, int | None]]
    #: by part its `users` without a row in train or profile, its `items` without one in train;
    #: `rows_of_users`, `rows_of_items`
    cold: dict[str, dict[str, int]]
    leak: str
    #: only of `prequential`: Unix seconds at which models are trained again, ascending
    moments: NotRequired[list[int]]


@dataclass(frozen=True)
class SplitTables:
    """What the stage `split` writes."""

    #: those of the protocol, with the columns of `interactions`; in temporary files of the
    #: engine, gone with it
    parts: dict[str, Stored]
    tags: Stored  # the tags that features may use (see `known_tags`)
    tag_counts: dict[str, Any]  # tags read, dropped per reason, and written
    summary: SplitSummary  # sizes, cold users and items, and the leak of the protocol


class _Unknown(Section):
    """Validates a section without a known method: it fails with the names of the methods."""

    model_config = ConfigDict(extra="allow")

    method: Literal[tuple(METHODS)]  # type: ignore[valid-type]


def protocol_of(section: Mapping[str, Any]) -> type[Any]:
    """The config class to validate a section `split` with."""
    return METHODS.get(str(section.get("method")), _Unknown)


def split_tables(
    config: Protocol, tables: Mapping[str, ibis.Table], engine: Engine, seed: int
) -> SplitTables:
    """Divide the ratings (see `divide`), and choose the tags that features may use.

    `tables` are canonical `interactions` (with `source_row` if the protocol needs it), `items`,
    `users` and `tags`, which `engine` holds. The seed of the draws derives from the root seed and
    the name of the method.
    """
    rng = generator(seed, "split", config.method)
    ratings, users, items = (tables[name] for name in ("interactions", "users", "items"))
    parts = divide(config, SplitInput(ratings, engine, rng, users, items))
    tags, counts = known_tags(tables["tags"], parts, config, engine)
    return SplitTables(parts, tags, counts, describe(parts, config, engine))


def divide(config: Protocol, given: SplitInput) -> dict[str, Stored]:
    """Divide the ratings; a DataError if needed times are missing, or train or test is empty."""
    parts = config.divide(given)
    for name in ("train", "test"):
        if not len(parts[name]):
            n_rows = sum(map(len, parts.values()))
            few = "more ratings are needed" if n_rows < 2 else config.if_empty
            raise DataError(f"split {config.name}: {name} is empty with {n_rows} ratings: {few}")
    if not len(parts["valid"]) and getattr(config, "valid", None):
        _LOG.warning(
            "split %s: valid is empty, for lack of ratings: no training stops early, and nothing "
            "can be tuned or blended on it; split=random takes it from all ratings",
            config.name,
        )
    return parts


def describe(parts: Mapping[str, Stored], config: Protocol, engine: Engine) -> SplitSummary:
    """Sizes and time ranges of the parts, cold users and items, and the leak of the protocol."""
    tables = {name: engine.parquet(part.file) for name, part in parts.items()}
    # who has a profile is not cold; a movie in profiles alone is, since nothing is learned of it
    given = [tables[name].select(USER_IDX) for name in ("train", "profile") if name in tables]
    known = {"users": ibis.union(*given) if given[1:] else given[0]}
    known["items"] = tables["train"].select(ITEM_IDX)
    summary: SplitSummary = {
        "name": config.name,
        "method": config.method,
        "parts": {name: _sizes(table, engine) for name, table in tables.items()},
        "cold": {name: _cold(tables[name], known, engine) for name in PARTS[1:]},
        "leak": config.leaks,
    }
    if isinstance(config, temporal.Prequential):
        test = SplitInput(tables["test"], engine, np.random.default_rng())
        summary["moments"] = config.moments(test)
    return summary


def _sizes(part: ibis.Table, engine: Engine) -> dict[str, int | None]:
    time = part[TIMESTAMP]
    sizes = part.agg(
        rows=part.count(),
        users=part[USER_IDX].nunique(),
        items=part[ITEM_IDX].nunique(),
        time_min=time.min(),
        time_max=time.max(),
    )
    return dict(engine.arrow(sizes).to_pylist()[0])


def _cold(part: ibis.Table, known: Mapping[str, ibis.Table], engine: Engine) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, column in (("users", USER_IDX), ("items", ITEM_IDX)):
        rows = part.anti_join(known[name].distinct(), column)
        counts = rows.agg(**{name: rows[column].nunique(), f"rows_of_{name}": rows.count()})
        found |= engine.arrow(counts).to_pylist()[0]
    return found


def known_tags(
    tags: ibis.Table, parts: Mapping[str, Stored], config: Protocol, engine: Engine
) -> tuple[Stored, dict[str, Any]]:
    """Leave out the tags that would reveal valid or test.

    These are the tags on a held-out pair of user and movie and, where the protocol respects time,
    those not earlier than the first rating held out: of the same user (clock `user`), or of anyone
    (clock `everybody`). A tag without a time counts as late then. Where users of test are unknown
    to train, all of their tags are left out. Rows are sorted by user, movie, time (missing first)
    and tag.
    """
    held_out = ibis.union(*(engine.parquet(parts[name].file) for name in PARTS[1:]))
    pairs = held_out.select(USER_IDX, ITEM_IDX).distinct().mutate(_held_out=True)
    rows = tags.left_join(pairs, [USER_IDX, ITEM_IDX]).select(*tags.columns, "_held_out")
    first = {_FROM: held_out[TIMESTAMP].min()}
    if "profile" in parts:
        users = engine.parquet(parts["test"].file).select(USER_IDX).distinct()
        strangers = users.mutate(_stranger=True)
        rows = rows.left_join(strangers, USER_IDX).select(*rows.columns, "_stranger")
    if config.clock == "user":
        of_users = held_out.group_by(USER_IDX).agg(**first)
        rows = rows.left_join(of_users, USER_IDX).select(*rows.columns, _FROM)
    elif config.clock == "everybody":
        rows = rows.cross_join(held_out.agg(**first))
    reasons = [(rows["_held_out"].notnull(), HELD_OUT)]
    if "_stranger" in rows.columns:
        reasons.append((rows["_stranger"].notnull(), STRANGER))
    if _FROM in rows.columns:  # null, and so not late, for a user without held-out ratings
        time, start = rows[TIMESTAMP], rows[_FROM]
        reasons.append(((time >= start) | (time.isnull() & start.notnull()), LATE))
    reason = ibis.cases(*reasons, else_=ibis.null("string"))
    rows = engine.cache(rows.select(*tags.columns, **{REASON: reason}))
    counted = engine.arrow(rows.group_by(REASON).agg(n=rows.count()).order_by(REASON)).to_pylist()
    dropped = {row[REASON]: row["n"] for row in counted if row[REASON] is not None}
    columns = [USER_IDX, ITEM_IDX, TAG, TIMESTAMP]
    order = [USER_IDX, ITEM_IDX, TIMESTAMP, TAG]
    known = engine.store(rows.filter(rows[REASON].isnull()).select(columns), order, rows)[0]
    read = len(known) + sum(dropped.values())
    return known, {"read": read, "dropped": dropped, "written": len(known)}
