"""The split `predefined`: parts as in files, and every disagreement named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from reelbench.data import DataError
from reelbench.data.engine import DuckDB, DuckDBConfig, Engine
from reelbench.splits import METHODS, SplitInput, divide

USERS = pd.DataFrame({"user_idx": pd.Series([0, 1], dtype="int32"), "user_id": ["7", "a"]})
ITEMS = pd.DataFrame(
    {"item_idx": pd.Series([0, 1, 2], dtype="int32"), "item_id": ["10", "20", "x"]}
)
RATINGS = pd.DataFrame(
    {
        "user_idx": pd.Series([0, 0, 0, 1, 1], dtype="int32"),
        "item_idx": pd.Series([0, 1, 2, 0, 2], dtype="int32"),
        "rating": pd.Series([1, 2, 3, 4, 5], dtype="float32"),
        "timestamp": pd.Series([10, 11, 12, 13, 14], dtype="int64"),
    }
)
TRAIN = "user_id,item_id\n7,10\n7,20\na,10\n"
VALID = "user_id,item_id\n7,x\n"
TEST = "user_id,item_id\na,x\n"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))


def given(engine: Engine) -> SplitInput:
    frames = (RATINGS, USERS, ITEMS)
    tables = [engine.table(pa.Table.from_pandas(f, preserve_index=False)) for f in frames]
    return SplitInput(tables[0], engine, np.random.default_rng(0), tables[1], tables[2])


@pytest.fixture
def split(tmp_path: Path, engine: Engine) -> Any:
    def run(files: dict[str, str | None], delimiter: str = ",", **columns: str) -> Any:
        names: dict[str, str | None] = {"train": None, "valid": None, "test": None}
        for part, text in files.items():
            if text is not None:
                names[part] = f"{part}.csv"
                (tmp_path / f"{part}.csv").write_text(text, encoding="utf-8")
        values = {"root": str(tmp_path), "files": names, "delimiter": delimiter, "columns": columns}
        config = METHODS["predefined"](name="predefined", method="predefined", **values)
        parts = divide(config, given(engine))
        return [part.read()["rating"].to_pylist() for part in parts.values()]

    return run


def test_parts_are_as_in_the_files(split: Any) -> None:
    assert split({"train": TRAIN, "valid": VALID, "test": TEST}) == [[1, 2, 4], [3], [5]]


def test_train_is_what_the_others_leave(split: Any) -> None:
    assert split({"test": TEST}) == [[1, 2, 3, 4], [], [5]]
    assert split({"valid": VALID, "test": TEST}) == [[1, 2, 4], [3], [5]]


def test_other_names_and_delimiter(split: Any) -> None:
    text = "when;movie;who\n5;x;a\n"
    parts = split({"test": text}, ";", user_id="who", item_id="movie")
    assert parts == [[1, 2, 3, 4], [], [5]]


def test_parquet(tmp_path: Path, engine: Engine) -> None:
    pairs = pd.DataFrame({"user_id": [1], "u": [7.0], "item_id": ["x"]})
    pairs.to_parquet(tmp_path / "test.parquet")
    files = {"train": None, "valid": None, "test": "test.parquet"}
    values = {"root": str(tmp_path), "files": files, "delimiter": ",", "columns": {"user_id": "u"}}
    config = METHODS["predefined"](name="predefined", method="predefined", **values)
    assert divide(config, given(engine))["test"].read()["rating"].to_pylist() == [3]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"test": TEST + "a,99\n"}, r"1 pairs are not ratings .* user 'a', movie '99'"),
        ({"test": TEST + "a,20\n"}, r"1 pairs are not ratings .* user 'a', movie '20'"),
        ({"test": TEST + "a,x\n"}, r"1 pairs occur more than once .* user 'a', movie 'x'"),
        ({"valid": TEST, "test": TEST}, r"1 pairs occur more than once"),
        ({"train": TRAIN, "test": TEST}, r"1 ratings are in none of the files"),
        ({"test": "user,item_id\na,x\n"}, r"test.csv, line 1: no column 'user_id'"),
        ({"test": "user_id,item_id\n"}, r"test is empty with 5 ratings"),
    ],
)
def test_what_does_not_agree_is_named(
    split: Any, files: dict[str, str | None], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        split(files)


def test_a_missing_folder_or_file_is_named(tmp_path: Path, engine: Engine) -> None:
    files = {"train": None, "valid": None, "test": "test.csv"}
    for root, message in (
        (None, "split.root=FOLDER"),
        (str(tmp_path), r"test.csv is missing"),
    ):
        values = {"root": root, "files": files, "delimiter": ",", "columns": {}}
        config = METHODS["predefined"](name="predefined", method="predefined", **values)
        with pytest.raises(DataError, match=message):
            divide(config, given(engine))
