"""Files whose bytes depend on their rows alone, however the rows come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reelbench.data import parquet

N = 5000


@pytest.fixture
def table() -> pa.Table:
    """Rows with a number that has as many digits at the end as at no other place."""
    rng = np.random.default_rng(0)
    rating = pa.array(rng.random(N), pa.float32())
    user = pa.array(np.arange(N), pa.int32())
    return pa.table({"user_idx": user, "rating": rating, "source_row": rng.permutation(N)})


@pytest.mark.parametrize("group", [1_000_000, 700])
def test_pieces_give_the_bytes_of_the_whole(
    table: pa.Table, group: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of pyarrow itself, and that of NumPy, with what is written a piece at a time."""
    monkeypatch.setattr(parquet, "_ROW_GROUP", group)
    whole, rows = tmp_path / "whole.parquet", table.drop_columns("source_row")
    pq.write_table(rows, whole, row_group_size=group)
    np.save(tmp_path / "whole.npy", table["source_row"].to_numpy())
    with parquet.RowWriter(tmp_path / "pieces.parquet", table.schema) as writer:
        for start, stop in ((0, 0), (0, 17), (17, 2500), (2500, N)):
            writer.write(table.slice(start, stop - start))
    for ending in (".parquet", ".npy"):
        pieces = (tmp_path / "pieces").with_suffix(ending)
        assert pieces.read_bytes() == whole.with_suffix(ending).read_bytes()
    assert len(writer.stored) == N
    assert writer.stored.read().equals(rows)


def test_no_rows_are_a_file_too(table: pa.Table, tmp_path: Path) -> None:
    with parquet.RowWriter(tmp_path / "a.parquet", table.schema) as writer:
        pass
    assert len(writer.stored) == 0
    assert writer.stored.read().schema.names == ["user_idx", "rating"]
    assert np.load(tmp_path / "a.npy").shape == (0,)


def test_metadata_of_pandas_is_left_out(table: pa.Table, tmp_path: Path) -> None:
    parquet.write(table, tmp_path / "a.parquet")
    parquet.write(table.replace_schema_metadata({"pandas": "x"}), tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
