"""What a canonical table promises is checked, and a file's bytes depend on its rows alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from reelbench.data import DataError, parquet, schema
from reelbench.data.engine import DuckDB, DuckDBConfig, Engine

FRAMES: dict[str, pd.DataFrame] = {
    "interactions": pd.DataFrame(
        {
            "user_idx": pd.Series([0, 0, 1], dtype="int32"),
            "item_idx": pd.Series([1, 0, 1], dtype="int32"),
            "rating": pd.Series([4.0, 3.5, 1.0], dtype="float32"),
            "timestamp": pd.Series([5, None, 7], dtype="Int64"),
        }
    ),
    "items": pd.DataFrame(
        {
            "item_idx": pd.Series([0, 1], dtype="int32"),
            "item_id": ["20", "3"],
            "title": ["Heat", ""],
            "title_raw": ["Heat", ""],
            "aka": [["x"], []],
            "year": pd.Series([1995, None], dtype="Int16"),
            "genres": [[], ["Action"]],
            "director": ["Mann", None],
        }
    ),
    "users": pd.DataFrame(
        {
            "user_idx": pd.Series([0, 1], dtype="int32"),
            "user_id": ["1", "2"],
            "age": pd.Series([24, None], dtype="Int16"),
        }
    ),
    "tags": pd.DataFrame(
        {
            "user_idx": pd.Series([0], dtype="int32"),
            "item_idx": pd.Series([1], dtype="int32"),
            "tag": ["slow"],
            "timestamp": pd.Series([5], dtype="Int64"),
        }
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_good_table_passes_also_after_a_round_trip(name: str, tmp_path: Path) -> None:
    schema.validate_frame(name, FRAMES[name])
    file = tmp_path / "x.parquet"
    parquet.write(schema.to_arrow(FRAMES[name]), file)
    again = schema.to_pandas(pa.parquet.read_table(file))
    schema.validate_frame(name, again)
    assert list(again.columns) == list(FRAMES[name].columns)


@pytest.mark.parametrize("name", FRAMES)
def test_an_empty_table_passes(name: str) -> None:
    schema.validate_frame(name, schema.to_pandas(schema.to_arrow(FRAMES[name].iloc[:0])))


def change(column: str, values: list[object]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def apply(frame: pd.DataFrame) -> pd.DataFrame:
        kept = None if values and isinstance(values[0], list | str) else frame[column].dtype
        return frame.assign(**{column: pd.Series(values, dtype=kept)})

    return apply


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("items", change("item_idx", [0, 2]), "table items, row 2, column item_idx: '2' fails"),
        ("items", change("item_id", ["3", "3"]), "table items, row 1, column item_id: '3' fails"),
        ("items", change("year", [1995, 3000]), "table items, row 2, column year: '3000' fails"),
        ("items", change("genres", [["a"], [""]]), "table items, row 2, column genres"),
        ("items", lambda f: f.drop(columns="title"), "table items: 'title' fails"),
        ("users", change("age", [24, 500]), "table users, row 2, column age: '500' fails"),
        ("interactions", change("item_idx", [1, 1, 1]), "table interactions, row 1"),
        ("interactions", change("rating", [1, 2, float("nan")]), "row 3, column rating"),
        ("interactions", change("rating", [1, float("inf"), 2]), "row 2, column rating"),
        ("interactions", lambda f: f.assign(x=1), "table interactions: 'x' fails"),
        ("tags", change("tag", [""]), "table tags, row 1, column tag: '' fails"),
    ],
)
def test_a_bad_table_is_named_with_row_and_column(
    name: str, spoil: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    with pytest.raises(DataError) as error:
        schema.validate_frame(name, spoil(FRAMES[name]))
    assert message in str(error.value)


LARGE = ("interactions", "tags")


@pytest.fixture(scope="module")
def engine() -> Engine:
    return DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))


@pytest.mark.parametrize("name", LARGE)
def test_a_good_large_table_passes_and_an_empty_one(name: str, engine: Engine) -> None:
    table = schema.to_arrow(FRAMES[name])
    schema.validate({name: engine.stored(table)}, engine)
    schema.validate({name: engine.stored(table.slice(0, 0))}, engine)


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("interactions", change("user_idx", [0, 0, -1]), "row 3, column user_idx: '-1' fails"),
        ("interactions", change("item_idx", [1, 1, 1]), "table interactions, row 1"),
        ("interactions", change("rating", [1, 2, float("nan")]), "row 3, column rating"),
        ("interactions", change("rating", [1, float("inf"), 2]), "row 2, column rating"),
        ("interactions", lambda f: f.assign(x="1"), "table interactions: 'x' fails"),
        ("tags", change("tag", [""]), "table tags, row 1, column tag: '' fails"),
    ],
)
def test_a_bad_large_table_is_named_just_so(
    name: str, spoil: Callable[[pd.DataFrame], pd.DataFrame], message: str, engine: Engine
) -> None:
    with pytest.raises(DataError) as error:
        schema.validate({name: engine.stored(schema.to_arrow(spoil(FRAMES[name])))}, engine)
    assert message in str(error.value)
