"""The engine that computes Ibis expressions over tables of the size of the ratings.

DuckDB, in the process. What would differ with another engine is here: how to connect, and how to
read text and Parquet.
"""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import PositiveInt

from reelbench import paths
from reelbench.columns import PART, SOURCE_ROW, USER_IDX
from reelbench.data import DataError
from reelbench.data.parquet import RowWriter, Stored, write
from reelbench.data.text import TextFile, is_utf8, to_utf8
from reelbench.params import Section

# ratings that are sorted at once
_BLOCK = 2_500_000
# rows that leave the engine at once
_BATCH = 1 << 17

Order = Sequence[str | ibis.ir.Column]


class EngineConfig(Section):
    """Section `engine`."""

    name: Literal["duckdb"]
    threads: PositiveInt
    memory_limit: str  # such as 2GB; beyond it DuckDB works on disk


class Engine:
    """A connection to DuckDB."""

    def __init__(self, config: EngineConfig, folder: Path = paths.DATA) -> None:
        """Connect.

        Args:
            config: threads and memory.
            folder: where temporary files go; made when the first one is needed.
        """
        self._folder = folder
        self._connection = ibis.duckdb.connect(
            threads=config.threads,
            memory_limit=config.memory_limit,
            temp_directory=str(folder / ".duckdb"),
        )
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._copies: dict[str, str] = {}
        self._numbers = itertools.count()

    def scratch(self, name: str) -> Path:
        """A path for a temporary file, removed with the engine."""
        if self._scratch is None:
            self._folder.mkdir(exist_ok=True)
            self._scratch = tempfile.TemporaryDirectory(prefix=".scratch-", dir=self._folder)
        return Path(self._scratch.name) / name

    def text(self, file: TextFile) -> ibis.Table:
        """A text file as a table of strings; an empty value, quoted or not, is null.

        Raises:
            DataError: the file has another encoding.
        """
        table = self._connection.read_csv(
            str(self._utf8(file)),
            columns=dict.fromkeys(file.columns, "string"),
            auto_detect=False,
            header=file.header,
            delim=file.delimiter,
            quote=file.quote,
            escape=file.quote,
        )
        # The nullif also keeps DuckDB 2.0 from moving a try_cast of a bare column into its reader,
        # where it is a plain cast that fails on the first value that is not a number.
        return table.select(**{name: table[name].nullif("") for name in table.columns})

    def _utf8(self, file: TextFile) -> Path:
        """The file, or a copy in UTF-8: DuckDB reads few other encodings."""
        if is_utf8(file.encoding):
            return file.path
        copy = self.scratch(f"{len(self._copies)}-{file.path.name}").absolute()
        to_utf8(file, copy)
        self._copies[str(copy)] = str(file.path)
        return copy

    def parquet(self, path: Path) -> ibis.Table:
        """A Parquet file."""
        return self._connection.read_parquet(str(path))

    def table(self, rows: pa.Table) -> ibis.Table:
        """Rows in memory as a table of this engine, without a copy."""
        return self._connection.create_view(ibis.util.gen_name("reelbench"), ibis.memtable(rows))

    def numbered(self, table: ibis.Table) -> ibis.Table:
        """A table as read, with its row numbers from 0 in the column `source_row`."""
        # text is read in the order of the file, so a number without an order is that of the row
        return table.mutate(**{SOURCE_ROW: ibis.row_number()})

    def arrow(self, table: ibis.Table) -> pa.Table:
        """The rows of an expression, in memory: not for tables of the size of the ratings.

        Raises:
            DataError: a text file that the expression reads is malformed.
        """
        with self._explained():
            return self._connection.to_pyarrow(table)

    def number(self, value: ibis.ir.IntegerScalar) -> int:
        """A number that an expression gives; 0 where it is null."""
        return int(self.arrow(value.name("n").as_table())["n"][0].as_py() or 0)

    def cache(self, table: ibis.Table) -> ibis.Table:
        """The result of an expression, computed once and kept in a temporary file.

        Raises:
            DataError: a text file that the expression reads is malformed.
        """
        file = self._temporary()
        with self._explained():
            self._connection.to_parquet(table, file, compression="snappy")
        return self.parquet(file)

    def store(
        self, rows: ibis.Table, order: Order, users_of: ibis.Table, n_parts: int = 1
    ) -> list[Stored]:
        """Write the rows of an expression in order to temporary files, in bounded memory.

        Args:
            rows: an expression whose rows of a user depend on no other user's. A column `part`
                (int, from 0) says which file a row goes to.
            order: keys, the first of which is the user; together they differ for all rows.
            users_of: a table without expensive columns and with at least the users of `rows`.
            n_parts: number of files.

        Raises:
            DataError: a text file that the expression reads is malformed.
        """
        schema = rows.drop(PART) if PART in rows.columns else rows
        with ExitStack() as stack:
            writers = [
                stack.enter_context(RowWriter(self._temporary(), schema.schema().to_pyarrow()))
                for _ in range(n_parts)
            ]
            for block in self.blocks(rows, users_of):
                for table in self._stream(block.order_by(order)):
                    for code, writer in enumerate(writers):
                        own = table.filter(pc.equal(table[PART], code)) if n_parts > 1 else table
                        writer.write(own)
        return [writer.stored for writer in writers]

    def stored(self, rows: pa.Table) -> Stored:
        """Rows in memory as a temporary file."""
        file = self._temporary()
        write(rows, file)
        return Stored(file)

    def blocks(self, rows: ibis.Table, users_of: ibis.Table) -> list[ibis.Table]:
        """The rows of some users at a time, about as many as fit into memory; see `store`."""
        count = users_of.agg(n=users_of.count(), users=users_of[USER_IDX].max() + 1)
        n, users = self.arrow(count).to_pylist()[0].values()
        if n <= _BLOCK:
            return [rows]
        edges = np.linspace(0, users, -(-n // _BLOCK) + 1).astype(int).tolist()
        user = rows[USER_IDX]
        return [rows.filter(user >= a, user < b) for a, b in itertools.pairwise(edges)]

    def _stream(self, rows: ibis.Table) -> Iterator[pa.Table]:
        """The rows of an expression, some at a time, before the last are computed."""
        with self._explained():
            found = self._connection.con.sql(self._connection.compile(rows))
            for batch in found.to_arrow_reader(_BATCH):
                yield pa.Table.from_batches([batch])

    def _temporary(self) -> Path:
        return self.scratch(f"{next(self._numbers)}.parquet")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except duckdb.InvalidInputException as error:
            raise DataError(self._explain(error)) from error

    def _explain(self, error: Exception) -> str:
        """File, line and fault from DuckDB's message, without advice on DuckDB's own options."""
        report = str(error)
        file = re.search(r"^ *file = (.+)$", report, re.MULTILINE)
        line = re.search(r"CSV Error on Line: (\d+)", report)
        if not file:
            return report.splitlines()[0]
        name = _relative(Path(self._copies.get(file[1], file[1])))
        if not line:
            return (
                f"{name}: all lines must have the same line ending, and every quote must be closed"
            )
        fault = report.partition("Possible")[0].strip().splitlines()[-1]
        return f"{name}, line {line[1]}: {fault}. Correct it, or set read.delimiter or read.quote"


def _relative(path: Path) -> Path:
    """The path as the user wrote it; DuckDB reports absolute paths."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
