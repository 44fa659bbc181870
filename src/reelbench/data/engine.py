"""The engine that computes Ibis expressions over tables of the size of the ratings.

DuckDB, in the process. What would differ with another engine is here: how to connect, and how to
read text and Parquet.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Literal

import duckdb
import ibis
import pyarrow as pa
from pydantic import PositiveInt

from reelbench import paths
from reelbench.data import DataError
from reelbench.data.text import TextFile, is_utf8, to_utf8
from reelbench.params import Section


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

    def arrow(self, table: ibis.Table) -> pa.Table:
        """The rows of an expression, in memory.

        Raises:
            DataError: a text file that the expression reads is malformed.
        """
        try:
            return self._connection.to_pyarrow(table)
        except duckdb.InvalidInputException as error:
            raise DataError(self._explain(error)) from error

    def cache(self, table: ibis.Table) -> ibis.Table:
        """The result of an expression as a temporary table of the engine.

        Raises:
            DataError: a text file that the expression reads is malformed.
        """
        try:
            return self._connection.create_table(ibis.util.gen_name("reelbench"), table, temp=True)
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
