"""Filters: everybody left has enough ratings, nothing is lost without a count."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelbench.data import DataError
from reelbench.data.clean.filters import (
    NOT_TAGGED,
    TOO_FEW,
    TOO_LOW,
    FilterConfig,
    Tables,
    enough,
    filtered,
)
from reelbench.data.engine import DuckDB, DuckDBConfig, Engine

PAIRS = st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=80)


def config(user: int, item: int, repeat: bool = True, tagged: bool = False) -> FilterConfig:
    return FilterConfig(tagged=tagged, min_per_user=user, min_per_item=item, repeat=repeat)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))


def full(
    pairs: Iterable[tuple[int, int]], engine: Engine, tags: Iterable[tuple[int, int]] | None = None
) -> Tables:
    """Ten users and ten movies, by default with a tag on the first pair."""
    rows = sorted(pairs)
    user, item = columns(rows)
    ratings = {"user_idx": user, "item_idx": item, "source_row": pa.array(range(len(rows)))}
    user, item = columns(rows[:1] if tags is None else sorted(tags))
    tagged = {"user_idx": user, "item_idx": item, "tag": ["x"] * len(user)}
    number = pa.array(range(10), pa.int32())
    items = pa.table({"item_idx": number, "item_id": [f"m{i}" for i in range(10)]})
    users = pa.table({"user_idx": number, "user_id": [f"u{i}" for i in range(10)]})
    return Tables(*(engine.table(pa.table(rows)) for rows in (ratings, tagged)), items, users)


def columns(pairs: list[tuple[int, int]]) -> tuple[pa.Array, pa.Array]:
    user, item = (pa.array(column, pa.int32()) for column in zip(*pairs, strict=True))
    return user, item


def by_ids(tables: Tables, engine: Engine) -> set[tuple[str, str]]:
    users, items = tables.users["user_id"].to_pylist(), tables.items["item_id"].to_pylist()
    rows = engine.arrow(tables.ratings).to_pylist()
    return {(users[row["user_idx"]], items[row["item_idx"]]) for row in rows}


@settings(max_examples=12, deadline=None)
@given(pairs=PAIRS, user=st.integers(0, 4), item=st.integers(0, 4))
def test_a_core_is_the_largest_population_with_enough(
    engine: Engine, pairs: set[tuple[int, int]], user: int, item: int
) -> None:
    kept = engine.arrow(enough(full(pairs, engine).ratings, config(user, item), engine))
    # the plain way: take out one bad rating after the other
    left = set(pairs)
    while bad := next((p for p in left if poor(p, left, user, item)), None):
        left.remove(bad)
    assert {(row["user_idx"], row["item_idx"]) for row in kept.to_pylist()} == left


def poor(pair: tuple[int, int], left: set[tuple[int, int]], user: int, item: int) -> bool:
    of_user = sum(u == pair[0] for u, _ in left)
    of_item = sum(i == pair[1] for _, i in left)
    return of_user < user or of_item < item


def test_once_is_not_until_nothing_changes(engine: Engine) -> None:
    """Movie 0 has too few, so that user 0 has too few without it."""
    ratings = full([(0, 0), (0, 1), (1, 0), (1, 1), (2, 1)], engine).ratings
    once = engine.arrow(enough(ratings, config(2, 3, repeat=False), engine))
    assert [(row["user_idx"], row["item_idx"]) for row in once.to_pylist()] == [(0, 1), (1, 1)]
    assert not len(engine.arrow(enough(ratings, config(2, 3), engine)))


@settings(max_examples=12, deadline=None)
@given(
    pairs=PAIRS,
    user=st.integers(0, 3),
    item=st.integers(0, 3),
    repeat=st.booleans(),
    tagged=st.booleans(),
    tags=PAIRS,
)
def test_indices_are_dense_again_and_rows_balance(
    engine: Engine,
    pairs: set[tuple[int, int]],
    user: int,
    item: int,
    repeat: bool,
    tagged: bool,
    tags: set[tuple[int, int]],
) -> None:
    before = full(pairs, engine, tags)
    try:
        after = filtered(before, config(user, item, repeat, tagged), engine)
    except DataError:
        return
    ratings = engine.arrow(after.tables.ratings)
    for table, key in ((after.tables.users, "user_idx"), (after.tables.items, "item_idx")):
        numbers = table[key].to_pylist()
        assert numbers == list(range(len(numbers)))
        if tagged or user or item:
            assert set(ratings[key].to_pylist()) == set(numbers)
    assert by_ids(after.tables, engine) <= by_ids(before, engine)
    sizes = before.sizes(engine)
    for name, n in after.tables.sizes(engine).items():
        assert sizes[name] == n + sum(after.dropped[name].values())


def test_sparsity_before_and_after(engine: Engine) -> None:
    after = filtered(full([(0, 0), (0, 1), (1, 0), (1, 1), (2, 5)], engine), config(2, 2), engine)
    assert after.account["steps"] == {
        "before": {"ratings": 5, "users": 10, "movies": 10, "sparsity": 0.95},
        "enough_ratings": {"ratings": 4, "users": 2, "movies": 2, "sparsity": 0.0},
    }
    assert after.n_ratings == 5
    assert after.dropped["interactions"] == {TOO_FEW: 1}
    assert after.dropped["users"] == {TOO_FEW: 8}
    assert engine.arrow(after.tables.tags)["tag"].to_pylist() == ["x"]


@settings(max_examples=12, deadline=None)
@given(pairs=PAIRS, tags=PAIRS)
def test_the_join_of_ratings_and_tags_is_of_pairs_in_both(
    engine: Engine, pairs: set[tuple[int, int]], tags: set[tuple[int, int]]
) -> None:
    before, both = full(pairs, engine, tags), pairs & tags
    if both:
        after = filtered(before, config(0, 0, tagged=True), engine).tables
        assert by_ids(after, engine) == {(f"u{u}", f"m{i}") for u, i in both}
        rows = engine.arrow(after.ratings)["source_row"].to_pylist()
        assert {sorted(pairs)[row] for row in rows} == both
    else:
        with pytest.raises(DataError, match=r"none of \d+ tags .* filter\.tagged=false"):
            filtered(before, config(0, 0, tagged=True), engine)


def test_tags_come_first_and_each_step_has_its_count(engine: Engine) -> None:
    """Movie 1 has two ratings, of which only one is tagged: too few then."""
    tags = {(0, 0), (1, 0), (0, 1), (5, 5)}
    before = full([(0, 0), (0, 1), (1, 0), (1, 1)], engine, tags)
    after = filtered(before, config(1, 2, tagged=True), engine)
    steps = after.account["steps"]
    assert list(steps) == ["before", "tagged", "enough_ratings"]
    assert steps["tagged"] == {"ratings": 3, "users": 2, "movies": 2, "sparsity": 0.25}
    assert steps["enough_ratings"] == {"ratings": 2, "users": 2, "movies": 1, "sparsity": 0.0}
    assert after.dropped["interactions"] == {NOT_TAGGED: 1, TOO_FEW: 1}
    assert after.dropped["tags"] == {NOT_TAGGED: 1, TOO_FEW: 1}


def test_nobody_left_is_an_error_that_says_what_to_do(engine: Engine) -> None:
    with pytest.raises(DataError, match=r"lower filter\.min_per_user"):
        filtered(full([(0, 0)], engine), config(5, 5), engine)


def test_low_ratings_go_before_anything_is_counted(engine: Engine) -> None:
    pairs = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]
    tables = full(pairs, engine)
    stars = engine.table(
        engine.arrow(tables.ratings).append_column("rating", [[5.0, 3.5, 4.0, 4.5, 1.0]])
    )
    tables = Tables(stars, tables.tags, tables.items, tables.users)
    settings = config(2, 0).model_copy(update={"min_rating": 4.0})
    found = filtered(tables, settings, engine)
    assert by_ids(found.tables, engine) == {("u1", "m0"), ("u1", "m1")}
    assert found.dropped["interactions"] == {TOO_LOW: 2, TOO_FEW: 1}
    steps = found.account["steps"]
    assert {name: step["ratings"] for name, step in steps.items()} == {
        "before": 5,
        "min_rating": 3,
        "enough_ratings": 2,
    }
    assert "min_rating" not in filtered(tables, config(2, 0), engine).account
    with pytest.raises(DataError, match=r"filter\.min_rating: no rating .* 6 or higher"):
        filtered(tables, settings.model_copy(update={"min_rating": 6.0}), engine)
