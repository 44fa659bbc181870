"""Filters: only ratings with a tag, only high ones, only users and movies with enough of them.

They apply once to all ratings, before the split, so that the population depends on later test
ratings too. Metrics with a filter do not describe the users who are left out.
"""

from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from pydantic import NonNegativeInt

from reelbench.columns import ITEM_IDX, RATING, USER_IDX
from reelbench.data import DataError
from reelbench.data.engine import Engine
from reelbench.params import Section

NOT_TAGGED = "no rating of a movie that the same user has tagged"
TOO_LOW = "rating below filter.min_rating"
TOO_FEW = "user or movie has too few ratings"
_NEW = "_new"


class FilterConfig(Section):
    """Section `filter`; false, None, 0 and 0 keep everything."""

    tagged: bool  # only ratings of a movie that the same user has tagged; applies before the counts
    min_rating: float | None = None  # smallest rating that is kept; applies before the counts
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
        return self.tagged or self.min_rating is not None or self.counting


@dataclass(frozen=True)
class Tables:
    """Canonical tables on their way: the large ones in the engine, in any order."""

    ratings: ibis.Table
    tags: ibis.Table
    items: pa.Table
    users: pa.Table

    def sizes(self, engine: Engine) -> dict[str, int]:
        """Number of rows of each table."""
        return {
            "interactions": engine.number(self.ratings.count()),
            "tags": engine.number(self.tags.count()),
            "items": len(self.items),
            "users": len(self.users),
        }


@dataclass(frozen=True)
class Filtered:
    """Tables after filtering, numbered densely again in the same order."""

    tables: Tables  # without the users and movies that have no rating left, and without their tags
    n_ratings: int  # number of ratings before
    dropped: dict[str, dict[str, int]]  # number of rows dropped, per reason and table
    #: settings; ratings, users, movies and sparsity (share of pairs without a rating) by step
    account: dict[str, Any]


def enough(ratings: ibis.Table, config: FilterConfig, engine: Engine) -> ibis.Table:
    """The ratings whose user and movie have enough ratings."""
    least = {USER_IDX: config.min_per_user, ITEM_IDX: config.min_per_item}
    while True:
        left = ratings
        for key, n in least.items():
            counted = ratings.group_by(key).agg(n=ratings.count())
            left = left.semi_join(counted.filter(counted.n >= n), key)
        left = engine.cache(left)
        if not config.repeat or engine.number(left.count()) == engine.number(ratings.count()):
            return left
        ratings = left


def filtered(full: Tables, config: FilterConfig, engine: Engine) -> Filtered:
    """The tables after the active filters; a DataError if no rating remains."""
    sizes, least = full.sizes(engine), config.min_rating
    n_ratings, steps = sizes["interactions"], {"before": _told(sizes)}
    dropped: dict[str, dict[str, int]] = {name: {} for name in sizes}

    def keep(step: str, reason: str, ratings: ibis.Table, if_none: str) -> None:
        nonlocal full, sizes
        full = _only(full, engine.cache(ratings), engine)
        before, sizes = sizes, full.sizes(engine)
        if not sizes["interactions"]:
            raise DataError(if_none)
        for name, n in before.items():
            if gone := n - sizes[name]:
                dropped[name][reason] = gone
        steps[step] = _told(sizes)

    if config.tagged:
        of_tagged = full.ratings.semi_join(full.tags, [USER_IDX, ITEM_IDX])
        none = f"filter.tagged: none of {sizes['tags']} tags belongs to a rating; set "
        none += "filter.tagged=false, or use a data set with tags"
        keep("tagged", NOT_TAGGED, of_tagged, none)
    if least is not None:
        none = f"filter.min_rating: no rating that is left is {least:g} or higher; lower it"
        keep("min_rating", TOO_LOW, full.ratings.filter(full.ratings[RATING] >= least), none)
    if config.counting:
        none = f"filter: no ratings remain with at least {config.min_per_user} per user and "
        none += f"{config.min_per_item} per movie; lower filter.min_per_user or filter.min_per_item"
        keep("enough_ratings", TOO_FEW, enough(full.ratings, config, engine), none)
    account = {**config.model_dump(exclude_none=True), "steps": steps}
    return Filtered(full, n_ratings, dropped, account)


def _only(full: Tables, kept: ibis.Table, engine: Engine) -> Tables:
    ratings, tags, small = kept, full.tags, []
    for key, table in ((ITEM_IDX, full.items), (USER_IDX, full.users)):
        old = np.sort(engine.arrow(kept.select(key).distinct())[key].to_numpy())
        new = pa.array(np.arange(len(old)), pa.int32())
        numbers = engine.table(pa.table({key: pa.array(old, pa.int32()), _NEW: new}))
        ratings, tags = (
            rows.inner_join(numbers, key).drop(key).rename({key: _NEW}).select(rows.columns)
            for rows in (ratings, tags)
        )
        small.append(table.take(old).set_column(table.column_names.index(key), key, new))
    return Tables(engine.cache(ratings), engine.cache(tags), *small)


def _told(sizes: dict[str, int]) -> dict[str, float]:
    ratings, users, movies = (sizes[name] for name in ("interactions", "users", "items"))
    sparsity = round(1 - ratings / (users * movies), 6) if ratings else 1.0
    return {"ratings": ratings, "users": users, "movies": movies, "sparsity": sparsity}
