"""Names, values and files as they come: read right, or refused in a sentence with the place."""

from __future__ import annotations

import gzip
import uuid
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reelbench.data import DataError
from reelbench.data.clean.tables import Canonical, canonical
from reelbench.data.engine import DuckDB, DuckDBConfig, Engine
from reelbench.data.readers import ReadConfig, read
from reelbench.dataset import load_dataset
from reelbench.params import preset

RATINGS = "user_id,item_id,rating,timestamp\n1,7,4,1500000000\n1,8,3,1500000100\n2,7,5,1500000200\n"
MOVIES = "item_id,title,genres\n7,Heat (1995),Crime|Drama\n8,Up (2009),\n"
ROWS = [("1", "7", 4.0), ("1", "8", 3.0), ("2", "7", 5.0)]


@pytest.fixture(scope="module")
def connected(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    config = DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB")
    return DuckDB(config, tmp_path_factory.mktemp("engine"))


@pytest.fixture
def engine(connected: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.chdir(tmp_path)
    write("ratings.csv", RATINGS)
    write("items.csv", MOVIES)
    return connected


def write(name: str, text: str | bytes) -> None:
    Path(name).write_bytes(text.encode() if isinstance(text, str) else text)


def config(
    ratings: dict[str, Any] | None = None, items: dict[str, Any] | None = None, **changes: Any
) -> ReadConfig:
    """That of csv.yaml; `ratings` and `items` change a table, and below `columns` its columns."""
    values: Any = preset("data", "csv")["read"]
    for name, change in {"ratings": ratings or {}, "items": items or {}}.items():
        old = values["tables"][name]
        columns = old["columns"] | change.get("columns", {})
        values["tables"][name] = {**old, **change, "columns": columns}
    return ReadConfig(**{**values, **changes})


def tables(engine: Engine, settings: ReadConfig | None = None) -> Canonical:
    settings = settings or config()
    return canonical(read(Path(), settings, engine), settings, engine)


def rows(result: Canonical) -> list[tuple[str, str, float]]:
    users, items = (result.tables[n].to_pydict() for n in ("users", "items"))
    return sorted(
        (users["user_id"][row["user_idx"]], items["item_id"][row["item_idx"]], row["rating"])
        for row in result.tables["interactions"].to_pylist()
    )


def refused(engine: Engine, match: str, settings: ReadConfig | None = None) -> None:
    with pytest.raises(DataError, match=match):
        tables(engine, settings)


# names

INTERNAL = ("reason", "excluded", "_known", "item_idx", "item_id_right", "line", "source_row")


@pytest.mark.parametrize("kind", ["text", "parquet"])
def test_columns_called_as_ours_are_in_nobodys_way(engine: Engine, kind: str) -> None:
    more = {name: ["x", "y", "z"] for name in (*INTERNAL, "RATING", "title_raw", "user_idx")}
    frame = pd.read_csv("ratings.csv", dtype=str).assign(**more)
    movies = pd.read_csv("items.csv", dtype=str).assign(**{n: ["x", "y"] for n in more})
    movies["studio"] = ["a", "b"]
    if kind == "text":
        frame.to_csv("ratings.csv", index=False)
        movies.to_csv("items.csv", index=False)
    else:
        frame.to_parquet("ratings.csv")
        movies.to_parquet("items.csv")
    result = tables(engine)
    assert rows(result) == ROWS
    items = result.tables["items"]
    assert items["title"].to_pylist() == ["Heat", "Up"]
    assert items["studio"].to_pylist() == ["a", "b"]
    assert not {"reason", "line", "excluded", "_known"} & {*items.column_names}


@pytest.mark.parametrize("kind", ["text", "parquet"])
def test_the_mapped_column_wins_over_one_of_our_name(engine: Engine, kind: str) -> None:
    frame = pd.read_csv("ratings.csv").assign(stars=[4, 3, 5], rating=1)
    movies = pd.read_csv("items.csv").assign(released="2001-05-06", year=1999)
    frame.to_csv("ratings.csv", index=False) if kind == "text" else frame.to_parquet("ratings.csv")
    movies.to_csv("items.csv", index=False) if kind == "text" else movies.to_parquet("items.csv")
    stars, released = {"columns": {"rating": "stars"}}, {"columns": {"year": "released"}}
    result = tables(engine, config(stars, released))
    assert rows(result) == ROWS
    assert result.tables["items"]["year"].to_pylist() == [2001, 2001]
    assert tables(engine).tables["items"]["year"].to_pylist() == [1995, 2009]  # not mapped


def test_one_column_in_two_roles(engine: Engine) -> None:
    write("items.csv", "title,genres\n7,Drama\n8,\n")
    result = tables(engine, config(None, {"columns": {"item_id": "title"}}))
    assert rows(result) == ROWS
    assert result.tables["items"]["title"].to_pylist() == ["7", "8"]


@pytest.mark.parametrize(
    ("head", "ends"),
    [
        ("user_id,item_id,rating,timestamp,", ","),  # a delimiter at the end of all lines,
        ("user_id,item_id,rating,timestamp,", ""),  # of the header alone,
        ("user_id,item_id,rating,timestamp", ","),  # or of the rows alone
        (" user_id , item_id,\trating,timestamp ", ""),
        ("User_ID,ITEM_ID,Rating,timestamp", ""),
        ("user_id,item_id,rating,timestamp,RATING", ",9"),
        ("user_id,item_id,rating,timestamp,note,note", ",a,b"),
    ],
)
def test_headers_as_people_write_them(engine: Engine, head: str, ends: str) -> None:
    lines = RATINGS.splitlines()[1:]
    write("ratings.csv", "\n".join([head, *(line + ends for line in lines)]) + "\n")
    assert rows(tables(engine)) == ROWS


def test_a_saved_index_has_no_name(engine: Engine) -> None:
    pd.read_csv("ratings.csv").to_csv("ratings.csv")
    pd.read_csv("items.csv").to_csv("items.csv")
    result = tables(engine)
    assert rows(result) == ROWS and "" not in result.tables["items"].column_names


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("user_id,item_id,rating,rating", r"names the column 'rating' twice \(for rating\)"),
        ("user_id,item_id,Rating,RATING", r"several columns like 'rating'"),
        ("user_id,item_id,rating,time", r"no column 'timestamp'.*did you mean 'time'.*tamp: null"),
        ("user_id,item_id,rating", r"line 2: Expected Number of Columns: 3 Found: 4"),
    ],
)
def test_headers_that_say_too_little(engine: Engine, head: str, message: str) -> None:
    write("ratings.csv", RATINGS.replace("user_id,item_id,rating,timestamp", head))
    columns = {} if "time" in head else {"timestamp": None}
    refused(engine, rf"ratings.csv.*{message}", config({"columns": columns}))


