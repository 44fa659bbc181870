"""Protocols that divide again and again: windows of time, and folds of the source's rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import surprise
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from surprise import model_selection

from reelbench.data import DataError
from reelbench.data.engine import DuckDB, DuckDBConfig, Engine
from reelbench.splits import SplitInput, divide
from reelbench.splits.random import KFold
from reelbench.splits.temporal import Windows

COLUMNS = ("user_idx", "item_idx", "rating", "timestamp")
Row = tuple[int, int, float, int]
DAY = 86_400

# few users, movies and seconds, so that ties are common
ROWS = st.dictionaries(
    st.tuples(st.integers(0, 5), st.integers(0, 30)), st.integers(0, 40), min_size=20, max_size=80
).map(lambda pairs: [(user, item, 3.0, time) for (user, item), time in pairs.items()])


@pytest.fixture(scope="module")
def engine() -> Engine:
    return DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))


def windows(**changed: Any) -> Windows:
    chosen = {"cuts": 3, "start": 0.4, "valid": 0.2, "kind": "expanding", "window": "last"}
    return Windows(name="windows", method="windows", **{**chosen, **changed})


def folds(**changed: Any) -> KFold:
    chosen = {"folds": 5, "fold": 1, "valid": 0.1, "shuffle": False}
    names = {"name": "source_folds", "method": "source_folds"}
    return KFold(**{**names, **chosen, **changed})


def table(rows: list[Row], order: list[int] | None = None) -> pa.Table:
    types = (pa.int32(), pa.int32(), pa.float32(), pa.int64())
    columns = zip(*rows, strict=True)
    arrays = {n: pa.array(c, t) for n, c, t in zip(COLUMNS, columns, types, strict=True)}
    return pa.table(arrays if order is None else {**arrays, "source_row": order})


def parts_of(
    ratings: pa.Table, config: Any, engine: Engine, seed: int = 0
) -> dict[str, list[Row]] | None:
    """None where the protocol has to refuse so few ratings."""
    given = SplitInput(engine.table(ratings), engine, np.random.default_rng(seed))
    try:
        parts = divide(config, given)
    except DataError as error:
        assert "is empty" in str(error)
        return None
    return {name: list(map(tuple_of, part.read().to_pylist())) for name, part in parts.items()}


def tuple_of(row: dict[str, Any]) -> Row:
    return tuple(row[name] for name in COLUMNS)  # type: ignore[return-value]


@pytest.mark.parametrize("kind", ["expanding", "sliding"])
@settings(max_examples=6, deadline=None)
@given(rows=ROWS)
def test_windows_are_in_the_order_of_time(kind: str, engine: Engine, rows: list[Row]) -> None:
    found = [parts_of(table(rows), windows(kind=kind, window=n), engine) for n in (1, 2, 3)]
    tested: list[Row] = []
    for parts in filter(None, found):
        times = {name: [row[3] for row in part] for name, part in parts.items()}
        first = min(times["test"])
        assert max(times["train"]) < min(times["valid"] + times["test"])
        assert max(times["valid"], default=-1) < first
        together = [row for part in parts.values() for row in part]
        assert len(set(together)) == len(together) and set(together) <= set(rows)
        past = sorted(row[3] for row in rows if row[3] < first)
        known = sorted(times["train"] + times["valid"])
        if kind == "expanding":
            assert known == past
        else:  # the last of them, whole seconds
            assert known == [time for time in past if time >= known[0]]
        tested += parts["test"]
    if all(found):  # tests follow on each other without a gap
        begin = min(row[3] for row in tested)
        assert sorted(tested) == sorted(row for row in rows if row[3] >= begin)
        assert sum(row[3] < begin for row in rows) <= 0.4 * len(rows)


def test_shares_of_ratings(engine: Engine) -> None:
    rows: list[Row] = [(n % 7, n, 3.0, n) for n in range(100)]
    sizes = {}
    for kind in ("expanding", "sliding"):
        found = [parts_of(table(rows), windows(kind=kind, window=n), engine) for n in (1, 2, 3)]
        sizes[kind] = [tuple(map(len, parts.values())) for parts in found if parts]
        assert [min(row[3] for row in parts["test"]) for parts in found if parts] == [40, 60, 80]
    assert sizes["expanding"] == [(32, 8, 20), (48, 12, 20), (64, 16, 20)]
    assert sizes["sliding"] == [(32, 8, 20)] * 3
    assert windows().numbered == ("window", 3, 3)


def test_cuts_at_dates(engine: Engine) -> None:
    rows: list[Row] = [(n % 7, n, 3.0, n * DAY) for n in range(20)]
    dates = ["1970-01-06", "1970-01-09", "1970-01-11", "1970-01-15"]
    found = [parts_of(table(rows), windows(cuts=dates, window=n), engine) for n in (1, 2, 3, 4)]
    assert [len(parts["test"]) for parts in found if parts] == [3, 2, 4, 6]
    sliding = parts_of(table(rows), windows(cuts=dates, window=4, kind="sliding"), engine)
    assert sliding and [len(part) for part in sliding.values()] == [4, 1, 6]


def test_what_comes_after_a_window_changes_no_byte_of_it(engine: Engine) -> None:
    """With cuts at dates; a share of the ratings is known only once all of them are."""
    rng = np.random.default_rng(3)
    rows: list[Row] = [(int(rng.integers(9)), n, 3.0, n * DAY // 9) for n in range(180)]
    config = windows(cuts=["1970-01-06", "1970-01-09", "1970-01-12"], window=2, kind="sliding")
    before = parts_of(table(rows), config, engine)
    assert before is not None
    past = [row for row in rows if row[3] < 11 * DAY]
    turned = [*past, *((8 - u, i, 6 - r, t) for u, i, r, t in rows if t >= 11 * DAY)]
    for changed in (past, turned[::-1]):
        assert parts_of(table(changed), config, engine) == before
    own = [(u, i, 1.0 if t < 11 * DAY else r, t) for u, i, r, t in rows]
    assert parts_of(table(own), config, engine) != before  # what is in it does matter


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"cuts": 2}, "greater than or equal to 3"),
        ({"cuts": ["1970-01-06", "1970-01-09"]}, "at least 3 items"),
        ({"window": 4}, "window 4 is not in 1 to 3"),
        ({"window": "first"}, "window"),
        ({"start": 1.5}, "less than 1"),
    ],
)
def test_impossible_windows(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        windows(**changed)


def test_a_window_without_ratings_is_told(engine: Engine) -> None:
    rows: list[Row] = [(n % 7, n, 3.0, n * DAY) for n in range(8)]
    config = windows(cuts=["1970-01-06", "1971-01-01", "1972-01-01"], window=2)
    given = SplitInput(engine.table(table(rows)), engine, np.random.default_rng(0))
    with pytest.raises(DataError, match=r"test is empty .*between two cuts.*split\.cuts"):
        divide(config, given)


@settings(max_examples=6, deadline=None)
@given(rows=ROWS, data=st.data())
def test_folds_are_blocks_of_rows_of_the_source(engine: Engine, rows: list[Row], data: Any) -> None:
    order = data.draw(st.permutations(range(len(rows))))
    in_source = [row for _, row in sorted(zip(order, rows, strict=True))]
    blocks = np.array_split(np.arange(len(rows)), 5)  # the first ones one row longer
    for fold, block in enumerate(blocks, 1):
        parts = parts_of(table(rows, order), folds(fold=fold), engine)
        assert parts is not None
        assert sorted(parts["test"]) == sorted(in_source[row] for row in block)
        assert sorted(row for part in parts.values() for row in part) == sorted(rows)
        assert len(parts["valid"]) == (len(rows) - len(block)) // 10


def test_ratings_of_the_test_fold_change_no_other_row(engine: Engine) -> None:
    rows: list[Row] = [(n % 7, n, 3.0, n) for n in range(50)]
    before = parts_of(table(rows, list(range(50))), folds(fold=2), engine)
    changed = [(u, i, 1.0 if 10 <= i < 20 else r, t) for u, i, r, t in rows]
    after = parts_of(table(changed, list(range(50))), folds(fold=2), engine)
    assert before and after and before["test"] != after["test"]
    assert [before[name] for name in ("train", "valid")] == [
        after[name] for name in ("train", "valid")
    ]


def test_folds_need_the_order_of_the_source(engine: Engine) -> None:
    given = SplitInput(engine.table(table([(0, 0, 3.0, 1)])), engine, np.random.default_rng(0))
    with pytest.raises(DataError, match="source_folds needs the order of the source"):
        divide(folds(), given)


def test_folds_and_order_of_rows_are_those_of_surprise(engine: Engine) -> None:
    rows = [(n % 7, n, float(n % 5), n) for n in range(23)]
    order = np.random.default_rng(1).permutation(23).tolist()
    source = [rows[n] for n in np.argsort(order)]
    reader = surprise.Reader(rating_scale=(0, 5))
    data = surprise.Dataset.load_from_df(pd.DataFrame(source).iloc[:, :3], reader)
    found = model_selection.KFold(n_splits=5, random_state=0).split(data)
    for number, (trainset, testset) in enumerate(found, 1):
        config = folds(
            name="kfold", method="kfold", fold=number, valid=0, shuffle=True, random_state=0
        )
        parts = parts_of(table(rows, order), config, engine)
        assert parts is not None and parts["valid"] == []
        assert [row[:3] for row in parts["test"]] == testset
        users = list(dict.fromkeys(row[0] for row in parts["train"]))
        assert users == [trainset.to_raw_uid(n) for n in range(trainset.n_users)]
        rated = [
            (trainset.to_raw_uid(u), trainset.to_raw_iid(i)) for u, i, _ in trainset.all_ratings()
        ]
        by_user = sorted(parts["train"], key=lambda row: users.index(row[0]))
        assert rated == [row[:2] for row in by_user]


def test_a_published_draw_has_no_valid_part() -> None:
    with pytest.raises(ValidationError, match="random_state needs split=kfold"):
        folds(name="kfold", method="kfold", shuffle=True, random_state=0)
