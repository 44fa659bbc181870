"""The engine: what it writes piece by piece is what it would write at once, in bounded memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml

from reelbench import paths
from reelbench.columns import PART
from reelbench.data import engine as module
from reelbench.data.engine import DuckDB, DuckDBConfig
from reelbench.files import sha256_tree
from reelbench.stages import clean, split

N, N_USERS, N_ITEMS = 20_000, 300, 200
CONF = Path(__file__).parents[2] / "conf"
ENGINE = {"name": "duckdb", "threads": 1, "memory_limit": "200MB"}


@pytest.fixture
def rows() -> pa.Table:
    """Different pairs, in no order, each with a part."""
    rng = np.random.default_rng(0)
    pairs = rng.permutation(N_USERS * N_ITEMS)[:N]
    user, item = (pa.array(column, pa.int32()) for column in divmod(pairs, N_ITEMS))
    part = pa.array(rng.integers(0, 3, N), pa.int8())
    return pa.table({"user_idx": user, "item_idx": item, PART: part})


def test_blocks_of_users_and_parts_are_the_sorted_rows(
    rows: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = DuckDB(DuckDBConfig(**ENGINE), tmp_path)
    table, order = engine.table(rows), ["user_idx", "item_idx"]
    whole = engine.store(table, order, table, n_parts=3)
    monkeypatch.setattr(module, "_BLOCK", 1_999)
    assert len(engine.blocks(table, table)) == 11
    pieces = engine.store(table, order, table, n_parts=3)
    for code, (one, other) in enumerate(zip(whole, pieces, strict=True)):
        own = rows.filter(pa.compute.equal(rows[PART], code)).drop_columns(PART)
        assert one.read().equals(own.sort_by([(key, "ascending") for key in order]))
        assert one.file.read_bytes() == other.file.read_bytes()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """20,000 ratings, 100 of them twice, with the settings of ml-latest-small."""
    monkeypatch.chdir(tmp_path)
    paths.RAW.mkdir(parents=True)
    rng = np.random.default_rng(0)
    pairs = rng.permutation(N_USERS * N_ITEMS)[: N - 100]
    pairs = np.concatenate([pairs, pairs[:100]])
    ratings = [f"{p // N_ITEMS},{p % N_ITEMS},{1 + p % 9 / 2},{10**9 + p % 997}" for p in pairs]
    movies = [f"{i},Heat {i} (1960),Action" for i in range(N_ITEMS)]
    for name, lines in {
        "ratings.csv": ["userId,movieId,rating,timestamp", *ratings],
        "movies.csv": ["movieId,title,genres", *movies],
    }.items():
        (paths.RAW / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    conf: dict[str, Any] = {
        name: yaml.safe_load((CONF / name / f"{entry}.yaml").read_text(encoding="utf-8"))
        for name, entry in (("data", "ml-latest-small"), ("split", "temporal_user"))
    }
    off = {"tagged": False, "min_per_user": 0, "min_per_item": 0, "repeat": True}
    more = {"engine": ENGINE, "filter": off, "enrich": {"name": "none", "list": None}, "seed": 1}
    paths.PARAMS.write_text(yaml.safe_dump(conf | more), encoding="utf-8")


def test_stages_hold_no_table_of_ratings(project: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes out of DuckDB at once has at most a row per user; the bytes are those at once."""
    clean.run()
    split.run()
    whole = [sha256_tree(folder) for folder in (paths.CLEAN, paths.SPLIT)]
    found: list[int] = []

    def spied(self: DuckDB, table: Any) -> pa.Table:
        found.append(len(result := arrow(self, table)))
        return result

    arrow = DuckDB.arrow
    monkeypatch.setattr(DuckDB, "arrow", spied)
    monkeypatch.setattr(module, "_BLOCK", 3_000)
    monkeypatch.setattr(module, "_BATCH", 500)
    stream = DuckDB._stream
    pieces: list[int] = []

    def counted(self: DuckDB, table: Any) -> Any:
        for piece in stream(self, table):
            pieces.append(len(piece))
            yield piece

    monkeypatch.setattr(DuckDB, "_stream", counted)
    clean.run()
    split.run()
    assert max(found) == N_USERS
    assert sum(pieces) == 2 * (N - 100)
    assert max(pieces) <= 2048  # DuckDB's smallest unit
    assert [sha256_tree(folder) for folder in (paths.CLEAN, paths.SPLIT)] == whole