def test_a_file_without_a_header_and_a_layout_of_its_own(engine: Engine) -> None:
    write("ratings.csv", "1;7;4,0\n1;8;3\n2;7;5\n".encode("utf-16"))
    columns = {"user_id": 1, "item_id": 2, "rating": 3, "timestamp": None}
    own = {"header": False, "delimiter": ";", "decimal": ",", "columns": columns}
    assert rows(tables(engine, config(own))) == ROWS
    columns["rating"] = 7
    refused(engine, r"ratings.csv, line 1: no column 7 \(for rating\): it has 3", config(own))


def test_without_ratings_every_row_is_a_click(engine: Engine) -> None:
    write("ratings.csv", "user_id,item_id\n1,7\n1,8\n2,7\n2,9\n")
    clicks = {"columns": {"rating": None, "timestamp": None}}
    settings = config(clicks, on_bad_rows="drop")
    assert [row[2] for row in rows(tables(engine, settings))] == [1.0, 1.0, 1.0]
    refused(engine, r"ratings.csv, line 5, column item_id: '9': movie is not in", config(clicks))
    null = {"columns": {"user_id": None}}
    refused(engine, r"ratings.columns.user_id is null, but it is needed", config(null))


# values

IDS = {
    **{str(t): pa.array([7, 8], t) for t in (pa.int8(), pa.uint64(), pa.float32(), pa.float64())},
    "half": pa.array([7, 8], pa.float32()).cast(pa.float16()),
    "decimal": pa.array([Decimal("7.00"), Decimal("8.00")]),
    "dictionary": pa.array(["7", "8"]).dictionary_encode(),
    "numbers in a dictionary": pa.array([7.0, 8.0]).dictionary_encode(),
    "binary": pa.array([b"7", b"8"]),
    "fixed": pa.array([b"7", b"8"], pa.binary(1)),
    "large": pa.array(["7", "8"], pa.large_string()),
    "view": pa.array(["7", "8"], pa.string_view()),
}


