"""Ratings of one's own: names of columns, delimiters, decimals, encodings, dates, Parquet."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from reelbench.data import DataError
from reelbench.data.clean.tables import Canonical, canonical
from reelbench.data.engine import DuckDB, DuckDBConfig, Engine
from reelbench.data.readers import ReadConfig, read

CONF = Path(__file__).parents[2] / "conf" / "data" / "csv.yaml"
NAMES = {"user_id": "Kunde", "item_id": "Film", "rating": "Note", "timestamp": "Datum"}
RATINGS = "Kunde;Film;Note;Datum;Notiz\nä;1;4,5;31.12.2020 23:59;gut\nb;2;3;01.01.2021 00:00;\n"
ITEMS = "Film;Name;Genre;Jahr\n1;Die Brücke (1959);Krieg, Drama;\n2;Das Boot;Krieg;1981\n"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.chdir(tmp_path)
    return DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))


def settings(**changes: Any) -> dict[str, Any]:
    """The committed ones, with German names of columns."""
    values = yaml.safe_load(CONF.read_text(encoding="utf-8"))["read"]
    values["tables"]["ratings"]["columns"] = dict(NAMES)
    items = {"item_id": "Film", "title_raw": "Name", "genres": "Genre", "year": "Jahr"}
    values["tables"]["items"]["columns"] = items
    german = {"delimiter": ";", "decimal": ",", "time_format": "%d.%m.%Y %H:%M"}
    return {**values, **german, "genre_separator": ",", **changes}


def tables(engine: Engine, values: dict[str, Any]) -> Canonical:
    config = ReadConfig(**values)
    return canonical(read(Path(), config, engine), config, engine)


def write(name: str, text: str, encoding: str = "utf-8") -> None:
    Path(name).write_text(text, encoding=encoding, newline="")


def assert_german(result: Canonical) -> None:
    rows = result.tables["interactions"].to_pylist()
    last = int(datetime(2020, 12, 31, 23, 59, tzinfo=UTC).timestamp())
    assert [(row["rating"], row["timestamp"]) for row in rows] == [(3.0, last + 60), (4.5, last)]
    assert result.tables["users"]["user_id"].to_pylist() == ["b", "ä"]
    items = result.tables["items"].to_pydict()
    assert items["title"] == ["Die Brücke", "Das Boot"]
    assert items["year"] == [1959, 1981]
    assert items["genres"] == [["Krieg", "Drama"], ["Krieg"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16"])
def test_a_german_table_in_any_encoding(engine: Engine, encoding: str) -> None:
    write("ratings.csv", RATINGS, encoding)
    write("items.csv", ITEMS, encoding)
    assert_german(tables(engine, settings(encoding=encoding)))


@pytest.mark.parametrize("delimiter", ["\t", "|", "::"])
def test_another_delimiter(engine: Engine, delimiter: str) -> None:
    write("ratings.csv", RATINGS.replace(";", delimiter))
    write("items.csv", ITEMS.replace(";", delimiter))
    quote = "" if len(delimiter) > 1 else '"'
    assert_german(tables(engine, settings(delimiter=delimiter, quote=quote)))


def test_parquet_with_types(engine: Engine) -> None:
    times = pd.to_datetime(["2020-12-31 23:59", "2021-01-01 00:00"])
    frame = pd.DataFrame({"Kunde": ["ä", "b"], "Film": [1, 2], "Note": [4.5, 3.0], "Datum": times})
    frame.to_parquet("ratings.parquet")
    genres = [["Krieg", "Drama"], ["Krieg"]]
    items = pd.DataFrame({"Film": [1, 2], "Name": ["Die Brücke (1959)", "Das Boot"]})
    items.assign(Genre=genres, Jahr=[None, 1981]).to_parquet("items.parquet")
    values = settings(time_format="auto")
    values["tables"]["ratings"]["file"] = "ratings.parquet"
    values["tables"]["items"]["file"] = "items.parquet"
    assert_german(tables(engine, values))
    frame.assign(Note=[4.5, 7.0]).to_parquet("ratings.parquet")
    with pytest.raises(DataError, match=r"parquet, row 2, column Note \(rating\): '7': .*off the"):
        tables(engine, values)


@pytest.mark.parametrize(
    ("times", "time_format"),
    [
        (["1609459140", "1609459200"], "auto"),
        (["2020-12-31T23:59:00Z", "2021-01-01"], "auto"),
        (["2021-01-01 00:59:00+01:00", "2020-12-31T22:00:00-02:00"], "auto"),
        (["1609459140000", "1609459200999"], "milliseconds"),
    ],
)
def test_formats_of_time(engine: Engine, times: list[str], time_format: str) -> None:
    old, new = "31.12.2020 23:59", "01.01.2021 00:00"
    write("ratings.csv", RATINGS.replace(old, times[0]).replace(new, times[1]))
    write("items.csv", ITEMS)
    assert_german(tables(engine, settings(time_format=time_format)))


def test_ratings_alone_are_enough(engine: Engine) -> None:
    write("ratings.csv", RATINGS)
    values = settings()
    values["tables"]["items"]["file"] = None
    values["tables"]["ratings"]["columns"]["timestamp"] = None
    result = tables(engine, values)
    assert result.tables["items"]["title"].to_pylist() == ["1", "2"]
    assert result.tables["items"]["genres"].to_pylist() == [[], []]
    assert result.tables["interactions"]["timestamp"].null_count == 2


def test_users_and_tags(engine: Engine) -> None:
    write("ratings.csv", RATINGS)
    write("items.csv", ITEMS)
    write("users.csv", "Kunde;Alter\nb;30\nä;41\n")
    write("tags.csv", "Kunde;Film;Wort;Datum\nb;1;ernst;01.02.2021 00:00\n")
    values = settings()
    users = {"user_id": "Kunde", "age": "Alter"}
    tags = {"user_id": "Kunde", "item_id": "Film", "tag": "Wort", "timestamp": "Datum"}
    values["tables"]["users"] = {"file": "users.csv", "columns": users}
    values["tables"]["tags"] = {"file": "tags.csv", "columns": tags}
    result = tables(engine, values)
    assert result.tables["users"].to_pydict()["age"] == [30, 41]
    assert result.tables["tags"].to_pylist()[0]["tag"] == "ernst"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            RATINGS.replace("Note", "Nota"),
            r"line 1: no column 'Note' \(for rating\).*did you mean 'Nota'",
        ),
        (RATINGS.replace(";", ","), r"line 1: .*Is ';' the right delimiter\? It seems to be ','"),
        (RATINGS.replace("4,5", "4;5"), r"line 2: Expected Number of Columns: 5 Found: 6"),
        (RATINGS.replace("4,5", "NaN"), r"line 2, column Note \(rating\): 'NaN': .*not a number"),
        (RATINGS.replace("4,5", "45"), r"line 2, column Note \(rating\): '45': .*off the scale"),
        (
            RATINGS.replace("31.12", "31/12"),
            r"line 2, column Datum \(timestamp\).* a date like",
        ),
        (RATINGS.replace("b;2", "b;7"), r"line 3, column Film \(item_id\): '7': movie is not in"),
        ("", "ratings.csv is empty"),
        ("Kunde;Film;Note;Datum\n", "no rating in it is usable"),
    ],
)
def test_faults_are_named_by_the_names_of_the_file(engine: Engine, text: str, message: str) -> None:
    write("ratings.csv", text)
    write("items.csv", ITEMS)
    with pytest.raises(DataError, match=rf"ratings.csv.*{message}|{message}"):
        tables(engine, settings())


def test_an_unknown_encoding(engine: Engine) -> None:
    write("ratings.csv", RATINGS)
    with pytest.raises(DataError, match=r"unknown encoding 'latin-99'"):
        tables(engine, settings(encoding="latin-99"))


def test_a_parquet_file_that_is_cut_off(engine: Engine) -> None:
    pd.DataFrame({"Kunde": ["a"], "Film": [1], "Note": [3.0]}).to_parquet("whole.parquet")
    Path("ratings.parquet").write_bytes(Path("whole.parquet").read_bytes()[:-9])
    values = settings()
    values["tables"]["ratings"]["file"] = "ratings.parquet"
    with pytest.raises(DataError, match=r"ratings.parquet is not a complete Parquet file"):
        tables(engine, values)
