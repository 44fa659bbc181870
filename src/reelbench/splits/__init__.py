"""Protocols that divide the ratings into train, valid and test.

Every protocol gives each row of the ratings to exactly one part, and the same rows give the same
parts whatever their order. One class a method, found by the key `method` of the section `split`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ConfigDict

from reelbench.columns import ITEM_IDX, TIMESTAMP, USER_IDX
from reelbench.data import DataError
from reelbench.params import Section
from reelbench.splits.base import PARTS, Protocol, SplitInput
from reelbench.splits.predefined import Predefined
from reelbench.splits.random import ColdItems, KFold, Random, RandomByItem, RandomByUser
from reelbench.splits.temporal import LeaveOneOut, TemporalGlobal, TemporalUser

__all__ = [
    "METHODS",
    "PARTS",
    "KFold",
    "Protocol",
    "SplitInput",
    "describe",
    "divide",
    "protocol_of",
]

METHODS: dict[str, type[Protocol]] = {
    "temporal_user": TemporalUser,
    "temporal_global": TemporalGlobal,
    "leave_one_out": LeaveOneOut,
    "random": Random,
    "random_by_user": RandomByUser,
    "random_by_item": RandomByItem,
    "kfold": KFold,
    "cold_items": ColdItems,
    "predefined": Predefined,
}


class _Unknown(Section):
    """What a section without a known method is held against: it fails, and names the methods."""

    model_config = ConfigDict(extra="allow")

    method: Literal[tuple(METHODS)]  # type: ignore[valid-type]


def protocol_of(section: Mapping[str, Any]) -> type[Any]:
    """The config class that a section `split` is to be validated with."""
    return METHODS.get(str(section.get("method")), _Unknown)


def divide(config: Protocol, given: SplitInput) -> dict[str, pa.Table]:
    """Divide the ratings into the tables `train`, `valid` and `test`.

    Raises:
        DataError: the protocol needs timestamps that are missing, or leaves train or test empty.
    """
    parts = config.divide(given)
    for name in ("train", "test"):
        if not len(parts[name]):
            n_rows = sum(map(len, parts.values()))
            raise DataError(f"split {config.name}: {name} is empty with {n_rows} ratings")
    return parts


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
