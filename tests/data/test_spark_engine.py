"""`engine=spark`: clean and split write the rows that DuckDB writes, in the same order."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from spark_cluster import connect_server, why_not
from spark_project import DUCKDB, OFF, SPARK, assert_same, project

from reelbench import paths
from reelbench.data import DataError
from reelbench.data import engine as module
from reelbench.files import read_json, sha256_tree
from reelbench.stages import clean, split

pytestmark = [
    *(pytest.mark.spark, pytest.mark.slow, pytest.mark.skipif(**why_not())),
    pytest.mark.usefixtures("java"),
]

# numbers and times as people write them, some of which are none
RATINGS = (" 4.0 ", "4", ".5", "1e0", "+3", "5.", "5d", "nan", "inf", "x", "", '"4"', "0x1")
TIMES = (
    *("100", " 7 ", "964982703.5", "964982704.5", "1e9", "9e18", "1e19", "-5", "x", "2019-01"),
    *("2019-01-02", "2019-01-02 10:11:12", "1500000000123", "20190102", "42930.1", "5000000000"),
    *("2019-02-30", "", '""', "0"),
)
DATES = (
    *("2019-01-02", "2019-01-02 10:11:12", "2019-01-02T10:11:12Z", "2019-01-02 10:11:12.5+02:00"),
    *("2019-01-02 10:11:12.75+0530", "2019-01-02T10:11:12-04", "2019-01-02T10:11z", "1955-11-05"),
    *("2019-01-02 10:11:12 +02:00", "2019-01-02 10:11:12,5", "1899-01-02", "2019-02-30", "7", ""),
)
TAGS = ("slow", " slow ", '"a ""b"", c"', "Überlänge", "\tx", "", '"  "', "ZZ", "zz", "~")


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for files as published, and blocks of few ratings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "_BLOCK", 700)
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


@pytest.fixture
def odd(raw: Path) -> Path:
    """1,000 ratings of 40 users, with numbers, times and tags of every kind; some pairs twice."""
    rows = [
        f"{n % 40},{n * n % 31},{RATINGS[n % 61 % len(RATINGS)] if n % 3 else 1 + n % 4},"
        f"{TIMES[n % 53 % len(TIMES)] if n % 2 else 1000 + n % 9}"
        for n in range(1000)
    ]
    dates = [f'"{DATES[n % len(DATES)]}"' for n in range(200)]
    tags = [f"{n % 45},{n * n % 31},{TAGS[n % len(TAGS)]},{dates[n]}" for n in range(200)]
    movies = [f'{n},"Heat, The ({1960 + n})",Action' for n in range(30)]
    for name, lines in {
        "ratings.csv": ["userId,movieId,rating,timestamp", *rows],
        "movies.csv": ["movieId,title,genres", *movies],
        "tags.csv": ["userId,movieId,tag,timestamp", *tags],
    }.items():
        (raw / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return raw


def test_the_rows_of_duckdb_from_text_of_every_kind(odd: Path, tmp_path: Path) -> None:
    """Repeated pairs, bad rows, missing times and a filter too; by Spark Connect.

    In processes of their own: one has either a session of Java or one of Spark Connect.
    """
    keep = OFF | {"min_per_user": 12, "min_per_item": 12}
    changes = {"filter": keep, "read": {"on_bad_rows": "drop"}}
    project(tmp_path / "duckdb", odd, DUCKDB, "ml-latest-small", "cold_items", **changes)
    clean.run()
    split.run()
    with connect_server(tmp_path) as master:
        engine = SPARK | {"master": master}
        project(tmp_path / "spark", odd, engine, "ml-latest-small", "cold_items", **changes)
        for stage in ("clean", "split"):
            run = [sys.executable, "-m", "reelbench.stages", stage]
            subprocess.run(run, check=True, timeout=300)
    assert_same(tmp_path / "duckdb", tmp_path / "spark")
    counts = read_json(paths.CLEAN_COUNTS)["interactions"]
    assert counts["written"] == 224 and len(counts["dropped"]) == 7


def test_protocols_and_the_same_bytes_twice(odd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a table in three blocks, each a file."""
    (odd / "tags.csv").unlink()
    rows = [f"{n % 40},{n // 40},{1 + n % 4},{1000 + n * 7919 % 1009}" for n in range(1200)]
    text = "\n".join(["userId,movieId,rating,timestamp", *rows]) + "\n"
    (odd / "ratings.csv").write_text(text, encoding="utf-8")
    monkeypatch.setattr(module, "_BLOCK", 500)
    for protocol in ("temporal_user", "temporal_global", "leave_one_out", "held_out_users"):
        for name, engine in (("duckdb", DUCKDB), ("spark", SPARK)):
            project(odd.parent / f"{protocol}-{name}", odd, engine, "ml-latest-small", protocol)
            if protocol != "temporal_user":
                first = odd.parent / f"temporal_user-{name}"
                shutil.copytree(first / paths.CLEAN, paths.CLEAN)
            else:
                clean.run()
            split.run()
        assert_same(*(odd.parent / f"{protocol}-{name}" for name in ("duckdb", "spark")))
    files = sorted(file.name for file in paths.INTERACTIONS.iterdir())
    assert files == ["00000.parquet", "00001.parquet", "00002.parquet"]
    before = sha256_tree(paths.SPLIT)
    split.run()
    assert sha256_tree(paths.SPLIT) == before


