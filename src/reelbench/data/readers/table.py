"""Ratings of your own: delimited text, Parquet or tables in memory, with your names of columns.

Only ratings are required. Without a table of items the movies are those of the ratings, and their
titles are their ids.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from reelbench import columns as col
from reelbench.data import DataError
from reelbench.data.engine import Engine
from reelbench.data.readers import (
    RawFrame,
    RawRows,
    RawTables,
    ReadConfig,
    TableConfig,
    TablesConfig,
    no_genres,
    split_genres,
    years,
)
from reelbench.data.text import TextFile, missing_column, open_text, rename


@dataclass(frozen=True)
class OwnTable:
    """A table of the user's."""

    #: a delimited text file, a Parquet file (by its ending), or a table in memory
    content: Path | pa.Table
    columns: dict[str, str]  # our name of a column → its name in the table; all of them must exist
    name: str = "table"  # what messages call a table in memory


@dataclass(frozen=True)
class ColumnarSource:
    """A Parquet file or a table in memory, with its own name of every column of ours."""

    path: Path
    names: dict[str, str]
    table: pa.Table | None = None

    def label(self, column: str) -> str:
        """Our name of a column, after the table's own name if that is different."""
        theirs = self.names.get(column, column)
        return column if theirs == column else f"{theirs} ({column})"

    def locate(
        self, rows: Collection[tuple[str, ...]], columns: Sequence[str]
    ) -> tuple[str, tuple[str, ...]]:
        """The first row with these values, and the values."""
        table = ibis.memtable(self.read([self.names[c] for c in columns]))
        strings = _as_strings(table, {c: self.names[c] for c in columns}).execute()
        for number, row in enumerate(strings.itertuples(index=False), start=1):
            if (found := tuple("" if pd.isna(v) else str(v) for v in row)) in rows:
                return f"{self.path}, row {number}", found
        raise LookupError(f"{self.path}: none of {len(rows)} rows found")

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Some columns, by the table's own names."""
        if self.table is not None:
            return self.table.select(list(columns))
        return pq.read_table(self.path, columns=list(columns))

    def rows(self, engine: Engine) -> ibis.Table:
        """The columns of ours as strings."""
        table = engine.parquet(self.path) if self.table is None else engine.table(self.table)
        return _as_strings(table, self.names)


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read the files that `config.tables` names.

    Raises:
        DataError: no file of ratings is named, or a file is missing or lacks a column.
    """
    if config.tables is None:
        raise DataError("data.read.tables is missing: it names the files and their columns")
    if config.tables.ratings.file is None:
        raise DataError("data.read.tables.ratings.file is null: a file of ratings is needed")
    tables = {}
    for name in TablesConfig.model_fields:
        table: TableConfig = getattr(config.tables, name)
        if table.file is not None:
            columns = {ours: theirs for ours, theirs in table.columns.items() if theirs is not None}
            tables[name] = OwnTable(folder / table.file, columns)
    return read_tables(tables, config, engine)


def read_tables(tables: Mapping[str, OwnTable], config: ReadConfig, engine: Engine) -> RawTables:
    """Read `ratings` and, where they exist, `items`, `users` and `tags`.

    Raises:
        DataError: a file is missing, or a table lacks a column.
    """
    ratings = _rows(tables["ratings"], (col.USER_ID, col.ITEM_ID, col.RATING), config, engine)
    items, users, tags = (tables.get(name) for name in ("items", "users", "tags"))
    return RawTables(
        interactions=ratings,
        items=_items(items, config) if items else _items_of(ratings, engine),
        users=_frame(users, (col.USER_ID,), config) if users else None,
        tags=_rows(tags, (col.USER_ID, col.ITEM_ID, col.TAG), config, engine) if tags else None,
    )


def all_columns(
    content: Path | pa.Table, columns: Mapping[str, str], config: ReadConfig, name: str
) -> OwnTable:
    """A table with every column that it has: those in `columns` (ours → theirs) get our name.

    Raises:
        DataError: the file is missing or cannot be read.
    """
    have = _column_names(content, config)
    ours = {theirs: ours for ours, theirs in columns.items()}
    return OwnTable(content, {ours.get(theirs, theirs): theirs for theirs in have}, name)


def _column_names(content: Path | pa.Table, config: ReadConfig) -> Sequence[str]:
    if isinstance(content, pa.Table):
        return content.column_names
    if content.suffix != ".parquet":
        return open_text(content, config.delimiter, config.quote, config.encoding).columns
    if not content.exists():
        raise DataError(f"{content} is missing")
    try:
        return list(pq.read_schema(content).names)
    except (OSError, ValueError) as error:
        raise DataError(f"{content} is not a complete Parquet file: {error}") from error


def _rows(table: OwnTable, required: Sequence[str], config: ReadConfig, engine: Engine) -> RawRows:
    """A table of the size of the ratings, with the columns that we know."""
    source = _open(table, required, config)
    if isinstance(source, ColumnarSource):
        return RawRows(source.rows(engine), source)
    rows = engine.text(source)
    known = [c for c in (*required, col.TIMESTAMP) if c in source.columns]
    return RawRows(rows.select(*known), source)


def _frame(table: OwnTable, required: Sequence[str], config: ReadConfig) -> RawFrame:
    """A small table, with all its columns."""
    source = _open(table, required, config)
    if isinstance(source, TextFile):
        return RawFrame(source.frame(), source)
    frame = source.read(list(source.names.values())).to_pandas()
    frame.columns = pd.Index(list(source.names))
    frame.index = pd.RangeIndex(1, len(frame) + 1, name=col.LINE)
    return RawFrame(frame.apply(_strings), source)


def _items(table: OwnTable, config: ReadConfig) -> RawFrame:
    raw = _frame(table, (col.ITEM_ID, col.TITLE_RAW), config)
    items = raw.frame
    if col.YEAR in items:
        items[col.YEAR] = years(items[col.YEAR])
    if col.GENRES not in items:
        items[col.GENRES] = no_genres(items.index)
    elif not items[col.GENRES].map(lambda value: isinstance(value, list)).any():
        items[col.GENRES] = split_genres(items[col.GENRES], config)
    return RawFrame(items, raw.file)


def _items_of(ratings: RawRows, engine: Engine) -> RawFrame:
    """Movies of the ratings, sorted by id, with the id for a title."""
    ids = ratings.table.select(col.ITEM_ID).filter(ratings.table[col.ITEM_ID].notnull()).distinct()
    found = sorted(engine.arrow(ids)[col.ITEM_ID].to_pylist(), key=lambda i: (len(i), i))
    items = pd.DataFrame({col.ITEM_ID: found, col.TITLE_RAW: found}, dtype="str")
    items[col.GENRES] = no_genres(items.index)
    return RawFrame(items, ratings.file)


def _open(
    table: OwnTable, required: Sequence[str], config: ReadConfig
) -> TextFile | ColumnarSource:
    """The table with our names for the columns that are named or required.

    Raises:
        DataError: it is missing, cannot be read, or lacks a column.
    """
    content, names = table.content, table.columns
    if isinstance(content, Path) and content.suffix != ".parquet":
        file = open_text(content, config.delimiter, config.quote, config.encoding)
        return rename(file, names, list(dict.fromkeys((*required, *names))))
    path, held = (content, None) if isinstance(content, Path) else (Path(table.name), content)
    have = _column_names(content, config)
    names = {ours: ours for ours in required} | names
    for ours, theirs in names.items():
        if theirs not in have:
            raise DataError(missing_column(TextFile(path, tuple(have)), ours, theirs))
    return ColumnarSource(path, names, held)


def _as_strings(table: ibis.Table, names: dict[str, str]) -> ibis.Table:
    """The named columns as strings, points in time as Unix seconds."""
    columns = {}
    for ours, theirs in names.items():
        column = table[theirs]
        if column.type().is_date():
            column = column.cast("timestamp")
        if column.type().is_timestamp():
            column = column.epoch_seconds()
        columns[ours] = column.cast("string").nullif("")
    return table.select(**columns)


def _strings(column: pd.Series) -> pd.Series:
    """A column of a small table as strings; lists stay lists."""
    if column.map(lambda value: hasattr(value, "tolist") and hasattr(value, "__len__")).any():
        return column.map(lambda value: [str(v) for v in value] if value is not None else [])
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    text = column.astype("str").where(column.notna(), None)
    return text.where(text != "", None)
