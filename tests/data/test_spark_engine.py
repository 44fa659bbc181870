"""`engine=spark`: clean and split write the rows that DuckDB writes, in the same order."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from places import shared
from spark_cluster import why_not

from reelbench import paths
from reelbench.data import DataError
from reelbench.data import engine as module
from reelbench.files import read_json, sha256_tree
from reelbench.stages import clean, split

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.skipif(**why_not())]

CONF = Path(__file__).parents[2] / "conf"
DUCKDB = {"name": "duckdb", "threads": 1, "memory_limit": "500MB"}
SPARK = {"name": "spark", "master": "local[2]", "driver_memory": "1g", "partitions": 2}
OFF = {"tagged": False, "min_per_user": 0, "min_per_item": 0, "repeat": True}
LARGE = (paths.INTERACTIONS, paths.TAGS, paths.TRAIN, paths.VALID, paths.TEST, paths.KNOWN_TAGS)

# numbers and times as people write them, some of which are none
RATINGS = (" 4.0 ", "4", ".5", "1e0", "+3", "5.", "5d", "nan", "inf", "x", "", '"4"', "0x1")
TIMES = (
    *("100", " 7 ", "964982703.5", "964982704.5", "1e9", "9e18", "1e19", "-5", "x", "2019-01"),
    *("2019-01-02", "2019-01-02 10:11:12", "2019-01-02T10:11:12Z", "2019-01-02 10:11:12.5+02:00"),
    *("2019-02-30", "", '""'),
)
TAGS = ("slow", " slow ", '"a ""b"", c"', "Überlänge", "\tx", "", '"  "', "ZZ", "zz", "~")


def conf(group: str, name: str) -> dict[str, Any]:
    return yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8"))


def project(folder: Path, engine: dict[str, Any], data: str, protocol: str, **more: Any) -> None:
    """A project in `folder`, which becomes the current one, with the data read so far."""
    folder.mkdir()
    (folder / "data").mkdir()
    os.symlink(folder.parent / "raw", folder / "data" / "raw")
    os.chdir(folder)
    content = {"engine": engine, "data": conf("data", data), "split": conf("split", protocol)}
    content |= {"filter": OFF, "enrich": {"name": "none", "list": None}, "seed": 1}
    content["data"]["read"] |= more.pop("read", {})
    paths.PARAMS.write_text(yaml.safe_dump(content | more), encoding="utf-8")


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
    tags = [f"{n % 45},{n * n % 31},{TAGS[n % len(TAGS)]},{n % 1500}" for n in range(200)]
    movies = [f'{n},"Heat, The ({1960 + n})",Action' for n in range(30)]
    for name, lines in {
        "ratings.csv": ["userId,movieId,rating,timestamp", *rows],
        "movies.csv": ["movieId,title,genres", *movies],
        "tags.csv": ["userId,movieId,tag,timestamp", *tags],
    }.items():
        (raw / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return raw


def assert_same(one: Path, other: Path) -> None:
    """All tables row for row, all counts, and the rows that could not be used."""
    for name in LARGE:
        first, second = pq.read_table(one / name), pq.read_table(other / name)
        assert first.equals(second), name
    for name in (paths.CLEAN_COUNTS, paths.CATALOGUE, paths.SPLIT_COUNTS):
        assert read_json(one / name) == read_json(other / name), name
    for name in ("interactions", "tags"):
        rows = [folder / paths.dropped_rows(name) for folder in (one, other)]
        assert rows[0].exists() == rows[1].exists()
        assert not rows[0].exists() or rows[0].read_bytes() == rows[1].read_bytes()


def test_the_rows_of_duckdb_from_text_of_every_kind(odd: Path) -> None:
    """Repeated pairs, bad rows, missing times and a filter too."""
    keep = OFF | {"min_per_user": 12, "min_per_item": 12}
    changes = {"filter": keep, "read": {"on_bad_rows": "drop"}}
    for name, engine in (("duckdb", DUCKDB), ("spark", SPARK)):
        project(odd.parent / name, engine, "ml-latest-small", "cold_items", **changes)
        clean.run()
        split.run()
    assert_same(odd.parent / "duckdb", odd.parent / "spark")
    counts = read_json(paths.CLEAN_COUNTS)["interactions"]
    assert counts["written"] == 272 and len(counts["dropped"]) == 5


def test_protocols_and_the_same_bytes_twice(odd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a table in three blocks, each a file."""
    (odd / "tags.csv").unlink()
    rows = [f"{n % 40},{n // 40},{1 + n % 4},{1000 + n * 7919 % 1009}" for n in range(1200)]
    text = "\n".join(["userId,movieId,rating,timestamp", *rows]) + "\n"
    (odd / "ratings.csv").write_text(text, encoding="utf-8")
    monkeypatch.setattr(module, "_BLOCK", 500)
    for protocol in ("temporal_user", "temporal_global", "leave_one_out"):
        for name, engine in (("duckdb", DUCKDB), ("spark", SPARK)):
            project(odd.parent / f"{protocol}-{name}", engine, "ml-latest-small", protocol)
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
    project(odd.parent / "random", SPARK, "ml-latest-small", "random")
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
    project(odd.parent / "times", SPARK, "ml-latest-small", "random", read=params)
    with pytest.raises(DataError, match=r"read by engine=duckdb alone"):
        clean.run()


@pytest.mark.parametrize(
    ("data", "files"),
    [
        ("ml-100k", ("u.data", "u.item", "u.user")),
        ("ml-latest-small", ("ratings.csv", "movies.csv", "tags.csv")),
    ],
)
def test_published_data(
    data: str, files: tuple[str, ...], raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BLOCK", 30_000)
    for file in files:
        shutil.copy(shared(f"{data}/{file}"), raw / file)
    for name, engine in (("duckdb", DUCKDB), ("spark", SPARK)):
        project(raw.parent / name, engine, data, "temporal_user")
        clean.run()
        split.run()
    assert_same(raw.parent / "duckdb", raw.parent / "spark")
