"""Filters: ratings with a tag only, and users and movies with enough ratings only.

They apply once to all ratings, before the split, so that the population depends on later test
ratings too. Metrics with a filter do not describe the users who are left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import NonNegativeInt

from reelbench.columns import ITEM_IDX, USER_IDX
from reelbench.data import DataError
from reelbench.data.clean.tables import Canonical
from reelbench.params import Section

NOT_TAGGED = "no rating of a movie that the same user has tagged"
TOO_FEW = "user or movie has too few ratings"


class FilterConfig(Section):
    """Section `filter`; false, 0 and 0 keep everything."""

    tagged: bool  # only ratings of a movie that the same user has tagged; applies before the counts
    min_per_user: NonNegativeInt
    min_per_item: NonNegativeInt
    repeat: bool  # until nothing changes (a k-core); else once

    @property
    def counting(self) -> bool:
        """Whether a minimum number of ratings is set."""
        return self.min_per_user > 0 or self.min_per_item > 0

    @property
    def active(self) -> bool:
        """Whether the filter can drop anything."""
        return self.tagged or self.counting


def tagged(tables: dict[str, pa.Table]) -> np.ndarray:
    """Mask of the ratings whose user has tagged the movie: bool (n,)."""
    n_items = np.int64(len(tables["items"]))
    rated, with_tag = (
        tables[name][USER_IDX].to_numpy() * n_items + tables[name][ITEM_IDX].to_numpy()
        for name in ("interactions", "tags")
    )
    return np.isin(rated, np.unique(with_tag))


def enough(user: np.ndarray, item: np.ndarray, config: FilterConfig) -> np.ndarray:
    """Mask of the ratings whose user and movie have enough ratings: bool (n,)."""
    kept = np.ones(len(user), dtype=bool)
    while True:
        of_user = np.bincount(user[kept], minlength=user.max(initial=0) + 1)
        of_item = np.bincount(item[kept], minlength=item.max(initial=0) + 1)
        left = (
            kept & (of_user[user] >= config.min_per_user) & (of_item[item] >= config.min_per_item)
        )
        if not config.repeat or left.sum() == kept.sum():
            return left
        kept = left


def filtered(full: Canonical, config: FilterConfig) -> Canonical:
    """The tables after filtering, numbered densely again in the same order.

    Users and movies without a remaining rating are dropped, with their tags. `counts` has ratings,
    users, movies and sparsity (the share of user-movie pairs without a rating) before and after
    each step.

    Raises:
        DataError: no rating remains.
    """
    if not config.active:
        return full
    left, steps = full, {"before": _sizes(full.tables)}
    if config.tagged:
        left = _only(left, tagged(left.tables), NOT_TAGGED, _nothing_tagged(left))
        steps["tagged"] = _sizes(left.tables)
    if config.counting:
        rows = left.tables["interactions"]
        kept = enough(rows[USER_IDX].to_numpy(), rows[ITEM_IDX].to_numpy(), config)
        left = _only(left, kept, TOO_FEW, _nobody_has_enough(config))
        steps["enough_ratings"] = _sizes(left.tables)
    account = {**left.counts["interactions"], "filter": {**config.model_dump(), "steps": steps}}
    return replace(left, counts={**left.counts, "interactions": account})


def _only(full: Canonical, kept: np.ndarray, reason: str, if_none: str) -> Canonical:
    """The ratings that are kept, with their users and movies."""
    if not kept.any():
        raise DataError(if_none)
    rows = full.tables["interactions"]
    user, item = rows[USER_IDX].to_numpy(), rows[ITEM_IDX].to_numpy()
    numbers = {
        USER_IDX: _renumbered(user[kept], len(full.tables["users"])),
        ITEM_IDX: _renumbered(item[kept], len(full.tables["items"])),
    }
    tables = {name: _apply(table, numbers) for name, table in full.tables.items()}
    tables["interactions"] = _apply(rows.filter(pa.array(kept)), numbers)
    counts = _counts(full, tables, reason)
    return replace(full, tables=tables, counts=counts, source_row=full.source_row[kept])


def _nothing_tagged(full: Canonical) -> str:
    return (
        f"filter.tagged: none of {len(full.tables['tags'])} tags belongs to a rating; set "
        "filter.tagged=false, or use a data set with tags"
    )


def _nobody_has_enough(config: FilterConfig) -> str:
    return (
        f"filter: no ratings remain with at least {config.min_per_user} per user and "
        f"{config.min_per_item} per movie; lower filter.min_per_user or filter.min_per_item"
    )


def _renumbered(left: np.ndarray, size: int) -> np.ndarray:
    """New number of every old one, -1 for dropped ones."""
    numbers = np.full(size, -1, dtype=np.int32)
    old = np.unique(left)
    numbers[old] = np.arange(len(old))
    return numbers


def _apply(table: pa.Table, numbers: dict[str, np.ndarray]) -> pa.Table:
    """The rows of the remaining users and movies, with their new numbers."""
    for name in (USER_IDX, ITEM_IDX):
        if name in table.column_names:
            new = pa.array(numbers[name][table[name].to_numpy()])
            table = table.set_column(table.column_names.index(name), name, new)
            table = table.filter(pc.greater_equal(table[name], 0))
    return table


def _counts(full: Canonical, tables: dict[str, pa.Table], reason: str) -> dict[str, Any]:
    counts = {}
    for name, count in full.counts.items():
        gone = len(full.tables[name]) - len(tables[name])
        dropped = count["dropped"] | ({reason: gone} if gone else {})
        counts[name] = {**count, "dropped": dropped, "written": len(tables[name])}
    counts["items"]["without_rating"] = 0
    return counts


def _sizes(tables: dict[str, pa.Table]) -> dict[str, float]:
    """Number of ratings, users and movies, and sparsity."""
    ratings, users, movies = (len(tables[name]) for name in ("interactions", "users", "items"))
    sparsity = round(1 - ratings / (users * movies), 6)
    return {"ratings": ratings, "users": users, "movies": movies, "sparsity": sparsity}
