"""Parquet files whose bytes depend on their rows alone, written as the rows come."""

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reelbench.columns import PART, SOURCE_ROW

_ROW_GROUP = 1_000_000  # fixed: the bytes of a file must not depend on the pieces that rows come in


@dataclass(frozen=True)
class Stored:
    """A sorted table on disk."""

    file: Path  # Parquet, or a folder of Parquet files whose names are in the order of the rows
    #: int64 in NumPy's format, the number of each row in the source, from 0; None if unknown
    source_row: Path | None = None

    def __len__(self) -> int:
        files = sorted(self.file.glob("*.parquet")) if self.file.is_dir() else [self.file]
        return sum(pq.read_metadata(file).num_rows for file in files)

    def read(self) -> pa.Table:
        """All rows."""
        return pq.read_table(self.file)

    def move(self, file: Path, source_row: Path | None = None) -> None:
        """Give the files other names."""
        os.replace(self.file, file)
        if self.source_row and source_row:
            os.replace(self.source_row, source_row)


def write(table: pa.Table, file: Path) -> Stored:
    """Write a table in memory, without metadata of pandas."""
    return write_parts([table], table.schema, [file])[0]


def write_parts(
    tables: Iterable[pa.Table], schema: pa.Schema, files: Sequence[Path]
) -> list[Stored]:
    """Write rows as they come to the file that their column `part` counts, or to the only one."""
    with ExitStack() as stack:
        writers = [stack.enter_context(RowWriter(file, schema)) for file in files]
        for table in tables:
            for code, writer in enumerate(writers):
                own = table.filter(pc.equal(table[PART], code)) if len(files) > 1 else table
                writer.write(own)
    return [writer.stored for writer in writers]


class RowWriter:
    """Writes a table piece by piece; a column `source_row` goes to an array of its own."""

    def __init__(self, file: Path, schema: pa.Schema) -> None:
        names = [name for name in schema.names if name != SOURCE_ROW]
        self._schema = pa.schema([schema.field(name) for name in names])
        self._writer = pq.ParquetWriter(file, self._schema)
        numbers = file.with_suffix(".npy") if SOURCE_ROW in schema.names else None
        self._numbers = _Array(numbers) if numbers else None
        self._held: list[pa.Table] = []
        self._written = False
        self.stored = Stored(file, numbers)

    def __enter__(self) -> Self:
        return self

    def write(self, rows: pa.Table) -> None:
        """Add rows, which are written when they fill a group."""
        if self._numbers is not None:
            self._numbers.write(rows[SOURCE_ROW])
        self._held.append(rows.select(self._schema.names).cast(self._schema))
        while sum(map(len, self._held)) >= _ROW_GROUP:
            held = pa.concat_tables(self._held)
            self._held = [held.slice(_ROW_GROUP)]
            self._group(held.slice(0, _ROW_GROUP))

    def _group(self, rows: pa.Table) -> None:
        self._writer.write_table(rows.combine_chunks(), row_group_size=_ROW_GROUP)
        self._written = True

    def __exit__(self, *error: object) -> None:
        rest = pa.concat_tables([self._schema.empty_table(), *self._held])
        if len(rest) or not self._written:
            self._group(rest)
        self._writer.close()
        if self._numbers is not None:
            self._numbers.close()


class _Array:
    """An array of int64 in the format of NumPy, whose length is known at its end."""

    def __init__(self, file: Path) -> None:
        self._stream: BinaryIO = file.open("wb")
        self._n = 0
        self._head()

    def _head(self) -> None:
        """The header; NumPy leaves room in it for a length of any number of digits."""
        head = {"descr": "<i8", "fortran_order": False, "shape": (self._n,)}
        np.lib.format.write_array_header_1_0(self._stream, head)

    def write(self, values: pa.ChunkedArray) -> None:
        for chunk in values.chunks:
            self._stream.write(np.ascontiguousarray(chunk.to_numpy(), dtype="<i8").data)
        self._n += len(values)

    def close(self) -> None:
        self._stream.seek(0)
        self._head()
        self._stream.close()
