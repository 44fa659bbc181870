"""Apache Spark as the engine: executors read, compute and write, and the driver sees no rating.

Tables are folders of Parquet files, one per block of users, whose names are in the order of the
rows. Paths must mean the same on every machine.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import ibis
import pyarrow as pa
from ibis.expr.datatypes import Timestamp
from typing_extensions import override

from reelbench import paths
from reelbench.columns import PART, USER_IDX
from reelbench.data import DataError
from reelbench.data.engine import Engine, SparkEngineConfig, sizes
from reelbench.data.parquet import Stored, write
from reelbench.data.text import TextFile, is_utf8
from reelbench.spark import SparkError, explained, spark_session

_BLOCK = "_block"
# what both engines take for a number, and for a time
_NUMBER = r"^\s*[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf(inity)?|nan))\s*$"
_TIME = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?)?$"


class SparkEngine(Engine):
    """A session of Spark."""

    distributed: ClassVar[bool] = True

    def __init__(self, config: SparkEngineConfig, folder: Path = paths.DATA) -> None:
        """Connect to `config.master`; `folder` is for temporary files, see `Engine`.

        Raises:
            SparkError: Spark cannot be used.
        """
        super().__init__(folder)
        self._master = config.master
        self._session = spark_session(config)
        # else a line with too many or too few values passes where a query needs few of them
        self._session.conf.set("spark.sql.csv.parser.columnPruning.enabled", "false")
        self._connection = ibis.pyspark.connect(self._session)

    @override
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
        columns = ", ".join(f"`{name}` string" for name in file.columns)
        reader = self._session.read.schema(columns).options(**options)
        return self._view(reader.csv(str(file.path.absolute())))

    @override
    def parquet(self, path: Path) -> ibis.Table:
        return self._view(self._session.read.parquet(str(path.absolute())))

    def _view(self, frame: Any) -> ibis.Table:
        name = ibis.util.gen_name("reelbench")
        frame.createOrReplaceTempView(name)
        return self._connection.table(name)

    @override
    def float(self, text: ibis.ir.StringValue) -> ibis.ir.FloatingValue:
        # Java takes "5d" for a number
        return ibis.ifelse(text.re_search(_NUMBER), text.try_cast("float64"), ibis.null("float64"))

    @override
    def whole(self, number: ibis.ir.FloatingValue) -> ibis.ir.IntegerValue:
        fits = number.abs() < 2.0**63
        return ibis.ifelse(fits, rint(number).try_cast("int64"), ibis.null("int64"))

    @override
    def seconds(
        self, text: ibis.ir.StringValue, pattern: str | None = None
    ) -> ibis.ir.IntegerValue:
        if pattern:
            raise DataError(
                f"read.time_format {pattern!r} is read by engine=duckdb alone; Spark reads auto "
                "and milliseconds"
            )
        date = ibis.ifelse(text.re_search(_TIME), text, ibis.null("string"))
        return unix_timestamp(try_to_timestamp(date))

    @override
    def arrow(self, table: ibis.Table) -> pa.Table:
        with self._explained():
            found = self._frame(table).toArrow()
        return found.cast(table.schema().to_pyarrow())

    @override
    def cache(self, table: ibis.Table) -> ibis.Table:
        file = self._temporary()
        with self._explained():
            self._frame(table).write.parquet(str(file))
        return self.parquet(file)

    @override
    def store(
        self, rows: ibis.Table, order: Sequence[str], users_of: ibis.Table, n_parts: int = 1
    ) -> list[Stored]:
        n, users = sizes(users_of, self)
        block = (rows[USER_IDX].cast("int64") * n // users).cast("int32")
        folders = [PART, _BLOCK] if n_parts > 1 else [_BLOCK]
        # a partition per block, sorted by a key that differs for all rows: the same bytes from
        # whichever worker computes it
        # missing values come first in Spark by themselves
        frame = self._frame(rows.mutate(**{_BLOCK: block})).repartitionById(n, _BLOCK)
        target = self._temporary()
        with self._explained():
            ordered = frame.sortWithinPartitions(*folders, *order)
            ordered.write.partitionBy(folders).parquet(str(target))
        schema = rows.drop(PART).schema() if PART in rows.columns else rows.schema()
        parts = [target / f"{PART}={code}" for code in range(n_parts)] if n_parts > 1 else [target]
        found = [self._gathered(part) for part in parts]
        for stored in found:
            if not any(stored.file.iterdir()):
                write(schema.to_pyarrow().empty_table(), stored.file / "00000.parquet")
        return found

    def _gathered(self, written: Path) -> Stored:
        """What was written, in one folder of files named by their number."""
        folder = self._temporary()
        folder.mkdir()
        for part in written.glob(f"{_BLOCK}=*/*.parquet"):
            number = int(part.parent.name.partition("=")[2])
            os.replace(part, folder / f"{number:05}.parquet")
        shutil.rmtree(written, ignore_errors=True)
        return Stored(folder)

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


@ibis.udf.scalar.builtin
def rint(number: float) -> float:  # type: ignore[empty-body]
    """Spark's function: the nearest whole number, a half to even."""


@ibis.udf.scalar.builtin
def unix_timestamp(time: Timestamp(timezone=None)) -> int:  # type: ignore[empty-body,valid-type]
    """Spark's function: Unix seconds."""


@ibis.udf.scalar.builtin
def try_to_timestamp(text: str) -> Timestamp(timezone=None):  # type: ignore[valid-type]
    """Spark's function: a time, null where the text is none."""