@pytest.mark.parametrize("kind", IDS)
def test_an_id_is_the_same_text_whatever_its_type(engine: Engine, kind: str) -> None:
    table = pa.table({"item_id": IDS[kind], "title": ["Heat", "Up"], "genres": [None, None]})
    pq.write_table(table, "items.csv")
    assert rows(tables(engine)) == ROWS
    ratings = pa.table({"user_id": ["a", "b"], "item_id": IDS[kind], "rating": [1, 2]})
    pq.write_table(ratings, "ratings.csv")
    settings = config({"columns": {"timestamp": None}})
    assert rows(tables(engine, settings)) == [("a", "7", 1.0), ("b", "8", 2.0)]


def test_an_empty_id_is_none(engine: Engine) -> None:
    ratings = {"user_id": ["", "a", None], "item_id": [7, 8, 7], "rating": [1, 2, 3]}
    pq.write_table(pa.table(ratings), "ratings.csv")
    settings = config({"columns": {"timestamp": None}}, on_bad_rows="drop")
    result = tables(engine, settings)
    assert rows(result) == [("a", "8", 2.0)]
    assert result.counts["interactions"]["dropped"] == {"no user or movie": 2}


def test_uuids_are_text_and_other_bytes_are_refused(engine: Engine) -> None:
    ids = [uuid.UUID(int=1), uuid.UUID(int=2)]
    storage = pa.array([i.bytes for i in ids], pa.binary(16))
    columns = {"item_id": pa.ExtensionArray.from_storage(pa.uuid(), storage), "title": ["a", "b"]}
    pq.write_table(pa.table(columns), "items.csv")
    write("ratings.csv", f"user_id,item_id,rating,timestamp\n1,{ids[1]},3,1500000000\n")
    items = {"columns": {"genres": None}}
    assert rows(tables(engine, config(None, items))) == [("1", str(ids[1]), 3.0)]
    pq.write_table(pa.table(columns | {"item_id": pa.array([b"\xff", b"\xfe"])}), "items.csv")
    refused(engine, r"items.csv, column item_id: values of the type binary", config(None, items))


GENRES = {
    "lists": pa.array([["Crime", None, " Drama"], None]),
    "structs": pa.array([[{"id": 1, "name": "Crime"}, None, {"id": 2, "name": "Drama"}], []]),
    "JSON": pa.array(['[{"id": 1, "name": "Crime"}, {"id": 2, "name": "Drama"}]', "[]"]),
    "JSON of words": pa.array(['["Crime", "Drama", null]', None]),
    "Python": pa.array(["[{'id': 1, 'name': 'Crime'}, {'id': 2, 'name': 'Drama'}]", ""]),
    "NumPy": pa.array(["['Crime'\n 'Drama']", "[]"]),
    "tuple": pa.array(["('Crime', 'Drama')", "()"]),
    "set": pa.array(["{'Drama', 'Crime'}", ""]),
    "text": pa.array(["Crime| Drama", ""]),
}


