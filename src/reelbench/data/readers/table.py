"""Ratings of your own: one file each, delimited text or Parquet, with names of columns from conf/.

Only the ratings are needed. Without a file of items the movies are those of the ratings, and their
titles are their ids.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import ibis
import pandas as pd
import pyarrow.parquet as pq

from reelbench.columns import (
    GENRES,
    ITEM_ID,
    LINE,
    RATING,
    TAG,
    TIMESTAMP,
    TITLE_RAW,
    USER_ID,
    YEAR,
)
from reelbench.data import DataError
from reelbench.data.engine import Engine
from reelbench.data.readers import (
    RawFrame,
    RawRows,
    RawTables,
    ReadConfig,
    TableConfig,
    split_genres,
    years,
)
from reelbench.data.text import TextFile, missing_column, open_text, rename


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file, with the file's own name of every column of ours."""

    path: Path
    names: dict[str, str]

    def label(self, column: str) -> str:
        """Our name of a column, behind the file's own name where that is another."""
        theirs = self.names.get(column, column)
        return column if theirs == column else f"{theirs} ({column})"

    def locate(
        self, rows: Collection[tuple[str, ...]], columns: Sequence[str]
    ) -> tuple[str, tuple[str, ...]]:
        """The first row with these values."""
        table = ibis.memtable(pq.read_table(self.path, columns=[self.names[c] for c in columns]))
        strings = _as_strings(table, {c: self.names[c] for c in columns}).execute()
        for number, row in enumerate(strings.itertuples(index=False), start=1):
            if (found := tuple("" if pd.isna(v) else str(v) for v in row)) in rows:
                return f"{self.path}, row {number}", found
        raise LookupError(f"{self.path}: none of {len(rows)} rows found")


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read the files that `config.tables` names."""
    if config.tables is None:
        raise DataError("data.read.tables is missing: it names the files and their columns")
    tables = config.tables
    ratings = _rows(folder, tables.ratings, (USER_ID, ITEM_ID, RATING), config, engine)
    if ratings is None:
        raise DataError("data.read.tables.ratings.file is null: a file of ratings is needed")
    return RawTables(
        interactions=ratings,
        items=_items(folder, config) or _items_of(ratings, engine),
        users=_frame(folder, tables.users, (USER_ID,), config),
        tags=_rows(folder, tables.tags, (USER_ID, ITEM_ID, TAG), config, engine),
    )


def _rows(
    folder: Path, table: TableConfig, required: Sequence[str], config: ReadConfig, engine: Engine
) -> RawRows | None:
    """A table of the size of the ratings, with the columns that we know of."""
    path = _path(folder, table)
    if path is None:
        return None
    if path.suffix == ".parquet":
        file = _parquet(path, table, required)
        return RawRows(_as_strings(engine.parquet(path), file.names), file)
    text = _text(path, table, required, config)
    rows = engine.text(text)
    known = [c for c in (*required, TIMESTAMP) if c in text.columns]
    return RawRows(rows.select(*known), text)


def _frame(
    folder: Path, table: TableConfig, required: Sequence[str], config: ReadConfig
) -> RawFrame | None:
    """A small table, with all its columns."""
    path = _path(folder, table)
    if path is None:
        return None
    if path.suffix != ".parquet":
        text = _text(path, table, required, config)
        return RawFrame(text.frame(), text)
    file = _parquet(path, table, required)
    frame = pq.read_table(path, columns=list(file.names.values())).to_pandas()
    frame.columns = pd.Index(list(file.names))
    frame.index = pd.RangeIndex(1, len(frame) + 1, name=LINE)
    return RawFrame(frame.apply(_strings), file)


def _items(folder: Path, config: ReadConfig) -> RawFrame | None:
    assert config.tables is not None
    raw = _frame(folder, config.tables.items, (ITEM_ID, TITLE_RAW), config)
    if raw is None:
        return None
    items = raw.frame
    if YEAR in items:
        items[YEAR] = years(items[YEAR])
    if GENRES not in items:
        items[GENRES] = _empty_lists(items.index)
    elif not items[GENRES].map(lambda value: isinstance(value, list)).any():
        items[GENRES] = split_genres(items[GENRES], config)
    return RawFrame(items, raw.file)


def _items_of(ratings: RawRows, engine: Engine) -> RawFrame:
    """Movies of the ratings, sorted by id, with the id for a title."""
    ids = ratings.table.select(ITEM_ID).filter(ratings.table[ITEM_ID].notnull()).distinct()
    found = sorted(engine.arrow(ids)[ITEM_ID].to_pylist(), key=lambda i: (len(i), i))
    items = pd.DataFrame({ITEM_ID: found, TITLE_RAW: found}, dtype="str")
    items[GENRES] = _empty_lists(items.index)
    return RawFrame(items, ratings.file)


def _empty_lists(index: pd.Index) -> pd.Series:
    return pd.Series([[] for _ in index], index=index, dtype=object)


def _path(folder: Path, table: TableConfig) -> Path | None:
    return None if table.file is None else folder / table.file


def _names(table: TableConfig) -> dict[str, str]:
    return {ours: theirs for ours, theirs in table.columns.items() if theirs is not None}


def _text(path: Path, table: TableConfig, required: Sequence[str], config: ReadConfig) -> TextFile:
    file = open_text(path, config.delimiter, config.quote, config.encoding)
    names = _names(table)
    return rename(file, names, [*required, *(ours for ours in names if ours not in required)])


def _parquet(path: Path, table: TableConfig, required: Sequence[str]) -> ParquetFile:
    """The file, with the columns that the configuration names and the required ones.

    Raises:
        DataError: it is missing, no Parquet file, or has not all of the columns.
    """
    if not path.exists():
        raise DataError(f"{path} is missing")
    try:
        have = pq.read_schema(path).names
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no Parquet file, or is cut off: {error}") from error
    names = dict.fromkeys(required, "") | _names(table)
    names = {ours: theirs or ours for ours, theirs in names.items()}
    for ours, theirs in names.items():
        if theirs not in have:
            raise DataError(missing_column(TextFile(path, tuple(have)), ours, theirs))
    return ParquetFile(path, names)


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
