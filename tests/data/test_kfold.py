"""Folds as conservation laws: every rating is a test rating exactly once."""

from __future__ import annotations

import ibis
import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from reelbench.data.engine import Engine, EngineConfig
from reelbench.data.splits import SplitConfig, divide, n_folds

Rows = set[tuple[int, int]]


def config(**changes: object) -> SplitConfig:
    values = {"name": "kfold", "method": "kfold", "test": 0.2, "valid": 0.1, "fold": 0}
    return SplitConfig(**(values | changes))


def ratings(n: int = 503) -> pa.Table:
    pairs = np.random.default_rng(0).permutation(40 * 30)[:n]
    return pa.table(
        {
            "user_idx": pa.array(pairs // 30, pa.int32()),
            "item_idx": pa.array(pairs % 30, pa.int32()),
            "rating": pa.array(np.ones(n), pa.float32()),
            "timestamp": pa.nulls(n, pa.int64()),
        }
    )


def split(table: pa.Table, settings: SplitConfig) -> dict[str, Rows]:
    engine = Engine(EngineConfig(name="duckdb", threads=1, memory_limit="1GB"))
    parts = divide(ibis.memtable(table), settings, engine, np.random.default_rng(7))
    return {
        name: set(zip(*(part[c].to_pylist() for c in ("user_idx", "item_idx")), strict=True))
        for name, part in parts.items()
    }


def test_every_rating_is_test_once_and_in_one_part_of_each_fold() -> None:
    table = ratings()
    folds = [split(table, config(fold=fold)) for fold in range(5)]
    everything = set().union(*folds[0].values())
    assert len(everything) == 503
    for fold in folds:
        assert sum(map(len, fold.values())) == 503
        assert set().union(*fold.values()) == everything
    tests = [fold["test"] for fold in folds]
    assert sum(map(len, tests)) == 503 and set().union(*tests) == everything
    assert {len(test) for test in tests} == {100, 101}
    assert {len(fold["valid"]) for fold in folds} == {40}


def test_the_order_of_the_table_plays_no_part() -> None:
    table = ratings()
    shuffled = table.take(np.random.default_rng(1).permutation(len(table)))
    assert split(table, config(fold=2)) == split(shuffled, config(fold=2))


@pytest.mark.parametrize(("test", "n"), [(0.2, 5), (0.1, 10), (0.5, 2), (0.3333333, 3)])
def test_number_of_folds(test: float, n: int) -> None:
    assert n_folds(config(test=test)) == n


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fold": None}, "which needs it"),
        ({"fold": 5}, "there are 5, from 0"),
        ({"test": 0.3}, "1 over the number of folds"),
        ({"method": "random"}, "no other"),
    ],
)
def test_settings_that_do_not_go_together(changes: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        config(**changes)
