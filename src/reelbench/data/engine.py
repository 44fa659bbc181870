"""Where tables of the size of the ratings are worked on, as Ibis expressions.

DuckDB in the process for now. What differs between engines is here: how to connect, read text and
read Parquet; the expressions elsewhere are the same for all of them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import duckdb
import ibis
import pyarrow as pa
from pydantic import PositiveInt

from reelbench import paths
from reelbench.data.errors import DataError
from reelbench.data.text import TextFile
from reelbench.params import Section


class EngineConfig(Section):
    """Section `engine`."""

    name: Literal["duckdb"]
    threads: PositiveInt
    memory_limit: str  # such as 2GB; beyond it DuckDB works on disk, below data/


class Engine:
    """A connection, and what a stage does with one."""

    def __init__(self, config: EngineConfig) -> None:
        self._connection = ibis.duckdb.connect(
            threads=config.threads,
            memory_limit=config.memory_limit,
            temp_directory=str(paths.DATA / ".duckdb"),
        )

    def text(self, file: TextFile) -> ibis.Table:
        """A text file as a table of strings; an empty value, quoted or not, is null."""
        table = self._connection.read_csv(
            str(file.path),
            columns=dict.fromkeys(file.columns, "string"),
            auto_detect=False,
            header=True,
            delim=file.delimiter,
            quote=file.quote,
            escape=file.quote,
        )
        # The nullif also keeps DuckDB 2.0 from moving a try_cast of a bare column into its reader,
        # where it is a plain cast that fails on the first value that is no number.
        return table.select(**{name: table[name].nullif("") for name in table.columns})

    def parquet(self, path: Path) -> ibis.Table:
        """A Parquet file."""
        return self._connection.read_parquet(str(path))

    def table(self, rows: pa.Table) -> ibis.Table:
        """Rows in memory as a table of this engine, which reads them where they are."""
        return self._connection.create_view(ibis.util.gen_name("reelbench"), ibis.memtable(rows))

    def arrow(self, table: ibis.Table) -> pa.Table:
        """The rows of an expression, in memory.

        Raises:
            DataError: a text file that the expression reads is malformed.
        """
        try:
            return self._connection.to_pyarrow(table)
        except duckdb.InvalidInputException as error:
            raise DataError(_explain(error)) from error

    def cache(self, table: ibis.Table) -> ibis.Table:
        """The expression's result, kept by the engine, so that several expressions can read it.

        Raises:
            DataError: a text file that the expression reads is malformed.
        """
        try:
            return self._connection.create_table(ibis.util.gen_name("reelbench"), table, temp=True)
        except duckdb.InvalidInputException as error:
            raise DataError(_explain(error)) from error


def _explain(error: Exception) -> str:
    """File, line and fault out of DuckDB's report, without its advice on DuckDB's own options."""
    report = str(error)
    file = re.search(r"^ *file = (.+)$", report, re.MULTILINE)
    line = re.search(r"CSV Error on Line: (\d+)", report)
    if not file:
        return report.splitlines()[0]
    if not line:
        return f"{file[1]}: every line must end alike, and every quote must be closed"
    fault = report.partition("Possible")[0].strip().splitlines()[-1]
    return f"{file[1]}, line {line[1]}: {fault}"
