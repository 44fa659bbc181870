"""Protocols that divide the ratings into train, valid and test.

Every protocol gives each row of the ratings to exactly one part, and the same rows give the same
parts whatever their order. One class a method, found by the key `method` of the section `split`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pyarrow as pa
from pydantic import ConfigDict

from reelbench.data.errors import DataError
from reelbench.data.splits.by_item import RandomByItem
from reelbench.data.splits.chance import ColdItems, KFold, Random, RandomByUser
from reelbench.data.splits.predefined import Predefined
from reelbench.data.splits.protocol import PARTS, Given, Protocol
from reelbench.data.splits.summary import describe
from reelbench.data.splits.temporal import LeaveOneOut, TemporalGlobal, TemporalUser
from reelbench.params import Section

__all__ = [
    "METHODS",
    "PARTS",
    "Given",
    "KFold",
    "Protocol",
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


def divide(config: Protocol, given: Given) -> dict[str, pa.Table]:
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
