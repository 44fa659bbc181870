"""The engine that computes Ibis expressions over tables of the size of the ratings.

What differs between engines is here: how to connect, read and write, and what a text means. DuckDB
works in the process; `spark_engine.py` has Apache Spark.
"""

import glob
import itertools
import re
import tempfile
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, ClassVar, Literal

import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.expr.datatypes import Timestamp
from ibis.expr.types import FloatingValue, IntegerValue, StringValue
from pydantic import PositiveInt

from reelbench import params, paths
from reelbench.columns import PART, SOURCE_ROW, USER_IDX
from reelbench.data import DataError
from reelbench.data.columnar import Columnar
from reelbench.data.parquet import Stored, write, write_parts
from reelbench.data.text import TextFile, is_utf8, looked_at, to_utf8
from reelbench.params import Section
from reelbench.spark import SparkConfig

_BLOCK = 2_500_000  # ratings that are sorted at once
_BATCH = 1 << 17  # rows that leave the engine at once


class DuckDBConfig(Section):
    """Section `engine` of DuckDB."""

    name: Literal["duckdb", "spark"]
    threads: PositiveInt
    memory_limit: str  # such as 2GB; beyond it DuckDB works on disk


class SparkEngineConfig(SparkConfig):
    """Section `engine` of Spark."""

    name: Literal["spark"]


def config_of(section: Mapping[str, Any]) -> type[DuckDBConfig | SparkEngineConfig]:
    """The config class to validate a section `engine` with."""
    return SparkEngineConfig if section.get("name") == "spark" else DuckDBConfig


def connect() -> "Engine":
    """The engine that params.yaml names; a SparkError if Spark cannot be used."""
    config = params.load("engine", config_of(params.select(params.read(), "engine")))
    if isinstance(config, DuckDBConfig):
        return DuckDB(config)
    from reelbench.data.spark_engine import SparkEngine

    return SparkEngine(config)


class Engine(ABC):
    """What holds and computes tables of the size of the ratings."""

    distributed: ClassVar[bool] = False  # whether other processes, perhaps elsewhere, hold the rows

    def __init__(self, folder: Path) -> None:
        """`folder` is where temporary files go; made when the first one is needed."""
        self._folder = folder
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._numbers = itertools.count()

    def scratch(self, name: str) -> Path:
        """A path for a temporary file, removed with the engine."""
        if self._scratch is None:
            self._folder.mkdir(exist_ok=True)
            self._scratch = tempfile.TemporaryDirectory(prefix=".scratch-", dir=self._folder)
        return Path(self._scratch.name).absolute() / name

    @abstractmethod
    def text(self, file: TextFile) -> ibis.Table:
        """Our columns of a text file as strings, empty ones null; a DataError if it is no text."""

    def columnar(self, source: Columnar) -> ibis.Table:
        """Our columns of Parquet or of rows in memory as strings, or a DataError."""
        file = self._temporary()
        schema = pa.schema([(name, pa.string()) for name in source.places])
        with pq.ParquetWriter(file, schema, compression="none", use_dictionary=False) as writer:
            for table in source.strings():
                writer.write_table(table)
        return self.parquet(file)

    @abstractmethod
    def parquet(self, path: Path) -> ibis.Table:
        """A Parquet file, or a folder of them."""

    def table(self, rows: pa.Table) -> ibis.Table:
        """Rows in memory as a table of this engine."""
        return self.parquet(self.stored(rows).file)

    def numbered(self, table: ibis.Table) -> ibis.Table:
        """One table as read, computed once (see `cache`), with `source_row` from 0 if known."""
        return self.cache(table)

    @abstractmethod
    def float(self, text: StringValue) -> FloatingValue:
        """A number, null where the text is none."""

    @abstractmethod
    def whole(self, number: FloatingValue) -> IntegerValue:
        """int64, a half rounded to even; null beyond its range."""

    @abstractmethod
    def seconds(self, text: StringValue, pattern: str | None = None) -> IntegerValue:
        """Unix seconds of an ISO date or one like the pattern, null where it is none."""

    @abstractmethod
    def arrow(self, table: ibis.Table) -> pa.Table:
        """Rows of a small expression in memory; a DataError if a text file in it is malformed."""

    def number(self, value: ibis.ir.IntegerScalar) -> int:
        """A number that an expression gives; 0 where it is null."""
        return int(self.arrow(value.name("n").as_table())["n"][0].as_py() or 0)

    @abstractmethod
    def cache(self, table: ibis.Table) -> ibis.Table:
        """An expression computed once, in a temporary file; a DataError as for `arrow`."""

    @abstractmethod
    def store(
        self, rows: ibis.Table, order: Sequence[str], users_of: ibis.Table, n_parts: int = 1
    ) -> list[Stored]:
        """Write the rows of an expression in order to temporary files, in bounded memory.

        The rows of a user must depend on no other user's, and `users_of` is a cheap table with at
        least their users. A column `part` (int, from 0) says to which of the `n_parts` files a row
        goes. The keys of `order`, the first of which is the user, together differ for all rows;
        missing values come first. A DataError as for `arrow`.
        """

    def stored(self, rows: pa.Table) -> Stored:
        """Rows in memory as a temporary file."""
        return write(rows, self._temporary())

    def blocks(self, rows: ibis.Table, users_of: ibis.Table) -> list[ibis.Table]:
        """The rows of some users at a time, about as many as fit into memory; see `store`."""
        return [rows]

    def _temporary(self) -> Path:
        return self.scratch(f"{next(self._numbers)}.parquet")


