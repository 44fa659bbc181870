"""From files to canonical tables: numbering, repeated and bad rows, and the account of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from reelbench.data import DataError
from reelbench.data.clean.tables import Canonical, canonical, describe
from reelbench.data.engine import DuckDB, DuckDBConfig, Engine
from reelbench.data.readers import ReadConfig, read
from reelbench.params import preset

MOVIES = 'movieId,title,genres\n20,Heat (1995),Action|Crime\n3,"Net, The (1995)",\n'
RATINGS = "userId,movieId,rating,timestamp\n"
TAGS = "userId,movieId,tag,timestamp\n"
GOOD = RATINGS + "10,20,4.0,100\n9,3,3.5,50\n9,20,1.0,60\n"


def config(**changes: Any) -> ReadConfig:
    return ReadConfig(**{**preset("data", "ml-latest-small")["read"], **changes})


@pytest.fixture(scope="module")
def engine() -> Engine:
    return DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))


@pytest.fixture
def clean(tmp_path: Path, engine: Engine) -> Any:
    def run(ratings: str, movies: str = MOVIES, tags: str | None = None, **changes: Any) -> Any:
        (tmp_path / "ratings.csv").write_text(ratings, encoding="utf-8", newline="")
        (tmp_path / "movies.csv").write_text(movies, encoding="utf-8")
        if tags is not None:
            (tmp_path / "tags.csv").write_text(tags, encoding="utf-8")
        settings = config(**changes)
        return canonical(read(tmp_path, settings, engine), settings, engine)

    return run


def rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in table.to_pylist()]


def balanced(result: Canonical) -> bool:
    return all(
        count["read"] == count["written"] + sum(count["dropped"].values())
        for count in result.counts.values()
    )


def test_indices_are_dense_and_rows_sorted(clean: Any) -> None:
    result = clean(GOOD)
    # movies in the order of their file; users by number, so 9 before 10
    assert rows(result.tables["interactions"]) == [
        (0, 1, 3.5, 50),
        (0, 0, 1.0, 60),
        (1, 0, 4.0, 100),
    ]
    assert result.tables["users"]["user_id"].to_pylist() == ["9", "10"]
    assert result.tables["items"]["item_id"].to_pylist() == ["20", "3"]
    assert result.tables["items"]["title"].to_pylist() == ["Heat", "The Net"]
    assert result.tables["items"]["genres"].to_pylist() == [["Action", "Crime"], []]
    assert result.tables["tags"].num_rows == 0
    assert balanced(result)


def test_catalogue_describes_the_tables(clean: Any, engine: Engine) -> None:
    assert describe(clean(GOOD), config(), engine) == {
        "n_users": 2,
        "n_items": 2,
        "rating_min": 0.5,
        "rating_max": 5.0,
        "has_timestamps": True,
    }
    missing = RATINGS + "1,20,4,\n1,3,4,5\n"
    assert not describe(clean(missing), config(), engine)["has_timestamps"]


def test_order_of_the_input_does_not_matter(clean: Any) -> None:
    lines = GOOD.splitlines(keepends=True)
    backwards = "".join([lines[0], *reversed(lines[1:])])
    assert clean(GOOD).tables["interactions"].equals(clean(backwards).tables["interactions"])


@pytest.mark.parametrize("order", [1, -1])
def test_of_repeated_ratings_the_last_is_kept_and_the_rest_counted(clean: Any, order: int) -> None:
    repeated = ["1,20,2.0,10\n", "1,20,5.0,30\n", "1,20,3.0,20\n", "1,3,2.0,7\n", "1,3,4.0,7\n"]
    result = clean(RATINGS + "".join(repeated[::order]))
    assert rows(result.tables["interactions"]) == [(0, 1, 4.0, 7), (0, 0, 5.0, 30)]
    (reason,) = result.counts["interactions"]["dropped"]
    assert "last by time" in reason
    assert result.counts["interactions"]["dropped"][reason] == 3
    assert balanced(result)


BAD = [
    ("1,20,good,5", "rating: 'good': rating is not a number"),
    ("1,20,nan,5", "rating: 'nan': rating is not a number"),
    ("1,20,,5", "rating: '': rating is not a number"),
    ("1,20,6,5", "rating: '6': rating is off the scale"),
    ("1,20,0,5", "rating: '0': rating is off the scale"),
    ("1,20,inf,5", "rating: 'inf': rating is off the scale"),
    ("1,20,4,soon", "timestamp: 'soon': timestamp is neither a Unix time nor an ISO date"),
    ("1,,4,5", "movieId (item_id): '': no user or movie"),
    ("1,99,4,5", "movieId (item_id): '99': movie is not in the catalogue"),
    (",20,4,5", "userId (user_id): '': no user or movie"),
]


@pytest.mark.parametrize(("line", "message"), BAD)
def test_a_bad_row_is_named_with_file_line_and_column(clean: Any, line: str, message: str) -> None:
    with pytest.raises(DataError) as error:
        clean(f"{GOOD}{line}\n7,20,4,5\n{line}\n")
    assert "ratings.csv, line 5, column" in str(error.value)
    assert message in str(error.value)
    assert "2; of 6 rows" in str(error.value)


@pytest.mark.parametrize(("line", "message"), BAD)
def test_a_bad_row_can_be_dropped_and_is_counted(clean: Any, line: str, message: str) -> None:
    result = clean(f"{GOOD}{line}\n", on_bad_rows="drop")
    reason = message.rpartition(": ")[2]
    assert result.counts["interactions"] == {"read": 4, "dropped": {reason: 1}, "written": 3}
    (dropped,) = rows(result.dropped["interactions"])
    assert dropped == (*(value or None for value in line.split(",")), reason)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{GOOD}1,20,4,5,6\n", r"ratings.csv, line 5: Expected Number of Columns: 4 Found: 5"),
        (f'{GOOD}1,20,"4,5\n1,3,4,5\n', r"ratings.csv, line 5: the quote . is not closed"),
        (f"{GOOD}1,20,\0,5\n", r"ratings.csv, line 5: a NUL byte"),
    ],
)
def test_malformed_ratings(clean: Any, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        clean(text)


def test_no_usable_rating(clean: Any) -> None:
    with pytest.raises(DataError, match=r"ratings.csv: no rating in it is usable"):
        clean(RATINGS)


@pytest.mark.parametrize(
    ("movies", "message"),
    [
        (
            "movieId,title,genres\n3,A,\n3,B,\n",
            r"line 3, column movieId \(item_id\): '3': repeated id",
        ),
        (
            "movieId,title,genres\n3,A,\n,B,\n",
            r"csv, line 3, column movieId \(item_id\): '': no id",
        ),
        ("movieId,name,genres\n3,A,\n", r"movies.csv, line 1: no column 'title' \(for title_raw\)"),
        ("movieId;title;genres\n3;A;\n", r"movies.csv, line 1: .*Is ',' the right delimiter"),
        ("", "movies.csv is empty"),
        ("movieId,title,title\n", "names the column 'title' twice"),
    ],
)
def test_bad_movies(clean: Any, movies: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        clean(GOOD, movies)


def test_lines_that_end_differently_are_lines(clean: Any) -> None:
    mixed = GOOD.replace("100\n", "100\r\n").replace("50\n", "50\r")
    assert clean(mixed).tables["interactions"].equals(clean(GOOD).tables["interactions"])


def test_another_encoding_is_named(clean: Any, tmp_path: Path, engine: Engine) -> None:
    clean(GOOD)
    (tmp_path / "movies.csv").write_bytes("movieId,title,genres\n3,é,\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"movies.csv is not UTF-8 in line 2"):
        read(tmp_path, config(), engine)
    (tmp_path / "movies.csv").write_text(MOVIES, encoding="utf-8")
    (tmp_path / "ratings.csv").write_bytes((GOOD + "é,3,4,5\n").encode("latin-1"))
    with pytest.raises(DataError, match=r"ratings.csv is not UTF-8 in line 5"):
        canonical(read(tmp_path, config(), engine), config(), engine)


def test_a_misspelt_title_is_respelt(clean: Any) -> None:
    movies = "movieId,title,genres\n20,unkonwn,(no genres listed)\n3,x,\n"
    items = clean(GOOD, movies, respell={"unkonwn": "unknown"}).tables["items"]
    assert items["title"].to_pylist() == ["unknown", "x"]
    assert items["title_raw"].to_pylist() == ["unknown", "x"]
    assert items["year"].to_pylist() == [None, None]
    assert items["genres"].to_pylist() == [[], []]


def test_tags_are_kept_with_indices_or_counted(clean: Any) -> None:
    tags = TAGS + '9,3," slow, dark",70\n9,3,good,60\n77,3,who,5\n9,3,  ,5\n'
    result = clean(GOOD, tags=tags)
    assert rows(result.tables["tags"]) == [(0, 1, "good", 60), (0, 1, "slow, dark", 70)]
    dropped = {"tag is empty": 1, "user is not in the catalogue": 1}
    assert result.counts["tags"] == {"read": 4, "dropped": dropped, "written": 2}


def test_a_tag_of_an_unknown_movie_is_named(clean: Any) -> None:
    with pytest.raises(DataError, match=r"tags.csv, line 2, column movieId \(item_id\): '99'"):
        clean(GOOD, tags=TAGS + "9,99,x,5\n")


def test_windows_line_ends_and_a_byte_order_mark(clean: Any) -> None:
    windows = "\ufeff" + GOOD.replace("\n", "\r\n")
    movies = "\ufeff" + MOVIES.replace("\n", "\r\n")
    assert clean(windows, movies).tables["interactions"].equals(clean(GOOD).tables["interactions"])


def test_the_place_of_every_rating_in_the_source(clean: Any) -> None:
    result = clean(f"{RATINGS}2,3,4,50\n1,20,3,20\n1,3,5,10\n1,20,2,30\n")
    # user 1 by time: movie 3 (third line), movie 20 (last one, which replaces the second)
    assert result.source_row.tolist() == [2, 3, 0]
    assert "source_row" not in result.tables["interactions"].column_names
