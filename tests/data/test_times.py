"""Times of every notation: read as UTC, told apart by size, never mixed, and within 1900-2100."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelbench.data import DataError
from reelbench.data.clean.tables import canonical
from reelbench.data.clean.times import OUTSIDE
from reelbench.data.engine import DuckDB, DuckDBConfig, Engine
from reelbench.data.readers import ReadConfig, read

MOVIES = "item_id,title,genres\n" + "".join(f"{n},Heat {n} (1995),Action\n" for n in range(13))
SECONDS = 1_500_000_000  # 2017-07-14 02:40:00 UTC
TABLES = {
    "ratings": {"file": "ratings.csv", "columns": {"timestamp": "when"}},
    "items": {"file": "movies.csv", "columns": {"title_raw": "title"}},
    "users": {"file": None, "columns": {}},
    "tags": {"file": None, "columns": {}},
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))


@pytest.fixture
def clean(tmp_path: Path, engine: Engine) -> Any:
    """The canonical tables of one user's ratings with these times."""

    def run(times: list[str], time_format: str = "auto", on_bad_rows: str = "fail") -> Any:
        rows = [f'1,{n},4,"{time}"\n' for n, time in enumerate(times)]
        text = "user_id,item_id,rating,when\n" + "".join(rows)
        (tmp_path / "ratings.csv").write_text(text, encoding="utf-8")
        (tmp_path / "movies.csv").write_text(MOVIES, encoding="utf-8")
        config = ReadConfig(
            format="table",
            genre_separator="|",
            no_genre="",
            respell={},
            rating_min=1,
            rating_max=5,
            on_bad_rows=on_bad_rows,
            time_format=time_format,
            tables=TABLES,
        )
        return canonical(read(tmp_path, config, engine), config, engine)

    return run


def seconds(result: Any) -> list[int]:
    return sorted(result.tables["interactions"]["timestamp"].to_pylist())


ISO = [
    *("2017-07-14T02:40:00Z", "2017-07-14 02:40:00", "2017-07-14T02:40", "2017-07-14 02:40:00z"),
    *("2017-07-14T04:40:00+02:00", "2017-07-14T04:40:00+0200", "2017-07-14T04:40:00+02"),
    *("2017-07-13 22:40:00 -04:00", "2017-07-13T22:40:00-0400", "2017-07-14T08:10:00.75+0530"),
    *("2017-07-14T02:40:00.123456789Z", "2017-07-14 02:40:00,5", " 2017-07-14 02:40:00 UTC "),
]


@pytest.mark.parametrize(
    "times",
    [
        ISO,
        ["1500000000", "1.5e9", "1500000000.25"],
        ["1500000000123", " 1500000000123 "],
        ["1500000000123456"],
        ["1500000000123456789"],
    ],
)
def test_a_notation_that_is_recognised(clean: Any, times: list[str]) -> None:
    assert seconds(clean(times)) == [SECONDS] * len(times)


def test_zones_order_the_ratings_of_a_user(clean: Any) -> None:
    result = clean(["2017-07-14T04:40:00+02:00", "2017-07-13T23:00:00-04:00", "2017-07-14"])
    assert seconds(result) == [SECONDS - 9600, SECONDS, SECONDS + 1200]


@pytest.mark.parametrize(
    ("times", "found"),
    [
        (["20170714", "20170715"], [1499990400, 1500076800]),
        (["-86400", "-2208988800"], [-2208988800, -86400]),
        (["0", "1500000000"], [0, SECONDS]),
        (["1955-11-05", "2100-12-31"], [-446774400, 4133894400]),
        # a running number, with some that look like days or dates
        (["1", "100", "25000", "9000", "20170714", "300"], [1, 100, 300, 9000, 25000, 20170714]),
    ],
)
def test_small_numbers_and_times_before_1970(
    clean: Any, times: list[str], found: list[int]
) -> None:
    assert seconds(clean(times)) == found


@pytest.mark.parametrize(
    ("times", "time_format", "found"),
    [
        (["42930.11111111111", "25569"], "excel_days", [0, SECONDS]),
        (["42930", "25569"], "seconds", [25569, 42930]),
        (["1500000000123456", "1"], "microseconds", [0, SECONDS]),
        (["1500000000123456789", "-1"], "nanoseconds", [-1, SECONDS]),
        (["20170714"], "seconds", [20170714]),
        (["5000000000"], "seconds", [5_000_000_000]),  # the year 2128, since it is declared
        (["14.07.2150"], "%d.%m.%Y", [5697043200]),
    ],
)
def test_a_declared_notation(
    clean: Any, times: list[str], time_format: str, found: list[int]
) -> None:
    assert seconds(clean(times, time_format)) == found


def test_days_of_excel_must_be_declared(clean: Any) -> None:
    message = r"line 2, column when \(timestamp\): '42930.1' looks like a day as Excel.*excel_days"
    with pytest.raises(DataError, match=message):
        clean(["42930.1", "42931", "0"], on_bad_rows="drop")


@pytest.mark.parametrize(
    ("times", "why"),
    [
        (["1500000000", "1500000001", "1500000000123"], "not in seconds, as most"),
        (["1500000000123", "1500000001123", "1500000000"], "not in milliseconds, as most"),
        (["20170714", "20170715", "1500000000"], "not in dates like 20170714, as most"),
        (["2017-07-14", "2017-07-15", "1500000000"], "not in ISO dates, as most"),
        (["1500000000", "1500000001", "20170714"], "not in seconds, as most"),
        (["1500000000", "1500000001", "42930"], "not in seconds, as most"),
        (["2017-07-14", "2017-07-15", "12017-07-14"], OUTSIDE),
        (["2017-07-14", "2017-07-15", "2101-01-01"], OUTSIDE),
        (["2017-07-14", "2017-07-15", "1899-12-31"], OUTSIDE),
        (["1500000000", "1500000001", "5000000000"], OUTSIDE),
        (["1500000000", "1500000001", "inf"], "neither a Unix time nor an ISO date"),
        (["1500000000", "1500000001", "1e400"], "neither a Unix time nor an ISO date"),
        (["20170714", "20170715", "20170230"], "neither a Unix time nor an ISO date"),
    ],
)
def test_a_value_unlike_the_others_is_bad(clean: Any, times: list[str], why: str) -> None:
    with pytest.raises(DataError) as error:
        clean(times)
    assert f"line 4, column when (timestamp): '{times[2]}': " in str(error.value)
    assert why in str(error.value)
    counts = clean(times, on_bad_rows="drop").counts["interactions"]
    assert counts["written"] == 2 and [why in reason for reason in counts["dropped"]] == [True]


@pytest.mark.parametrize(
    ("time", "time_format", "why"),
    [
        ("1500000000123", "seconds", "time is outside the years 1 to 9999"),
        ("1e308", "milliseconds", "timestamp is not in milliseconds"),
        ("1e308", "excel_days", "timestamp is not in excel_days"),
        ("-9e307", "seconds", "timestamp is not in seconds"),
        ("inf", "nanoseconds", "timestamp is not in nanoseconds"),
    ],
)
def test_a_declared_time_that_is_none(clean: Any, time: str, time_format: str, why: str) -> None:
    with pytest.raises(DataError, match=rf"line 2, .*'{time}': {why}"):
        clean([time], time_format)