def sizes(users_of: ibis.Table, engine: Engine) -> tuple[int, int]:
    """Number of blocks of users to work on one at a time, and number of users."""
    count = users_of.agg(n=users_of.count(), users=users_of[USER_IDX].max() + 1)
    n, users = engine.arrow(count).to_pylist()[0].values()
    return max(1, -(-n // _BLOCK)), users or 1


def stored_schema(rows: ibis.Table) -> pa.Schema:
    """Columns of a file that `store` writes."""
    return (rows.drop(PART) if PART in rows.columns else rows).schema().to_pyarrow()


class DuckDB(Engine):
    """A connection to DuckDB, in the process."""

    def __init__(self, config: DuckDBConfig, folder: Path = paths.DATA) -> None:
        super().__init__(folder)
        self._connection = ibis.duckdb.connect(
            threads=config.threads,
            memory_limit=config.memory_limit,
            temp_directory=str(folder / ".duckdb"),
        )
        self._texts: dict[str, tuple[TextFile, bool]] = {}  # by the path that DuckDB reads

    def text(self, file: TextFile) -> ibis.Table:
        content, quoted = self._utf8(file)
        self._texts[str(content)] = file, quoted
        table = self._connection.read_csv(
            glob.escape(str(content)),
            columns={f"c{place}": "string" for place, _ in enumerate(file.names)},
            auto_detect=False,
            compression="none",  # whatever the ending says
            header=file.header,
            delim=file.delimiter,
            quote=file.quote,
            escape=file.quote,
        )
        # The nullif also keeps DuckDB 2.0 from moving a try_cast of a bare column into its reader,
        # where it is a plain cast that fails on the first value that is not a number.
        ours = {name: table[f"c{place}"].nullif("") for name, place in file.places.items()}
        table = table.select(**ours)
        if quoted:  # else a value cannot go on in the next line
            texts = [table[name] for name in table.columns]
            swallowed = [t.contains("\n") & t.contains(file.delimiter) for t in texts]
            if self.number(reduce(or_, swallowed).sum()):
                deque(file.checked(), maxlen=0)
        return table

    def _utf8(self, file: TextFile) -> tuple[Path, bool]:
        """The file in UTF-8, a copy if need be, and whether it has quotes."""
        content = file.content
        for translate in (False, True):
            if not is_utf8(file.encoding) or translate:
                content = self.scratch(f"{next(self._numbers)}-{file.path.name}")
                to_utf8(file, content, translate=translate)
            mixed, quoted = looked_at(file, content)
            if not mixed:
                break
        return content.absolute(), quoted

    def parquet(self, path: Path) -> ibis.Table:
        return self._connection.read_parquet(str(path))

    def table(self, rows: pa.Table) -> ibis.Table:
        return self._connection.create_view(ibis.util.gen_name("reelbench"), ibis.memtable(rows))

    def numbered(self, table: ibis.Table) -> ibis.Table:
        # A copy has the order of its source, and the rows of a Parquet file have numbers; those of
        # text would be counted, in a single thread.
        rows = self._connection.read_parquet(self._copy(table), file_row_number=True)
        return rows.rename({SOURCE_ROW: "file_row_number"})

    def float(self, text: StringValue) -> FloatingValue:
        return text.try_cast("float64")

    def whole(self, number: FloatingValue) -> IntegerValue:
        return number.try_cast("int64")

    def seconds(self, text: StringValue, pattern: str | None = None) -> IntegerValue:
        # with a zone, so that "+02:00" counts; without one in the text it is UTC
        zoned = text.try_cast(Timestamp(timezone="UTC"))
        time = try_strptime(text, pattern) if pattern else zoned
        return time.truncate("s").epoch_seconds().cast("int64")

    def arrow(self, table: ibis.Table) -> pa.Table:
        with self._explained():
            return self._connection.to_pyarrow(table)

    def cache(self, table: ibis.Table) -> ibis.Table:
        return self.parquet(self._copy(table))

    def _copy(self, table: ibis.Table) -> Path:
        file = self._temporary()
        with self._explained():
            self._connection.to_parquet(table, file, compression="snappy")
        return file

    def store(
        self, rows: ibis.Table, order: Sequence[str], users_of: ibis.Table, n_parts: int = 1
    ) -> list[Stored]:
        keys = [ibis.asc(key, nulls_first=True) for key in order]
        blocks = (block.order_by(keys) for block in self.blocks(rows, users_of))
        tables = itertools.chain.from_iterable(map(self._stream, blocks))
        files = [self._temporary() for _ in range(n_parts)]
        return write_parts(tables, stored_schema(rows), files)

    def blocks(self, rows: ibis.Table, users_of: ibis.Table) -> list[ibis.Table]:
        n, users = sizes(users_of, self)
        if n == 1:
            return [rows]
        edges = np.linspace(0, users, n + 1).astype(int).tolist()
        user = rows[USER_IDX]
        return [rows.filter(user >= a, user < b) for a, b in itertools.pairwise(edges)]

    def _stream(self, rows: ibis.Table) -> Iterator[pa.Table]:
        """The rows of an expression, some at a time, before the last are computed."""
        with self._explained():
            found = self._connection.con.sql(self._connection.compile(rows))
            for batch in found.to_arrow_reader(_BATCH):
                yield pa.Table.from_batches([batch])

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except duckdb.InvalidInputException as error:
            raise DataError(self._explain(error)) from error

    def _explain(self, error: Exception) -> str:
        """File, line and fault from DuckDB's message, without advice on DuckDB's own options."""
        report = str(error)
        found = re.search(r"^ *file = (.+)$", report, re.MULTILINE)
        line = re.search(r"CSV Error on Line: (\d+)", report)
        file, quoted = self._texts.get(found[1], (None, False)) if found else (None, False)
        if not file:
            where = "read.time_format: " if "format specifier" in report else ""
            return where + report.splitlines()[0].removeprefix("Invalid Input Error: ")
        if not line or quoted:  # DuckDB counts rows and not lines where values have line breaks
            deque(file.checked(), maxlen=0)  # raises, with the line
            return f"{file.path}: {report.splitlines()[0]}"
        fault = report.partition("Possible")[0].strip().splitlines()[-1].rstrip(".")
        where = f"{file.path}, line {line[1]}"
        return f"{where}: {fault}. Correct it, or set read.delimiter or read.quote"


@ibis.udf.scalar.builtin
def try_strptime(text: str, pattern: str) -> Timestamp(timezone=None):  # type: ignore[valid-type]
    """DuckDB's function: a time, null where the text does not match the pattern."""
