"""Tags of valid or test time, or on held-out pairs, reach no feature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelbench.data.engine import DuckDB, DuckDBConfig, Engine
from reelbench.data.parquet import write
from reelbench.splits import HELD_OUT, LATE, METHODS, STRANGER, SplitInput, divide, known_tags

SCHEMA = pa.schema(
    [
        ("user_idx", pa.int32()),
        ("item_idx", pa.int32()),
        ("tag", pa.string()),
        ("timestamp", pa.int64()),
    ]
)
#: users 0 to 2 rate movies 0 to 9 at the times 0 to 9, 100 to 109 and 200 to 209
RATINGS = [(user, item, 100 * user + item) for user in range(3) for item in range(10)]
Tags = list[tuple[int, int, str, int | None]]
TAGS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 12),
        st.sampled_from("abc"),
        st.one_of(st.none(), st.integers(0, 220)),
    ),
    max_size=40,
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))


def run(tags: Tags, method: str, engine: Engine) -> tuple[Tags, dict[str, Any]]:
    table, counts = tables(tags, method, engine)[:2]
    return [tuple(row.values()) for row in table.to_pylist()], counts


def tables(tags: Tags, method: str, engine: Engine) -> tuple[pa.Table, dict[str, Any], Any]:
    known = {"test": 0.2, "valid": 0.1, "known": 0.8}
    fields = METHODS[method].model_fields
    own = {key: value for key, value in known.items() if key in fields}
    config = METHODS[method](name=method, method=method, **own)
    user, item, time = (np.array(column) for column in zip(*RATINGS, strict=True))
    ratings = pa.table(
        {
            "user_idx": pa.array(user, pa.int32()),
            "item_idx": pa.array(item, pa.int32()),
            "rating": pa.array(np.ones(len(user)), pa.float32()),
            "timestamp": time,
        }
    )
    parts = divide(config, SplitInput(engine.table(ratings), engine, np.random.default_rng(0)))
    rows = [dict(zip(SCHEMA.names, row, strict=True)) for row in tags]
    tagged = engine.table(pa.Table.from_pylist(rows, SCHEMA))
    known, counts = known_tags(tagged, parts, config, engine)
    return known.read(), counts, {name: part.read() for name, part in parts.items()}


def test_a_users_tags_end_with_that_users_train(engine: Engine) -> None:
    """Of ten ratings 7 to 9 are held out."""
    tags: Tags = [
        (0, 0, "early", 6),
        (0, 1, "late", 7),
        (0, 8, "held out", 1),
        (1, 0, "timeless", None),
        (1, 0, "after user 0", 106),
        (3, 0, "never rated", 900),
    ]
    kept, counts = run(tags, "temporal_user", engine)
    assert [row[2] for row in kept] == ["early", "after user 0", "never rated"]
    assert counts == {"read": 6, "dropped": {LATE: 2, HELD_OUT: 1}, "written": 3}


def test_one_time_for_everybody(engine: Engine) -> None:
    """Of thirty ratings the last nine are held out, from 201 on."""
    tags: Tags = [(0, 0, "early", 200), (0, 0, "late", 201), (2, 5, "held out", 1)]
    kept, counts = run(tags, "temporal_global", engine)
    assert [row[2] for row in kept] == ["early"]
    assert counts["dropped"] == {LATE: 1, HELD_OUT: 1}


def test_without_a_clock_only_the_pairs_count(engine: Engine) -> None:
    tags: Tags = [(user, item, "x", 900) for user, item, _ in RATINGS]
    kept, _ = run(tags, "random", engine)
    assert len(kept) == 22  # 6 test, 2 valid


def test_a_stranger_has_no_tags(engine: Engine) -> None:
    """Not even on a movie of the profile, or on one that nobody rated."""
    tags: Tags = [(user, item, "x", 900) for user in range(4) for item in range(12)]
    kept, counts = run(tags, "held_out_users", engine)
    parts = tables(tags, "held_out_users", engine)[2]
    stranger, other = (parts[name]["user_idx"][0].as_py() for name in ("test", "valid"))
    assert {row[0] for row in kept} == {0, 1, 2, 3} - {stranger}
    assert sum(row[0] == other for row in kept) == 10
    assert counts["dropped"] == {HELD_OUT: 4, STRANGER: 10}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["temporal_user", "temporal_global", "random"])
@settings(max_examples=25, deadline=None)
@given(tags=TAGS, words=st.lists(st.sampled_from(["x", "y"]), min_size=40, max_size=40))
def test_changing_held_out_tags_changes_no_byte(
    tmp_path_factory: pytest.TempPathFactory,
    method: str,
    engine: Engine,
    tags: Tags,
    words: list[str],
) -> None:
    folder = tmp_path_factory.mktemp("tags")
    table, _, parts = tables(tags, method, engine)
    held_out = pa.concat_tables([parts["valid"], parts["test"]]).to_pylist()
    pairs = {(row["user_idx"], row["item_idx"]) for row in held_out}
    first = min(row["timestamp"] for row in held_out)
    firsts = {
        user: min(row["timestamp"] for row in held_out if row["user_idx"] == user)
        for user in {row["user_idx"] for row in held_out}
    }

    def is_held_out(user: int, item: int, time: int | None) -> bool:
        begin = {"temporal_global": first, "temporal_user": firsts.get(user)}.get(method)
        late = begin is not None and (time is None or time >= begin)
        return (user, item) in pairs or late

    changed: Tags = [
        (user, item, word if is_held_out(user, item, time) else tag, time)
        for (user, item, tag, time), word in zip(tags, words, strict=False)
    ]
    write(table, folder / "a.parquet")
    write(tables(changed, method, engine)[0], folder / "b.parquet")
    assert (folder / "a.parquet").read_bytes() == (folder / "b.parquet").read_bytes()
    kept = [row for row in tags if not is_held_out(row[0], row[1], row[3])]
    assert len(table) == len(kept)
