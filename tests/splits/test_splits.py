"""Splits as conservation laws: no row lost or doubled, time in order, always the same bytes."""

from __future__ import annotations

import tempfile
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import shared
from pydantic import ValidationError
from sklearn.model_selection import KFold as SklearnKFold

from reelbench.data import DataError
from reelbench.data.engine import DuckDB, DuckDBConfig, Engine
from reelbench.data.parquet import write
from reelbench.seeds import generator
from reelbench.splits import METHODS, Protocol, SplitInput, SplitSummary, describe
from reelbench.splits import divide as divide_given

SCHEMA = pa.schema(
    [
        ("user_idx", pa.int32()),
        ("item_idx", pa.int32()),
        ("rating", pa.float32()),
        ("timestamp", pa.int64()),
    ]
)
Rows = list[tuple[int, int, float, int]]
#: those that need neither files nor the order of the source, and have every rating in a part
#: (test_random_by_item.py, test_windows_and_folds.py)
DRAWN = [
    name
    for name in METHODS
    if name not in ("predefined", "random_by_item", "source_folds", "windows")
]
WITH_SHARES = ["temporal_user", "temporal_global", "random", "random_by_user"]

# few users, movies and seconds, so that ties and small users are common
ROWS = st.dictionaries(
    st.tuples(st.integers(0, 5), st.integers(0, 30)), st.integers(0, 12), min_size=12, max_size=80
).map(lambda pairs: [(user, item, 3.0, time) for (user, item), time in pairs.items()])


@pytest.fixture(scope="module")
def engine() -> Engine:
    return DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))


def config(method: str, test: Any = 0.2, valid: Any = 0.1, **more: Any) -> Any:
    values = {"name": method, "method": method, "test": test, "valid": valid, "known": 0.8, **more}
    if method == "prequential":
        values = {"retrain": 2, **values}
    if method == "kfold":
        values = {"folds": 3, "fold": 2, "shuffle": True, **values}
    known = METHODS[method].model_fields
    return METHODS[method](**{key: value for key, value in values.items() if key in known})


def divide(
    ratings: pa.Table, settings: Protocol, engine: Engine, rng: np.random.Generator
) -> dict[str, pa.Table]:
    parts = divide_given(settings, SplitInput(engine.table(ratings), engine, rng))
    return {name: part.read() for name, part in parts.items()}


def described(parts: dict[str, pa.Table], engine: Engine, settings: Protocol) -> SplitSummary:
    return describe({name: engine.stored(part) for name, part in parts.items()}, settings, engine)


def table(rows: Rows) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], SCHEMA)


def split(
    rows: Rows, settings: Protocol, engine: Engine, seed: int = 1
) -> dict[str, pa.Table] | None:
    """The parts; None where the protocol has to refuse so few ratings."""
    rng = generator(seed, "split", settings.method)
    try:
        return divide(table(rows), settings, engine, rng)
    except DataError as error:
        if "is empty" not in str(error):
            raise
        return None


def tuples(part: pa.Table) -> Rows:
    return [tuple(row.values()) for row in part.to_pylist()]


@pytest.mark.parametrize("method", DRAWN)
@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_no_row_is_lost_or_doubled(method: str, engine: Engine, rows: Rows) -> None:
    parts = split(rows, config(method), engine)
    if parts is not None:
        together = [row for part in parts.values() for row in tuples(part)]
        assert sorted(together) == sorted(rows)


@pytest.mark.parametrize("method", DRAWN)
@settings(max_examples=15, deadline=None)
@given(rows=ROWS, data=st.data())
def test_the_order_of_the_input_changes_no_byte(
    method: str, engine: Engine, rows: Rows, data: Any
) -> None:
    first = split(rows, config(method), engine)
    second = split(data.draw(st.permutations(rows)), config(method), engine)
    assert (first is None) == (second is None)
    for name in first or {}:
        assert tuples(first[name]) == tuples(second[name])
        assert file_bytes(first[name]) == file_bytes(second[name])