def test_what_spark_cannot_do_is_said(odd: Path) -> None:
    (odd / "tags.csv").unlink()
    project(odd.parent / "random", odd, SPARK, "ml-latest-small", "random")
    (odd / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n1,2,3,4\n1,3\n", encoding="utf-8"
    )
    with pytest.raises(DataError, match=r"too many or too few values.*: 1,3"):
        clean.run()
    (odd / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,2,3,4\n", encoding="utf-8")
    clean.run()
    with pytest.raises(DataError, match=r"split random draws among all ratings in one process"):
        split.run()
    params = {"time_format": "%d.%m.%Y"}
    project(odd.parent / "times", odd, SPARK, "ml-latest-small", "random", read=params)
    with pytest.raises(DataError, match=r"read by engine=duckdb alone"):
        clean.run()


def test_the_rows_of_duckdb_from_parquet_with_types(raw: Path, tmp_path: Path) -> None:
    """Parts, ids of several types, times with a type, and names that differ by case alone."""
    (raw / "ratings.csv").mkdir()
    times = pd.to_datetime(["2020-01-01", None, "1969-12-31"])
    for part in range(2):
        columns = {
            "user_id": [1.0, 2.0, None],
            "item_id": pd.Categorical(["7", "8", "7"]),
            "RATING": "x",
            "rating": [4.0, 3.5, None],
            "timestamp": times + pd.Timedelta(part, "D"),
        }
        pd.DataFrame(columns).to_parquet(raw / "ratings.csv" / f"part-{part}.parquet")
    (raw / "ratings.csv" / "_SUCCESS").touch()
    movies = pd.DataFrame({"item_id": [7.0, 8.0], "title": ["Heat", "Up"], "genres": [["a"], None]})
    movies.to_parquet(raw / "items.csv")
    for name, engine in (("duckdb", DUCKDB), ("spark", SPARK)):
        drop = {"on_bad_rows": "drop"}
        project(tmp_path / name, raw, engine, "csv", "leave_one_out", read=drop)
        clean.run()
    for table in (paths.INTERACTIONS, paths.USERS, paths.ITEMS):
        both = [pq.read_table(tmp_path / name / table) for name in ("duckdb", "spark")]
        assert both[0].equals(both[1]), table
    assert read_json(paths.CLEAN_COUNTS)["interactions"]["read"] == 6


def test_the_published_files_of_ml_latest_small(
    ml_latest_small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "_BLOCK", 30_000)
    for name, engine in (("duckdb", DUCKDB), ("spark", SPARK)):
        project(tmp_path / name, ml_latest_small, engine, "ml-latest-small", "temporal_user")
        clean.run()
        split.run()
    assert_same(tmp_path / "duckdb", tmp_path / "spark")
    assert read_json(paths.CLEAN_COUNTS)["interactions"]["written"] == 100_836