@pytest.mark.parametrize("kind", GENRES)
def test_genres_as_people_write_them(engine: Engine, kind: str) -> None:
    table = {"item_id": [7, 8], "title": ["Heat", "Up"], "genres": GENRES[kind]}
    pq.write_table(pa.table(table | {"keywords": GENRES[kind]}), "items.csv")
    result = tables(engine, config(None, {"columns": {"keywords": "keywords"}}))
    assert result.tables["items"]["genres"].to_pylist() == [["Crime", "Drama"], []]
    assert result.tables["items"]["keywords"].to_pylist() == [["Crime", "Drama"], []]


def test_a_category_alone_is_text(engine: Engine) -> None:
    movies = pd.read_csv("items.csv").assign(studio=pd.Categorical(["a", "a"]))
    movies.to_parquet("items.csv")
    assert tables(engine).tables["items"]["studio"].to_pylist() == ["a", "a"]


@pytest.mark.parametrize("kind", ["text", "parquet"])
def test_spaces_around_ids(engine: Engine, kind: str) -> None:
    frame = pd.read_csv("ratings.csv", dtype=str)
    frame["item_id"] += " "
    frame.to_csv("ratings.csv", index=False) if kind == "text" else frame.to_parquet("ratings.csv")
    refused(engine, r"'7 ': movie is not in.*There is a movie '7': write both.*strip_ids")
    assert rows(tables(engine, config(strip_ids=True))) == ROWS
    frame.assign(rating=["4", "x", "5"]).to_csv("ratings.csv", index=False)
    refused(engine, r"ratings.csv, line 3, column rating: 'x'", config(strip_ids=True))


def test_times_with_a_type_are_times_whatever_the_format(engine: Engine) -> None:
    times = pd.to_datetime(["2020-01-01", "1969-12-31 23:59:59.5", None], format="ISO8601")
    for values in (times, times.tz_localize("UTC").tz_convert("Asia/Kolkata")):
        frame = pd.read_csv("ratings.csv").assign(timestamp=values)
        frame.to_parquet("ratings.csv.parquet")
        result = tables(engine, config({"file": "ratings.csv.parquet"}, time_format="%d.%m.%Y"))
        found = result.tables["interactions"]["timestamp"].to_pylist()
        assert sorted(found, key=str) == [-1, 1577836800, None]
    days = pa.array([date(2020, 1, 1), None, None])
    ratings = pa.table({"user_id": [1, 1, 2], "item_id": [7, 8, 7], "rating": [4, 3, 5]})
    pq.write_table(ratings.append_column("timestamp", days), "ratings.csv")
    assert 1577836800 in tables(engine).tables["interactions"]["timestamp"].to_pylist()


# files


def test_excel_json_lines_gzip_and_a_folder_of_parts(engine: Engine) -> None:
    book = openpyxl.Workbook()
    for line in RATINGS.splitlines():
        book.active.append([int(v) if v.isdigit() else v for v in line.split(",")])
    book.save("book.xlsx")
    frame = pd.read_csv("ratings.csv")
    frame.to_json("rows.jsonl", orient="records", lines=True)
    write("packed", gzip.compress(RATINGS.encode()))
    write("lies.csv.gz", RATINGS)
    Path("parts").mkdir()
    frame[:2].to_parquet("parts/part-0.parquet")
    frame[2:].astype({"item_id": "float64"}).to_parquet("parts/part-1.parquet")
    write("parts/_SUCCESS", "")
    for file in ("book.xlsx", "rows.jsonl", "packed", "lies.csv.gz", "parts"):
        assert rows(tables(engine, config({"file": file}))) == ROWS, file
    write("packed", gzip.compress(RATINGS.replace(",4,", ",x,").encode()))
    refused(engine, r"packed, line 2, column rating: 'x'", config({"file": "packed"}))
    frame.rename(columns={"rating": "r"}).to_parquet("parts/part-1.parquet")
    refused(engine, r"part-1.parquet has other columns than", config({"file": "parts"}))