def file_bytes(part: pa.Table) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write(part, Path(folder) / "part.parquet")
        return (Path(folder) / "part.parquet").read_bytes()


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_each_users_past_comes_before_that_users_future(engine: Engine, rows: Rows) -> None:
    parts = split(rows, config("temporal_user"), engine)
    assert parts is not None
    for user in {row[0] for row in rows}:
        order = [
            [(row[3], row[1]) for row in tuples(part) if row[0] == user] for part in parts.values()
        ]
        train, valid, test = order
        assert train
        assert sorted(train + valid + test) == sorted(train) + sorted(valid) + sorted(test)


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_one_point_in_time_for_everybody(engine: Engine, rows: Rows) -> None:
    parts = split(rows, config("temporal_global"), engine)
    if parts is None:
        return
    times = {name: [row[3] for row in tuples(part)] for name, part in parts.items()}
    assert max(times["train"]) < min(times["valid"] + times["test"])
    if times["valid"]:
        assert max(times["valid"]) < min(times["test"])
    assert len(times["test"]) >= len(rows) // 5


@settings(max_examples=25, deadline=None)
@given(rows=ROWS, retrain=st.integers(0, 4))
def test_models_are_trained_again_where_test_is_cut_evenly(
    engine: Engine, rows: Rows, retrain: int
) -> None:
    chosen = config("prequential", retrain=retrain)
    parts, plain = split(rows, chosen, engine), split(rows, config("temporal_global"), engine)
    assert (parts is None) == (plain is None)
    if parts is None or plain is None:
        return
    assert {name: tuples(part) for name, part in parts.items()} == {
        name: tuples(part) for name, part in plain.items()
    }
    times = np.sort(parts["test"]["timestamp"].to_numpy())
    n, blocks = len(times), retrain + 1
    wanted = {int(times[block * n // blocks]) for block in range(1, blocks)} - {int(times[0])}
    assert described(parts, engine, chosen)["moments"] == sorted(wanted)
    assert "moments" not in described(plain, engine, config("temporal_global"))


def test_test_ratings_that_are_learned_cannot_stop_a_training() -> None:
    with pytest.raises(ValidationError, match="valid_rows: test has no sense"):
        config("prequential", valid_rows="test")


@pytest.mark.parametrize(
    ("n", "sizes"),
    [
        (1, (1, 0, 0)),
        (2, (1, 0, 1)),
        (3, (1, 1, 1)),
        (19, (17, 1, 1)),
        (20, (16, 2, 2)),
        (100, (80, 10, 10)),
    ],
)
def test_sizes_per_user(engine: Engine, n: int, sizes: tuple[int, int, int]) -> None:
    rows: Rows = [(0, item, 3.0, 100 - item) for item in range(n)]
    rows += [(1, item, 3.0, item) for item in range(5)]  # so that no part is empty
    parts = split(rows, config("temporal_user", 0.1, 0.1), engine)
    assert parts is not None
    own = [sum(row[0] == 0 for row in tuples(part)) for part in parts.values()]
    assert tuple(own) == sizes
    if n > 1:
        assert (0, 0, 3.0, 100) in tuples(parts["test"])  # the latest


def test_shares_are_exact(engine: Engine) -> None:
    """0.29 · 100 is 28.999999999999996 in floating point, and 29 here."""
    rows: Rows = [(0, item, 3.0, item) for item in range(100)]
    for method in WITH_SHARES:
        parts = split(rows, config(method, 0.29, 0), engine)
        assert parts is not None
        assert (len(parts["test"]), len(parts["valid"])) == (29, 0)


def test_equal_times_go_by_movie(engine: Engine) -> None:
    parts = split([(0, item, 3.0, 7) for item in (4, 2, 9)], config("temporal_user"), engine)
    assert parts is not None
    assert [tuples(part)[0][1] for part in parts.values()] == [2, 4, 9]


def test_random_shares_and_seed(engine: Engine) -> None:
    rows: Rows = [(i % 50, i, 3.0, i) for i in range(1000)]
    parts = split(rows, config("random"), engine)
    again = split(rows, config("random"), engine)
    other = split(rows, config("random"), engine, seed=2)
    assert parts is not None and again is not None and other is not None
    assert [len(part) for part in parts.values()] == [720, 80, 200]
    assert tuples(parts["test"]) == tuples(again["test"])
    assert tuples(parts["test"]) != tuples(other["test"])
    # not by time: test is spread over all of it
    assert min(row[3] for row in tuples(parts["test"])) < 50


def test_summary(engine: Engine) -> None:
    rows: Rows = [
        (0, 0, 3.0, 10),
        (0, 1, 3.0, 20),
        (0, 2, 3.0, 30),
        (1, 3, 3.0, 40),
        (1, 0, 3.0, 50),
    ]
    parts = split(rows, config("temporal_global", 0.4, 0.2), engine)
    assert parts is not None
    summary = described(parts, engine, config("temporal_global", 0.4, 0.2))
    assert summary["parts"]["train"] == {
        "rows": 2,
        "users": 1,
        "items": 2,
        "time_min": 10,
        "time_max": 20,
    }
    cold_valid = {"users": 0, "rows_of_users": 0, "items": 1, "rows_of_items": 1}
    cold_test = {"users": 1, "rows_of_users": 2, "items": 1, "rows_of_items": 1}
    assert summary["cold"] == {"valid": cold_valid, "test": cold_test}
    assert "No train rating is later than a test rating" in summary["leak"]


def test_without_timestamps(engine: Engine) -> None:
    rows = [(0, item, 3.0, None) for item in range(20)]
    for method in ("temporal_user", "temporal_global", "leave_one_out"):
        with pytest.raises(DataError, match=r"20 ratings have no timestamp.*split=random"):
            split(rows, config(method), engine)
    parts = split(rows, config("random"), engine)
    assert parts is not None
    assert described(parts, engine, config("random"))["parts"]["test"]["time_min"] is None


@pytest.mark.parametrize(
    ("method", "rows", "message"),
    [
        ("temporal_user", [(0, 0, 3, 7), (1, 0, 3, 8)], "test is empty .* 2 ratings: .*every user"),
        ("leave_one_out", [(0, 0, 3, 7), (1, 0, 3, 8)], "two ratings, and every user has one"),
        ("random_by_user", [(0, 0, 3, 7), (1, 0, 3, 8)], "choose split=random, or split=temporal"),
        ("temporal_global", [(0, 0, 3, 7), (1, 0, 3, 7)], "train is empty .*same second.*=random"),
        ("cold_items", [(0, 0, 3, 7), (1, 0, 3, 8)], "train is empty .*whole movies.*split=random"),
        ("tail", [(0, 0, 3, 7), (1, 0, 3, 8)], "train is empty .*lower split.test"),
        ("held_out_users", [(0, 0, 3, 7), (1, 0, 3, 8)], "2 users .* 0 have two ratings or more"),
        ("held_out_users", [(0, 0, 3, 7), (0, 1, 3, 8)], "2 users .* and 1 have two ratings"),
        ("kfold", [(0, 0, 3, 7)], "1 ratings: more ratings are needed"),
        ("random", [(0, 0, 3, 7)], "1 ratings: more ratings are needed"),
    ],
)
def test_too_few_ratings(engine: Engine, method: str, rows: Rows, message: str) -> None:
    shares = {"test": 0.6, "valid": 0.5 if method == "tail" else 0.3}
    with pytest.raises(DataError, match=f"split {method}: .*{message}"):
        divide(table(rows), config(method, **shares), engine, np.random.default_rng(0))


def test_an_empty_valid_part_is_said(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    rows = table([(0, 0, 3, 7), (0, 1, 3, 8), (1, 0, 3, 7), (1, 1, 3, 9)])
    parts = divide(rows, config("temporal_user"), engine, np.random.default_rng(0))
    assert [len(parts[name]) for name in ("train", "valid", "test")] == [2, 0, 2]
    assert "split temporal_user: valid is empty, for lack of ratings" in caplog.text
    caplog.clear()
    divide(rows, config("temporal_user", valid=0), engine, np.random.default_rng(0))
    assert not caplog.text


@pytest.mark.parametrize("method", ["temporal_user", "temporal_global", "cold_items"])
def test_impossible_shares(method: str) -> None:
    for test, valid in ((0, 0.1), (1.5, 0), (0.5, 0.5), (0.1, -0.1), ("soon", 0)):
        with pytest.raises(ValidationError):
            config(method, test, valid)
            pytest.fail(f"test {test} and valid {valid} were accepted")


def test_published_sizes_of_ml_latest_small(engine: Engine) -> None:
    file = shared("ml-latest-small/ratings.csv")
    data = np.loadtxt(file, delimiter=",", skiprows=1)
    columns = [pa.array(data[:, i]).cast(kind) for i, kind in enumerate(SCHEMA.types)]
    rows = pa.Table.from_arrays(columns, schema=SCHEMA)
    parts = divide(rows, config("temporal_user", 0.1, 0.1), engine, np.random.default_rng(0))
    assert [len(part) for part in parts.values()] == [81_200, 9_818, 9_818]


def test_columns_and_types(engine: Engine, tmp_path: Path) -> None:
    parts = split([(0, item, 3.0, item) for item in range(10)], config("random"), engine)
    assert parts is not None
    for part in parts.values():
        write(part, tmp_path / "part.parquet")
        assert pq.read_schema(tmp_path / "part.parquet").equals(SCHEMA)


def test_a_number_of_ratings_instead_of_a_share(engine: Engine) -> None:
    rows: Rows = [(user, item, 3.0, item) for user in range(3) for item in range(4 + 6 * user)]
    for method in ("temporal_user", "random_by_user"):
        parts = split(rows, config(method, 3, 2), engine)
        assert parts is not None
        sizes = [
            [sum(r[0] == u for r in tuples(part)) for part in parts.values()] for u in range(3)
        ]
        assert sizes == [[1, 0, 3], [5, 2, 3], [11, 2, 3]]


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_leave_one_out_is_the_last_rating_and_the_one_before(engine: Engine, rows: Rows) -> None:
    parts = split(rows, config("leave_one_out"), engine)
    assert parts is not None
    for user in {row[0] for row in rows}:
        own = sorted((row[3], row[1]) for row in rows if row[0] == user)
        order = [
            [(row[3], row[1]) for row in tuples(part) if row[0] == user] for part in parts.values()
        ]
        n = len(own)
        assert order == [own[: max(n - 2, 1)], own[max(n - 2, 1) : n - 1], own[max(n - 1, 1) :]]


def test_random_ties_move_nothing_but_ratings_of_one_second(engine: Engine) -> None:
    """Each of ten movies in one second is last about as often; the time decides before that."""
    rows: Rows = [(user, item, 3.0, 5) for user in range(400) for item in range(10)]
    rows += [(user, 10, 3.0, 4) for user in range(400)]
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    for method in ("leave_one_out", "temporal_user"):
        drawn = config(method, 1, 1, ties="random")
        one, again, other = (
            split(given, drawn, engine, seed)
            for given, seed in ((rows, 1), (shuffled, 1), (rows, 2))
        )
        assert one is not None and again is not None and other is not None
        assert {n: tuples(part) for n, part in one.items()} == {
            n: tuples(part) for n, part in again.items()
        }
        assert tuples(one["test"]) != tuples(other["test"])
        for part in ("valid", "test"):
            counts = np.bincount([row[1] for row in tuples(one[part])], minlength=11)
            assert counts[10] == 0 and counts.sum() == 400
            assert ((counts[:10] - 40) ** 2 / 40).sum() < 27.9  # chi² with 9 degrees, p = 0.001
        fixed = split(rows, config(method, 1, 1), engine)
        assert fixed is not None and {row[1] for row in tuples(fixed["test"])} == {9}


@settings(max_examples=25, deadline=None)
@given(rows=ROWS, n_days=st.integers(0, 12))
def test_a_date_for_everybody(engine: Engine, rows: Rows, n_days: int) -> None:
    """Times 0 to 12 taken as days from 1 January 1970 on."""
    days: Rows = [(user, item, rating, time * 86_400) for user, item, rating, time in rows]
    dates = {"test": f"1970-01-{1 + n_days:02}", "valid": f"1970-01-{max(n_days, 1):02}"}
    parts = split(days, config("temporal_global", **dates), engine)
    counts = [sum(r[3] < n_days - 1 for r in rows), sum(r[3] >= n_days for r in rows)]
    if parts is None:
        assert not all(counts)
    elif n_days:
        assert [len(parts["train"]), len(parts["test"])] == counts


@settings(max_examples=15, deadline=None)
@given(rows=ROWS, folds=st.integers(2, 5))
def test_the_tests_of_all_folds_are_all_rows_once(engine: Engine, rows: Rows, folds: int) -> None:
    every = [config("kfold", folds=folds, fold=fold + 1) for fold in range(folds)]
    tests = [split(rows, one, engine) for one in every]
    sizes = [len(parts["test"]) for parts in tests if parts]
    assert max(sizes) - min(sizes) <= 1
    assert sorted(row for parts in tests if parts for row in tuples(parts["test"])) == sorted(rows)


@settings(max_examples=15, deadline=None)
@given(rows=ROWS, folds=st.integers(2, 5))
def test_folds_without_shuffling_are_those_of_scikit_learn(
    engine: Engine, rows: Rows, folds: int
) -> None:
    ordered = sorted(rows)
    expected = [[ordered[row] for row in held] for _, held in SklearnKFold(folds).split(ordered)]
    for fold, held in enumerate(expected):
        one = config("kfold", valid=0, folds=folds, fold=fold + 1, shuffle=False)
        parts = split(rows, one, engine)
        assert parts is not None
        assert sorted(tuples(parts["test"])) == held
        assert len(parts["valid"]) == 0


@settings(max_examples=15, deadline=None)
@given(rows=ROWS)
def test_a_tail_is_the_end_of_the_sorted_table(engine: Engine, rows: Rows) -> None:
    parts = split(rows, config("tail", 0.2, 0.1), engine)
    assert parts is not None
    # what Keras trains on: int(n * (1 - validation_split)) first rows
    n_test, n_valid = len(rows) - int(len(rows) * (1 - 0.2)), -(-len(rows) // 10)
    bounds = [0, len(rows) - n_test - n_valid, len(rows) - n_test, len(rows)]
    for part, (start, end) in zip(parts.values(), pairwise(bounds), strict=True):
        assert sorted(tuples(part)) == sorted(rows)[start:end]


@pytest.mark.parametrize("method", ["temporal_user", "random", "kfold", "tail"])
def test_which_rows_stop_a_training(method: str, engine: Engine) -> None:
    rows: Rows = [(i % 20, i, 3.0, (7 * i) % 100) for i in range(200)]
    own, tail, test = (
        split(rows, config(method, 0.2, 0.2, valid_rows=name), engine)
        for name in ("own", "tail", "test")
    )
    assert own is not None and tail is not None and test is not None
    for other in (tail, test):
        assert tuples(other["test"]) == tuples(own["test"])
    assert tuples(test["valid"]) == tuples(test["test"])
    assert tuples(test["train"]) == tuples(own["train"])
    rest = sorted(tuples(own["train"]) + tuples(own["valid"]))
    n_train = len(own["train"])
    assert sorted(tuples(tail["train"])) == rest[:n_train]
    assert sorted(tuples(tail["valid"])) == rest[n_train:]
    assert (tuples(tail["valid"]) == tuples(own["valid"])) == (method == "tail")


def test_the_leak_names_the_rows_that_stop_a_training(engine: Engine) -> None:
    rows: Rows = [(i % 5, i, 3.0, i) for i in range(50)]
    for name, expected in (("own", None), ("tail", "a few users"), ("test", "that are reported")):
        chosen = config("random", valid_rows=name)
        parts = split(rows, chosen, engine)
        assert parts is not None
        leak = described(parts, engine, chosen)["leak"]
        own = config("random").leaks
        assert leak.startswith(own)
        assert leak == own if expected is None else expected in leak


def test_a_fold_that_is_none(engine: Engine) -> None:
    with pytest.raises(ValidationError, match="fold 6 is not in 1 to 5"):
        config("kfold", folds=5, fold=6)


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_cold_items_are_in_one_part_only(engine: Engine, rows: Rows) -> None:
    parts = split(rows, config("cold_items", 0.3, 0.3), engine)
    if parts is None:
        return
    items = [{row[1] for row in tuples(part)} for part in parts.values()]
    assert sum(map(len, items)) == len(set().union(*items))
    summary = described(parts, engine, config("cold_items"))
    assert summary["cold"]["test"]["rows_of_items"] == len(parts["test"])


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_every_user_keeps_a_rating_in_train(engine: Engine, rows: Rows) -> None:
    for method in ("temporal_user", "random_by_user", "leave_one_out"):
        parts = split(rows, config(method), engine)
        assert parts is not None
        assert {row[0] for row in tuples(parts["train"])} == {row[0] for row in rows}


def test_the_seed_changes_what_is_drawn(engine: Engine) -> None:
    rows: Rows = [(i % 50, i, 3.0, i) for i in range(1000)]
    for method in ("random", "random_by_user", "kfold", "held_out_users", "cold_items"):
        parts = [split(rows, config(method), engine, seed) for seed in (1, 1, 2)]
        one, again, other = (tuples(found["test"]) for found in parts if found)
        assert one == again != other


@settings(max_examples=40, deadline=None)
@given(
    rows=ROWS,
    known=st.sampled_from([0.01, 0.29, 0.5, 0.8, 0.99]),
    test=st.sampled_from([0.4, 2]),
    valid=st.sampled_from([0, 0.2, 1]),
)
def test_held_out_users(
    engine: Engine, rows: Rows, known: float, test: float, valid: float
) -> None:
    """Who is held out is in no part but theirs, and has ratings on both sides."""
    chosen = config("held_out_users", test, valid, known=known)
    n = Counter(row[0] for row in rows)
    able = [user for user in n if n[user] > 1]
    sizes = [
        amount if amount in (0, 1, 2) else max(1, int(amount * len(able) + 1e-9))
        for amount in (test, valid)
    ]
    if sum(sizes) > len(able):
        with pytest.raises(DataError, match="users are to be held out"):
            split(rows, chosen, engine)
        return
    parts = split(rows, chosen, engine)
    if parts is None:
        return
    of = {name: Counter(row[0] for row in tuples(part)) for name, part in parts.items()}
    assert set(of["profile"]) == set(of["test"]) and not set(of["test"]) & set(of["train"])
    assert set(of["valid"]) <= set(of["train"])  # the same where all others are in test
    assert {user for user in n if n[user] == 1} <= set(of["train"])
    assert [len(of["test"]), len(of["valid"])] == sizes
    for user in {**of["test"], **of["valid"]}:
        rest = of["test"][user] + of["valid"][user]
        exact = (1 - Fraction(str(known))) * n[user]
        assert rest == min(max(1, exact.__floor__()), n[user] - 1)
    summary = described(parts, engine, chosen)
    assert summary["cold"]["test"]["users"] == summary["cold"]["valid"]["users"] == 0
    learned = {row[1] for row in tuples(parts["train"])}
    strange = {row[1] for row in tuples(parts["test"])} - learned
    assert summary["cold"]["test"]["items"] == len(strange)
    assert sum(part["rows"] for part in summary["parts"].values()) == len(rows)


def test_ratings_of_held_out_users_change_nothing_but_their_own_parts(engine: Engine) -> None:
    """Nothing but which pairs there are decides; test rows turned round leave the others alone."""
    rng = np.random.default_rng(0)
    rows: Rows = [
        (u, i, float(rng.integers(1, 6)), int(rng.integers(99)))
        for u in range(20)
        for i in range(9)
    ]
    parts = split(rows, config("held_out_users"), engine)
    assert parts is not None
    test = {row[:2] for row in tuples(parts["test"])}
    changed = [(u, i, 6 - r, 99 - t) if (u, i) in test else (u, i, r, t) for u, i, r, t in rows]
    after = split(changed, config("held_out_users"), engine)
    assert after is not None
    assert tuples(after["test"]) != tuples(parts["test"])
    for name in ("train", "valid", "profile"):
        assert file_bytes(after[name]) == file_bytes(parts[name])


@pytest.mark.parametrize(
    "bad",
    [
        {"known": 0},
        {"known": 1},
        {"test": 0},
        {"test": 2.5},
        {"valid_rows": "tail"},
        {"test": 0.5, "valid": 0.5},
    ],
)
def test_held_out_users_need_two_sides(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config("held_out_users", **bad)
