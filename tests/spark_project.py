"""Projects whose stages clean and split run on DuckDB and on Spark, and their comparison."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml
from places import CONF
from spark_cluster import MEMORY

from reelbench import paths
from reelbench.files import read_json

DUCKDB = {"name": "duckdb", "threads": 1, "memory_limit": "500MB"}
SPARK = {"name": "spark", "master": "local[2]", **MEMORY}
OFF = {"tagged": False, "min_per_user": 0, "min_per_item": 0, "repeat": True}
LARGE = (paths.INTERACTIONS, paths.TAGS, paths.TRAIN, paths.VALID, paths.TEST, paths.KNOWN_TAGS)


def conf(group: str, name: str) -> dict[str, Any]:
    """A file of conf/."""
    return yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8"))


def project(
    folder: Path, raw: Path, engine: dict[str, Any], data: str, protocol: str, **more: Any
) -> None:
    """A project in `folder`, which becomes the current one, with the data read so far."""
    (folder / "data").mkdir(parents=True)
    os.symlink(raw, folder / "data" / "raw")
    os.chdir(folder)
    content = {"engine": engine, "data": conf("data", data), "split": conf("split", protocol)}
    content |= {"filter": OFF, "enrich": {"name": "none", "list": None}, "seed": 1, "threads": 1}
    content["data"]["read"] |= more.pop("read", {})
    paths.PARAMS.write_text(yaml.safe_dump(content | more), encoding="utf-8")


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
