"""Filters: everybody left has enough ratings, nothing is lost without a count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.data import DataError
from reelbench.data.clean.filters import NOT_TAGGED, TOO_FEW, FilterConfig, enough, filtered
from reelbench.data.clean.tables import Canonical

PAIRS = st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=80)


def config(user: int, item: int, repeat: bool = True, tagged: bool = False) -> FilterConfig:
    return FilterConfig(tagged=tagged, min_per_user=user, min_per_item=item, repeat=repeat)


def full(pairs: list[tuple[int, int]], n_users: int = 10, n_items: int = 10) -> Canonical:
    """Tables with a tag on the first pair and one of a user without a rating."""
    user, item = (pa.array(column, pa.int32()) for column in zip(*pairs, strict=True))
    tables = {
        "interactions": pa.table({"user_idx": user, "item_idx": item, "rating": item}),
        "users": pa.table(
            {
                "user_idx": pa.array(range(n_users), pa.int32()),
                "user_id": [f"u{i}" for i in range(n_users)],
            }
        ),
        "items": pa.table(
            {
                "item_idx": pa.array(range(n_items), pa.int32()),
                "item_id": [f"m{i}" for i in range(n_items)],
            }
        ),
        "tags": pa.table({"user_idx": user[:1], "item_idx": item[:1], "tag": ["x"]}),
    }
    counts = {
        name: {"read": len(table), "dropped": {}, "written": len(table)}
        for name, table in tables.items()
    }
    return Canonical(tables, counts, {}, np.arange(len(user)))


def with_tags(canonical: Canonical, pairs: set[tuple[int, int]]) -> Canonical:
    """The tables with a tag on each of the pairs, rated or not."""
    user, item = (pa.array(column, pa.int32()) for column in zip(*sorted(pairs), strict=True))
    tags = pa.table({"user_idx": user, "item_idx": item, "tag": ["x"] * len(pairs)})
    count = {"read": len(pairs), "dropped": {}, "written": len(pairs)}
    tables, counts = {**canonical.tables, "tags": tags}, {**canonical.counts, "tags": count}
    return replace(canonical, tables=tables, counts=counts)


def by_ids(tables: dict[str, pa.Table]) -> set[tuple[str, str]]:
    users, items = tables["users"]["user_id"].to_pylist(), tables["items"]["item_id"].to_pylist()
    rows = tables["interactions"].to_pylist()
    return {(users[row["user_idx"]], items[row["item_idx"]]) for row in rows}


@given(pairs=PAIRS, user=st.integers(0, 4), item=st.integers(0, 4))
def test_a_core_is_the_largest_population_with_enough(
    pairs: set[tuple[int, int]], user: int, item: int
) -> None:
    users, items = (np.array(column) for column in zip(*sorted(pairs), strict=True))
    kept = enough(users, items, config(user, item))
    if kept.any():
        assert min(np.unique(users[kept], return_counts=True)[1]) >= user
        assert min(np.unique(items[kept], return_counts=True)[1]) >= item
    # the plain way: take out one bad rating after the other
    left = set(pairs)
    while bad := next((p for p in left if poor(p, left, user, item)), None):
        left.remove(bad)
    assert {(u, i) for u, i in zip(users[kept], items[kept], strict=True)} == left


def poor(pair: tuple[int, int], left: set[tuple[int, int]], user: int, item: int) -> bool:
    of_user = sum(u == pair[0] for u, _ in left)
    of_item = sum(i == pair[1] for _, i in left)
    return of_user < user or of_item < item


def test_once_is_not_until_nothing_changes() -> None:
    user, item = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 1])
    # movie 0 and user 2 ... each counted once: only user 2 has too few
    assert enough(user, item, config(2, 3, repeat=False)).tolist() == [
        False,
        True,
        False,
        True,
        False,
    ]
    assert not enough(user, item, config(2, 3)).any()


@given(
    pairs=PAIRS,
    user=st.integers(0, 3),
    item=st.integers(0, 3),
    repeat=st.booleans(),
    tagged=st.booleans(),
    tags=PAIRS,
)
def test_indices_are_dense_again_and_rows_balance(
    pairs: set[tuple[int, int]],
    user: int,
    item: int,
    repeat: bool,
    tagged: bool,
    tags: set[tuple[int, int]],
) -> None:
    before = with_tags(full(sorted(pairs)), tags)
    settings = config(user, item, repeat, tagged)
    try:
        after = filtered(before, settings)
    except DataError:
        return
    if not settings.active:
        assert after is before
        return
    for name, key in (("users", "user_idx"), ("items", "item_idx")):
        numbers = after.tables[name][key].to_pylist()
        assert numbers == list(range(len(numbers)))
        rated = set(after.tables["interactions"][key].to_pylist())
        assert rated == set(numbers)
    assert by_ids(after.tables) <= by_ids(before.tables)
    for name, count in after.counts.items():
        assert count["written"] == len(after.tables[name])
        assert count["read"] == count["written"] + sum(count["dropped"].values())


def test_sparsity_before_and_after() -> None:
    after = filtered(full([(0, 0), (0, 1), (1, 0), (1, 1), (2, 5)]), config(2, 2))
    told = after.counts["interactions"]["filter"]["steps"]
    assert told == {
        "before": {"ratings": 5, "users": 10, "movies": 10, "sparsity": 0.95},
        "enough_ratings": {"ratings": 4, "users": 2, "movies": 2, "sparsity": 0.0},
    }
    assert after.counts["interactions"]["dropped"] == {TOO_FEW: 1}
    assert after.counts["users"]["dropped"] == {TOO_FEW: 8}
    assert pd.Series(after.tables["tags"]["tag"]).tolist() == ["x"]


@given(pairs=PAIRS, tags=PAIRS)
def test_the_join_of_ratings_and_tags_is_of_pairs_in_both(
    pairs: set[tuple[int, int]], tags: set[tuple[int, int]]
) -> None:
    before = with_tags(full(sorted(pairs)), tags)
    both = {(f"u{u}", f"m{i}") for u, i in pairs & tags}
    if both:
        after = filtered(before, config(0, 0, tagged=True))
        assert by_ids(after.tables) == both
        of_source = np.array(sorted(pairs))[after.source_row]
        assert {(f"u{u}", f"m{i}") for u, i in of_source} == both
    else:
        with pytest.raises(DataError, match=r"filter\.tagged=false"):
            filtered(before, config(0, 0, tagged=True))


def test_tags_come_first_and_each_step_has_its_count() -> None:
    """Movie 1 has two ratings, of which only one is tagged: too few then."""
    before = with_tags(full([(0, 0), (0, 1), (1, 0), (1, 1)]), {(0, 0), (1, 0), (0, 1), (5, 5)})
    after = filtered(before, config(1, 2, tagged=True))
    steps = after.counts["interactions"]["filter"]["steps"]
    assert list(steps) == ["before", "tagged", "enough_ratings"]
    assert steps["tagged"] == {"ratings": 3, "users": 2, "movies": 2, "sparsity": 0.25}
    assert steps["enough_ratings"] == {"ratings": 2, "users": 2, "movies": 1, "sparsity": 0.0}
    assert after.counts["interactions"]["dropped"] == {NOT_TAGGED: 1, TOO_FEW: 1}
    assert after.counts["tags"]["dropped"] == {NOT_TAGGED: 1, TOO_FEW: 1}


def test_nobody_left_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(DataError, match=r"lower filter\.min_per_user"):
        filtered(full([(0, 0)]), config(5, 5))
