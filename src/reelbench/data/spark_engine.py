"""Apache Spark as the engine: executors read, compute and write, and the driver sees no rating.

Tables are folders of Parquet files, one per block of users, whose names are in the order of the
rows. Paths must mean the same on every machine.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.expr.datatypes import Timestamp
from ibis.expr.types import FloatingValue, IntegerValue, StringValue

from reelbench import paths
from reelbench.columns import USER_IDX
from reelbench.data import DataError
from reelbench.data.columnar import Columnar
from reelbench.data.engine import Engine, SparkEngineConfig, sizes, stored_schema
from reelbench.data.parquet import Stored, write_parts
from reelbench.data.text import TextFile, is_utf8
from reelbench.spark import SparkError, explained, spark_session

_BLOCK = "_block"
# what both engines take for a number, and for a time
_NUMBER = r"^\s*[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf(inity)?|nan))\s*$"
_TIME = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?$"
_NO_SECONDS = r"^.{16}([^:]|$)"


class SparkEngine(Engine):
    """A session of Spark."""

    distributed: ClassVar[bool] = True

    def __init__(self, config: SparkEngineConfig, folder: Path = paths.DATA) -> None:
        super().__init__(folder)
        self._master = config.master
        self._session = spark_session(config)
        # else a line with too many or too few values passes where a query needs few of them
        self._session.conf.set("spark.sql.csv.parser.columnPruning.enabled", "false")
        self._session.conf.set("spark.sql.caseSensitive", "true")
        self._connection = ibis.pyspark.connect(self._session)

    def text(self, file: TextFile) -> ibis.Table:
        options: dict[str, Any] = {
            "header": file.header,
            "sep": file.delimiter,
            "quote": file.quote,
            "escape": file.quote,
            "encoding": "UTF-8" if is_utf8(file.encoding) else file.encoding,
            "mode": "FAILFAST",
            "nullValue": "",
            "emptyValue": "",
        }
        columns = ", ".join(f"c{place} string" for place, _ in enumerate(file.names))
        reader = self._session.read.schema(columns).options(**options)
        table = self._view(reader.csv(str(file.content.absolute())))
        return table.select(**{name: table[f"c{place}"] for name, place in file.places.items()})

    def columnar(self, source: Columnar) -> ibis.Table:
        if isinstance(source.content, pa.Table):
            return super().columnar(source)
        files = [str(part.absolute()) for part in source.content]
        columns = ", ".join(f"{name} string" for name in source.places)
        frame = self._session.read.parquet(*files)
        return self._view(frame.mapInArrow(partial(_texts, source), columns))

    def parquet(self, path: Path) -> ibis.Table:
        from pyspark.sql.pandas.types import from_arrow_schema

        # Spark would start a job to find the columns
        file = next(path.glob("*.parquet")) if path.is_dir() else path
        columns = from_arrow_schema(pq.read_schema(file).remove_metadata())
        return self._view(self._session.read.schema(columns).parquet(str(path.absolute())))

    def _view(self, frame: Any) -> ibis.Table:
        name = ibis.util.gen_name("reelbench")
        frame.createOrReplaceTempView(name)
        return self._connection.table(name)

    def float(self, text: StringValue) -> FloatingValue:
        # Java takes "5d" for a number
        return ibis.ifelse(text.re_search(_NUMBER), text.try_cast("float64"), ibis.null("float64"))

    def whole(self, number: FloatingValue) -> IntegerValue:
        fits = number.abs() < 2.0**63
        return ibis.ifelse(fits, rint(number).try_cast("int64"), ibis.null("int64"))

    def seconds(self, text: StringValue, pattern: str | None = None) -> IntegerValue:
        if pattern:
            raise DataError(
                f"read.time_format {pattern!r} is read by engine=duckdb alone; Spark reads auto, "
                "numbers of seconds to nanoseconds, and excel_days"
            )
        whole = ibis.ifelse(text.re_search(_NO_SECONDS), text[:16] + ":00" + text[16:], text)
        date = ibis.ifelse(text.re_search(_TIME), whole, ibis.null("string"))
        return unix_timestamp(try_to_timestamp(date))

    def arrow(self, table: ibis.Table) -> pa.Table:
        with self._explained():
            found = self._frame(table).toArrow()
        return found.cast(table.schema().to_pyarrow())

    def cache(self, table: ibis.Table) -> ibis.Table:
        file = self._temporary()
        with self._explained():
            self._frame(table).write.parquet(str(file))
        return self.parquet(file)

    def store(
        self, rows: ibis.Table, order: Sequence[str], users_of: ibis.Table, n_parts: int = 1
    ) -> list[Stored]:
        n, users = sizes(users_of, self)
        block = (rows[USER_IDX].cast("int64") * n // users).cast("int32")
        folders, attempts = [self._temporary() for _ in range(n_parts)], self._temporary()
        for folder in (*folders, attempts):
            folder.mkdir()
        write = partial(_write_block, stored_schema(rows), folders, attempts)
        # a partition per block, sorted by a key that differs for all rows: the same rows from
        # whichever worker computes it. Missing values come first in Spark by themselves
        frame = self._frame(rows.mutate(**{_BLOCK: block})).repartitionById(n, _BLOCK)
        with self._explained():
            frame.sortWithinPartitions(*order).mapInArrow(write, "rows long").toArrow()
        return [Stored(folder) for folder in folders]

    def _frame(self, table: ibis.Table) -> Any:
        return self._session.sql(self._connection.compile(table))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with explained(self._master, self._session):
                yield
        except SparkError as error:
            found = re.search(r"Malformed CSV record: (.*) SQLSTATE", str(error.__cause__))
            if found is None:
                raise
            raise DataError(
                "a line of a text file has too many or too few values, an unclosed quote, or a "
                f"line break in quotes, which Spark does not read: {found[1]}"
            ) from error


def _texts(source: Columnar, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Our columns as text, in the process that has the rows."""
    for batch in batches:
        arrays = [batch.column(place) for place in source.places.values()]
        yield pa.RecordBatch.from_pydict(source.texts(arrays))


def _write_block(
    schema: pa.Schema, folders: list[Path], attempts: Path, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Write a partition, in the process that has it; yields the number of rows, for Spark.

    Spark's own files differ by the Java process that writes them: in each, sets have another order.
    Files appear whole, so that an attempt that is lost leaves nothing in a result.
    """
    from pyspark import TaskContext

    context: Any = TaskContext.get()
    names = [attempts / f"{context.taskAttemptId()}-{n}" for n in range(len(folders))]
    written = write_parts((pa.Table.from_batches([batch]) for batch in batches), schema, names)
    n_rows = sum(map(len, written))
    for folder, stored in zip(folders, written, strict=True):
        stored.move(folder / f"{context.partitionId():05}.parquet")
    yield pa.RecordBatch.from_pydict({"rows": [n_rows]})


@ibis.udf.scalar.builtin
def rint(number: float) -> float:  # type: ignore[empty-body]
    """Spark's function: the nearest whole number, a half to even."""


@ibis.udf.scalar.builtin
def unix_timestamp(time: Timestamp(timezone=None)) -> int:  # type: ignore[empty-body,valid-type]
    """Spark's function: Unix seconds."""


@ibis.udf.scalar.builtin
def try_to_timestamp(text: str) -> Timestamp(timezone=None):  # type: ignore[valid-type]
    """Spark's function: a time, null where the text is none."""
