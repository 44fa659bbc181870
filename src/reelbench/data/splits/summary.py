"""What one has to know about the parts: sizes, times, what is cold, and the leak left."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from reelbench.columns import ITEM_IDX, TIMESTAMP, USER_IDX
from reelbench.data.splits.protocol import PARTS, Protocol


def describe(parts: dict[str, pa.Table], config: Protocol) -> dict[str, Any]:
    """Sizes and time ranges (Unix seconds) of the parts, what is cold, and the leak left."""
    train = parts["train"]
    return {
        "name": config.name,
        "method": config.method,
        "parts": {name: _sizes(table) for name, table in parts.items()},
        "cold": {name: _cold(parts[name], train) for name in PARTS[1:]},
        "leak": config.leak,
    }


def _sizes(part: pa.Table) -> dict[str, int | None]:
    times = pc.min_max(part[TIMESTAMP]).as_py()
    return {
        "rows": len(part),
        "users": pc.count_distinct(part[USER_IDX]).as_py(),
        "items": pc.count_distinct(part[ITEM_IDX]).as_py(),
        "time_min": times["min"],
        "time_max": times["max"],
    }


def _cold(part: pa.Table, train: pa.Table) -> dict[str, int]:
    """How many users and movies of a part have no row in train, and how many rows are theirs."""
    cold = {}
    for name, column in (("users", USER_IDX), ("items", ITEM_IDX)):
        unseen = pc.invert(pc.is_in(part[column], pc.unique(train[column])))
        rows = part.filter(unseen)
        cold[name] = pc.count_distinct(rows[column]).as_py()
        cold[f"rows_of_{name}"] = len(rows)
    return cold
