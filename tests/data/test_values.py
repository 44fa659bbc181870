"""Columns of movies and users that are not clean, or called like ours: no row is lost for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reelbench import columns as col
from reelbench.data import DataError, parquet, schema
from reelbench.data.clean.items import keep_usable, typed
from reelbench.data.clean.tables import canonical, describe
from reelbench.data.engine import DuckDB, DuckDBConfig, Engine
from reelbench.data.readers import RawFrame, RawRows, RawTables, ReadConfig
from reelbench.data.readers import read as read_tables
from reelbench.data.text import TextFile

FILE = TextFile(Path("own.csv"), ())
#: names that are ours, or the code's own
NAMES = (
    *("reason", "line", "item_idx", "user_idx", "_known", "_new", "aka", "title", "rating"),
    *("timestamp", "excluded", "source_row", "part", "item_id_right", "ITEM_ID", "Title", "index"),
    *("User_Id", "level_0", "Own", "own", "count", "n", "user"),
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))


def config(**changes: Any) -> ReadConfig:
    values = {"format": "table", "genre_separator": "|", "no_genre": "", "respell": {}}
    scale = {"rating_min": 1, "rating_max": 5, "on_bad_rows": "fail"}
    return ReadConfig(**{**values, **scale, **changes})


def raw_of(frame: pd.DataFrame) -> RawFrame:
    return RawFrame(frame.set_axis(range(2, len(frame) + 2)), FILE)


def read(name: str, values: list[Any], decimal: str = ".") -> tuple[list[Any], int]:
    dtype = "str" if all(v is None or isinstance(v, str) for v in values) else object
    frame = pd.DataFrame({name: pd.Series(values, dtype=dtype)})
    found, not_clean = typed(frame, "user_id" if name == col.AGE else "item_id", config(), decimal)
    assert not_clean.keys() <= {name}
    table = schema.to_arrow(found)
    return table[name].to_pylist(), not_clean.get(name, 0)


@pytest.mark.parametrize(
    ("name", "values", "found", "bad"),
    [
        (col.AGE, ["20", " 21.0 ", None, "0", "130"], [20, 21, None, 0, 130], 0),
        (col.AGE, ["20.5", "99999", "inf", "-1", "25-34", "131", "x", "1e400"], [None] * 8, 8),
        (col.YEAR, ["1995", "1995.0", "1995-10-30", "30.10.1995"], [1995] * 4, 0),
        (col.YEAR, ["99999", "V", "19", "-1", "1799", "3000", "2199"], [None] * 7, 7),
        (col.BUDGET, ["$1,000", "1 000", "1\u00a0000", "1000 EUR", "€1000", "1e3"], [1000] * 6, 0),
        (col.BUDGET, ["1,00", "$", "many", "1e400", "1" + 30 * "0", "-5", "9.5"], [None] * 7, 7),
        (col.VOTE_COUNT, ["180.0", "3", "nan"], [180, 3, None], 1),
        (col.RUNTIME, ["81.5", "inf", "-1", "1e39"], [81.5, None, None, None], 3),
        (
            col.KEYWORDS,
            ["love|war", None, ["a", None, " b "]],
            [["love", "war"], [], ["a", "b"]],
            0,
        ),
        (col.GENRES, [["a", None, " b "], [], None], [["a", "b"], [], []], 0),
        (col.DIRECTOR, [["Mann", "Hill"], None, "Lee"], ["Mann, Hill", None, "Lee"], 0),
        (col.OVERVIEW, ["$1,000", "inf"], ["$1,000", "inf"], 0),
    ],
)
def test_values_are_typed_where_certain_else_missing_and_counted(
    name: str, values: list[Any], found: list[Any], bad: int
) -> None:
    assert read(name, values) == (found, bad)


def test_numbers_with_a_decimal_comma() -> None:
    assert read(col.BUDGET, ["1.000.000", "1.000,0", "1,5"], ",") == ([1_000_000, 1000, None], 1)


def tables(engine: Engine, items: pd.DataFrame, users: pd.DataFrame) -> RawTables:
    """Two ratings, whose table has a column of every name too."""
    ours = {"user_id": ["1", "2"], "item_id": ["a", "b"], "rating": ["4", "5"]}
    # DuckDB's tables have no two names that differ in case alone
    theirs = {name: ["x", "x"] for name in NAMES if name == name.casefold()}
    rows = pa.table(theirs | ours | {"timestamp": ["100", "200"]})
    ratings = RawRows(engine.table(rows), FILE)
    return RawTables(ratings, raw_of(items), raw_of(users))


def small(**columns: list[Any]) -> pd.DataFrame:
    names = {name: ["x"] * len(next(iter(columns.values()))) for name in NAMES}
    return pd.DataFrame(names | columns, dtype="str")


def test_no_value_costs_a_rating_and_no_name_collides(engine: Engine, tmp_path: Path) -> None:
    items = small(item_id=["a", "b", "a"], title_raw=["Heat", "", "Heat 2"], year=["1995", "0", ""])
    items["genres"] = [["Action"], [], []]
    raw = tables(engine, items, small(user_id=["1", "2"], age=["25-34", "30"]))
    result = canonical(raw, config(on_bad_rows="drop"), engine)
    assert result.counts["interactions"] == {"read": 2, "dropped": {}, "written": 2}
    assert result.counts["items"]["not_clean"] == {"year": 1}
    assert result.counts["items"]["title_from_id"] == 1
    assert result.counts["users"]["not_clean"] == {"age": 1}
    movies, users = result.tables["items"].to_pydict(), result.tables["users"].to_pydict()
    assert movies["title"] == ["Heat", "b"] and movies["title_raw"] == ["Heat", "b"]
    assert movies["item_idx"] == [0, 1] and movies["aka"] == [[], []]
    assert users["age"] == [None, 30] and users["user_idx"] == [0, 1]
    assert users["rating"] == movies["timestamp"] == movies["reason"] == ["x", "x"]
    (dropped,) = result.dropped["items"].to_pylist()
    assert (dropped["line"], dropped["reason"], dropped["item_idx"]) == ("4", "repeated id", "x")
    schema.validate(result.large | result.small, engine)
    parquet.write(result.tables["items"], tmp_path / "items.parquet")
    stored = engine.parquet(tmp_path / "items.parquet").select("item_id", "item_idx", "title")
    assert engine.arrow(stored)["title"].to_pylist() == ["Heat", "b"]
    assert pq.read_table(tmp_path / "items.parquet").column_names.count("title") == 1


def test_a_repeated_id_is_named_although_a_column_is_called_reason() -> None:
    frame = small(user_id=["1", "1"])
    with pytest.raises(DataError, match=r"own.csv, line 3, column user_id: '1': repeated id"):
        keep_usable(raw_of(frame), "user_id", config())


def test_a_source_without_ratings_has_a_scale_from_1_to_1(engine: Engine) -> None:
    none: dict[str, Any] = {"file": None, "columns": {}}
    own = {"file": "clicks.csv", "columns": {"rating": None}}
    clicks = config(tables={"ratings": own, "items": none, "users": none, "tags": none})
    rows = pa.table({"user_id": ["1", "2"], "item_id": ["a", "a"], "rating": ["1", "1.0"]})
    movies = pd.DataFrame({"item_id": ["a"], "title_raw": ["Heat"]}, dtype="str")
    raw = RawTables(RawRows(engine.table(rows), FILE), raw_of(movies.assign(genres=[[]])))
    about = describe(canonical(raw, clicks, engine), clicks, engine)
    assert about["implicit"] is True and (about["rating_min"], about["rating_max"]) == (1, 1)
    assert "implicit" not in describe(canonical(raw, config(), engine), config(), engine)


TMDB = {
    **{"id": "1", "title": "Batman", "vote_average": "7.0", "vote_count": "9", "genres": "[]"},
    **{"keywords": "[]", "production_companies": "null", "budget": "1e400", "revenue": "1.5"},
    **{"overview": "A bat.", "tagline": "", "original_language": "en", "popularity": "many"},
    **{"release_date": "1989-06-23", "runtime": "inf"},
}


def tmdb(folder: Path, engine: Engine, **changes: str) -> RawTables:
    frame = pd.DataFrame([TMDB | changes])
    frame.to_csv(folder / "tmdb_5000_movies.csv", index=False)
    return read_tables(folder, config(format="tmdb"), engine)


def test_numbers_of_tmdb_that_are_none(engine: Engine, tmp_path: Path) -> None:
    read = tmdb(tmp_path, engine, vote_count="1" + 30 * "0")
    full = canonical(read, config(format="tmdb", rating_min=0, rating_max=10), engine)
    bad = {"budget": 1, "popularity": 1, "revenue": 1, "runtime": 1, "vote_count": 1}
    assert full.counts["items"]["not_clean"] == bad
    assert full.counts["interactions"]["written"] == 1


@pytest.mark.parametrize(
    "text",
    [
        *("[" * 100_000, '[{"name": 5}]', '[{"name": null}]', '["a"]', '{"name": "a"}', "[{}]"),
        *('[{"name": "\\ud800"}]', "[1]", "5", "[" + "9" * 5000 + "]"),
    ],
)
def test_json_of_tmdb_that_is_no_list_of_names(engine: Engine, tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"movies.csv, line 2, column keywords: expected a JSON"):
        tmdb(tmp_path, engine, keywords=text)