@pytest.mark.parametrize(
    ("delimiter", "quote"), [(r"\t", '"'), ("::", '"'), ("::", ""), ("|", "'"), ("§§", '"')]
)
def test_delimiters(engine: Engine, delimiter: str, quote: str) -> None:
    written = delimiter.replace(r"\t", "\t")
    movies = f'7,{quote}Heat (1995){quote},Crime\n8,"Up" and on,\n'
    for name, text in (("ratings.csv", RATINGS), ("items.csv", "item_id,title,genres\n" + movies)):
        write(name, text.replace(",", written))
    if delimiter == r"\t":
        write("items.csv", MOVIES.replace(",", written))
    result = tables(engine, config(delimiter=delimiter, quote=quote))
    assert rows(result) == ROWS and result.tables["items"]["title"][0].as_py() == "Heat"


FAULTS = {
    "too few": ("1,8,3,1500000100", "1,8,3", r"line 3: .*(Found: 3|3 values)"),
    "too many": ("1,8,3,1500000100", "1,8,3,1500000100,1", r"line 3: .*(Found: 5|5 values)"),
    "open": ("1,8,3,1500000100", '1,8,"3,1500000100', r"line 3: .*(quote|unterminated)"),
    "swallowed": ("2,7,5,", '2,7,"\n2,7,5",', r"line 4: a quote is not closed"),
    "NUL": ("1,8,3", "1,8,\0003", r"line 3: a NUL byte"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_damaged_lines_are_named(engine: Engine, kind: str) -> None:
    right, wrong, message = FAULTS[kind]
    write("ratings.csv", RATINGS.replace(right, wrong))
    refused(engine, rf"ratings.csv, {message}")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("9,Nil", r"line 4: 2 values, but the header has 3 columns"),
        ('9,"Nil,Drama', r"line 4: the quote \" is not closed"),
        ('9,"Nil,Drama\n10,"Up",', r"line 4: a quote"),
        ('9,"Nil,Drama\n10,Up",', r"line 4: a quote is not closed, so that"),
        ('9,"A "B" C",Drama', r"line 4: a quote \" within quotes must be doubled"),
        ("9,\0,", r"line 4: a NUL byte"),
    ],
)
def test_damaged_movies_are_named(engine: Engine, row: str, message: str) -> None:
    write("items.csv", MOVIES + row + "\n")
    refused(engine, rf"items.csv, {message}")


def test_a_title_of_two_lines_with_a_comma_and_quotes(engine: Engine) -> None:
    write("items.csv", MOVIES + '9,"He said ""Hi"", twice\nand left (1999)",Drama\n')
    items = tables(engine).tables["items"].to_pylist()
    assert (items[-1]["title"], items[-1]["year"]) == ('He said "Hi", twice and left', 1999)


def test_a_line_of_10_mb_and_20000_columns(engine: Engine) -> None:
    write("ratings.csv", "x" * 10_000_000 + "\n" + RATINGS)
    refused(engine, r"ratings.csv, line 1 is longer than 1,048,576 characters")
    write("ratings.csv", ",".join(f"m{n}" for n in range(20_000)) + "\n")
    refused(engine, r"ratings.csv has 20,000 columns, and at most 2,000 are read.*a row per rating")
    head, values = (",".join(f"{c}{n}" for n in range(1990)) for c in "cv")
    lines = RATINGS.splitlines()
    wide = [f"{lines[0]},{head}", *(f"{line},{values}" for line in lines[1:])]
    write("ratings.csv", "\n".join(wide))
    assert rows(tables(engine)) == ROWS
    write("ratings.csv", RATINGS.replace("1,8,3", f"1,{'8' * 10_000_000},3"))
    refused(engine, r"ratings.csv, line 3: Maximum line size")


