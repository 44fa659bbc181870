"""The per-item split against a plain pandas version of the published procedure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pydantic import ValidationError

from reelbench.data import DataError
from reelbench.data.engine import DuckDB, DuckDBConfig, Engine
from reelbench.splits import SplitInput, divide
from reelbench.splits.random import RandomByItem

CONFIG = RandomByItem(name="by_item", method="random_by_item", test=0.25, seed=42)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))


def ratings(n: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    pairs = rng.permutation(40 * 30)[:n]
    frame = pd.DataFrame({"user_idx": pairs // 30, "item_idx": pairs % 30}, dtype="int32")
    frame["rating"] = rng.integers(1, 6, n).astype("float32")
    frame["timestamp"] = rng.integers(0, 100, n)
    frame["source_row"] = rng.permutation(10 * n)[:n]
    return frame


def split(frame: pd.DataFrame, engine: Engine) -> dict[str, pd.DataFrame]:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    parts = divide(CONFIG, SplitInput(engine.table(table), engine, np.random.default_rng(0)))
    return {name: part.read().to_pandas() for name, part in parts.items()}


def published(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """As the benchmark has it: numbers in the order of the source, ranks within the movie."""
    frame = frame.sort_values("source_row", ignore_index=True)
    np.random.seed(42)
    frame["draw"] = np.random.rand(len(frame))
    frame = frame.sort_values(["item_idx", "draw"])
    rank = frame.groupby("item_idx").cumcount() + 1
    count = frame.groupby("item_idx")["user_idx"].transform("count")
    train = rank <= np.round(0.75 * count)
    columns = ["user_idx", "item_idx", "rating", "timestamp"]
    return frame[train][columns], frame[~train][columns]


def test_row_for_row_as_published(engine: Engine) -> None:
    frame = ratings()
    parts = split(frame, engine)
    train, test = published(frame)
    assert parts["train"].to_numpy().tolist() == train.to_numpy().tolist()
    assert parts["test"].to_numpy().tolist() == test.to_numpy().tolist()
    assert len(parts["valid"]) == 0


@pytest.mark.parametrize(
    ("n", "train"), [(1, 1), (2, 2), (3, 2), (4, 3), (6, 4), (10, 8), (14, 10)]
)
def test_a_half_is_rounded_to_even(engine: Engine, n: int, train: int) -> None:
    """0.75 · 2 is 1.5, rounded to 2; 0.75 · 6 is 4.5, rounded to 4; 0.75 · 14 is 10.5."""
    frame = ratings(n + 4).assign(user_idx=range(n + 4), item_idx=[0] * n + [1] * 4)
    parts = split(frame.astype({"user_idx": "int32", "item_idx": "int32"}), engine)
    assert (parts["train"]["item_idx"] == 0).sum() == train


def test_the_order_of_the_table_plays_no_part(engine: Engine) -> None:
    frame = ratings()
    first, second = split(frame, engine), split(frame.sample(frac=1, random_state=3), engine)
    for name in first:
        assert first[name].equals(second[name])


def test_without_the_order_of_the_source(engine: Engine) -> None:
    with pytest.raises(DataError, match="order of the source"):
        split(ratings().drop(columns="source_row"), engine)


@pytest.mark.parametrize(
    "change",
    [{"seed": None}, {"valid": 0.1}, {"method": "random"}],
    ids=["seed", "valid", "random"],
)
def test_settings_that_do_not_go_together(change: dict) -> None:
    with pytest.raises(ValidationError, match=r"seed|valid|method"):
        RandomByItem(**(CONFIG.model_dump() | change))
