"""Leaving out ratings without a tag, and users and movies with few ratings: another population.

It happens once, before the split, over all ratings; so whether somebody belongs to the population
depends on ratings that are test later. Figures with a filter say nothing of the people left out.
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
    """Section `filter`; false, 0 and 0 leave everything as it is."""

    tagged: bool  # only ratings of a movie that the same user has tagged; comes before the counts
    min_per_user: NonNegativeInt
    min_per_item: NonNegativeInt
    repeat: bool  # until nothing changes (a k-core); else users and movies are counted once

    @property
    def counting(self) -> bool:
        """Whether users and movies need a number of ratings."""
        return self.min_per_user > 0 or self.min_per_item > 0

    @property
    def active(self) -> bool:
        """Whether anything can be left out."""
        return self.tagged or self.counting


def tagged(tables: dict[str, pa.Table]) -> np.ndarray:
    """Which ratings are of a movie that the same user has tagged: bool (n,)."""
    n_items = np.int64(len(tables["items"]))
    rated, with_tag = (
        tables[name][USER_IDX].to_numpy() * n_items + tables[name][ITEM_IDX].to_numpy()
        for name in ("interactions", "tags")
    )
    return np.isin(rated, np.unique(with_tag))


def enough(user: np.ndarray, item: np.ndarray, config: FilterConfig) -> np.ndarray:
    """Which ratings are of a user and a movie with enough of them: bool (n,)."""
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
    """The tables of the smaller population, numbered densely again in the same order.

    Users and movies without a rating left go too, and tags of any who went. `counts` says of the
    interactions what was there before and after each step: ratings, users, movies and sparsity,
    which is the share of the pairs of a user and a movie without a rating.

    Raises:
        DataError: no rating is tagged, or nobody has enough ratings.
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
    """The ratings that are kept, and who has one."""
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
        f"filter.tagged: of {len(full.tables['tags'])} tags none is of a user and a movie with a "
        "rating; set filter.tagged=false, or take a data set with tags"
    )


def _nobody_has_enough(config: FilterConfig) -> str:
    return (
        f"filter: no user has {config.min_per_user} and no movie {config.min_per_item} ratings "
        "among those that are left; lower filter.min_per_user or filter.min_per_item"
    )


def _renumbered(left: np.ndarray, size: int) -> np.ndarray:
    """New number of every old one, -1 for those that went."""
    numbers = np.full(size, -1, dtype=np.int32)
    old = np.unique(left)
    numbers[old] = np.arange(len(old))
    return numbers


def _apply(table: pa.Table, numbers: dict[str, np.ndarray]) -> pa.Table:
    """The rows whose users and movies are left, with their new numbers."""
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
    """Rows of the tables, and the share of the pairs of a user and a movie without a rating."""
    ratings, users, movies = (len(tables[name]) for name in ("interactions", "users", "items"))
    sparsity = round(1 - ratings / (users * movies), 6)
    return {"ratings": ratings, "users": users, "movies": movies, "sparsity": sparsity}