def test_a_long_text_of_a_movie(engine: Engine) -> None:
    write("items.csv", f"item_id,title,genres,plot\n7,Heat,,{'x' * 200_000}\n8,Up,,\n")
    assert len(tables(engine).tables["items"]["plot"][0].as_py()) == 200_000


COMMENTED = 'user_id,item_id,rating,timestamp,note\n1,7,4,1500000000,"a\nb, c\n\nd"\n'


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("row", ["1,8,3,1500000100", "1,8,3,1500000100,,x", '1,8,"3,1,x'])
def test_the_line_is_right_after_line_breaks_in_quotes(
    engine: Engine, row: str, end: str, pack: Any
) -> None:
    write("ratings.csv", pack(f"{COMMENTED}{row}\n".replace("\n", end).encode()))
    refused(engine, r"ratings.csv, line 6: ")


def test_a_title_with_quotes_line_breaks_and_delimiters(engine: Engine) -> None:
    write("items.csv", 'item_id,title,genres\n7,"Heat, ""the"" film\nand more (1995)",\n8,Up,\n')
    assert tables(engine).tables["items"]["title"].to_pylist()[0] == 'Heat, "the" film and more'


def test_an_empty_first_line_is_no_empty_file(engine: Engine) -> None:
    write("ratings.csv", "\n" + RATINGS)
    refused(engine, r"ratings.csv, line 1 is empty: remove it")


def test_rows_of_excel_have_the_numbers_that_excel_shows(engine: Engine) -> None:
    book = openpyxl.Workbook()
    for row in (["user_id", "item_id", "rating"], [1, 7, 4], [], [2, 8, "x"]):
        book.active.append(row)
    book.save("book.xlsx")
    settings = config({"file": "book.xlsx", "columns": {"timestamp": None}})
    refused(engine, r"book.xlsx, row 4, column rating: 'x'", settings)
    movies = openpyxl.Workbook()
    for row in (["item_id", "title", "genres"], [7, "Heat", None], [], [7, "Up", None]):
        movies.active.append(row)
    movies.save("movies.xlsx")
    refused(
        engine, r"movies.xlsx, row 4, column item_id: '7'", config(None, {"file": "movies.xlsx"})
    )


def test_why_no_rating_is_usable(engine: Engine) -> None:
    write("items.csv", MOVIES.replace("7,", "7.0,").replace("8,", "8.0,"))
    refused(engine, r"no rating in it is usable \(movie is not in", config(on_bad_rows="drop"))


def test_a_pattern_of_time_that_there_is_not(engine: Engine) -> None:
    refused(engine, r"read.time_format: .*%Q", config(time_format="%Q"))


# data frames


def test_data_frames_with_odd_columns() -> None:
    ratings = pd.DataFrame([[1, "7", 4, 1], [1, 8, 3, 2], [2.0, "7", 5, 3]])
    ratings.columns = ["user_id", "item_id", "rating", "rating"]
    with pytest.raises(DataError, match=r"ratings: the header names the column 'rating' twice"):
        load_dataset(ratings=ratings)
    ratings.columns = ["user_id", "item_id", "rating", "note"]
    ratings["user_id"] = pd.Categorical([1, 1, 2])
    data = load_dataset(ratings=ratings)
    assert data.movies["item_id"].tolist() == ["7", "8"]
    assert data.users["user_id"].tolist() == ["1", "2"]
    clicks = load_dataset(ratings=ratings[["user_id", "item_id"]], columns={"rating": None})
    assert clicks.ratings["rating"].tolist() == [1, 1, 1]
    ratings.columns = pd.MultiIndex.from_tuples([(c, "") for c in ratings.columns])
    with pytest.raises(DataError, match=r"ratings: columns have several levels"):
        load_dataset(ratings=ratings)
