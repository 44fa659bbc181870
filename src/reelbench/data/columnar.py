"""Tables with types, which are Parquet files, Excel, JSON and data frames, as columns of text.

An id is the same text whatever its type: 7, 7.0 and the decimal 7.00 are "7".
"""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reelbench import columns as col
from reelbench.data import DataError
from reelbench.data.opening import as_text, check_width, kind, parts
from reelbench.data.text import Row, Source, TextFile, open_text

_ROWS = 1 << 17  # converted at once


@dataclass(frozen=True)
class Columnar(Source):
    """The parts of a Parquet file, or a table in memory."""

    content: tuple[Path, ...] | pa.Table = ()

    @property
    def has_times(self) -> bool:
        """Whether `timestamp` has points in time; `strings` gives them as Unix seconds."""
        if (place := self.places.get(col.TIMESTAMP)) is None:
            return False
        table = self.content if isinstance(self.content, pa.Table) else _schema(self.content[0])
        kind = table.field(place).type
        return pa.types.is_timestamp(kind) or pa.types.is_date(kind)

    def strings(self) -> Iterator[pa.Table]:
        """Our columns as text, some rows at a time; a DataError where a value cannot be text."""
        for arrays in self._arrays():
            yield pa.table(self.texts(arrays))

    def texts(self, arrays: Sequence[pa.Array]) -> dict[str, pa.Array]:
        """Some rows of our columns, in the order of `places`, as text."""
        return {n: self._text(own, n) for n, own in zip(self.places, arrays, strict=True)}

    def _text(self, column: pa.Array, name: str) -> pa.Array:
        try:
            found = text(column, seconds=name == col.TIMESTAMP)
            return pc.if_else(pc.equal(found, ""), None, found)
        except (pa.ArrowException, ValueError) as error:
            raise DataError(
                f"{self.path}, column {self.label(name)}: values of the type {column.type} that "
                f"are no text ({error}): save the column as text or as numbers"
            ) from error

    def locate(self, rows: Collection[Row], columns: Sequence[str]) -> tuple[str, Row]:
        found = (row for table in self.strings() for row in table.to_pylist())
        values = ([row[name] or "" for name in self.places] for row in found)
        own = replace(self, places={name: i for i, name in enumerate(self.places)})
        return own.first_of(rows, columns, zip(self._numbers(), values, strict=False))

    def _numbers(self) -> Iterator[int]:
        """Numbers of the rows: from 1, or those of a sheet of Excel."""
        known = self.content.schema.metadata if isinstance(self.content, pa.Table) else None
        return iter(json.loads(known[b"rows"])) if known and b"rows" in known else count(1)

    def frame(self) -> pd.DataFrame:
        """Our and other columns of a small table, by row from 1: text, or lists of text."""
        own = replace(self, places=self.kept())
        pieces = [pa.table(dict(zip(own.places, row, strict=True))) for row in own._arrays()]
        table = pa.concat_tables(pieces, promote_options="permissive")
        columns = {}
        for name, column in zip(table.column_names, table.columns, strict=True):
            if is_list(column.type):
                lists = [[*names_in(value)] for value in column.to_pylist()]
                columns[name] = pd.Series(lists, dtype=object)
            else:
                texts = own._text(column.combine_chunks(), name)
                columns[name] = pd.Series(texts.to_pylist(), dtype="str")
        numbers = [*islice(self._numbers(), len(table))]
        return pd.DataFrame(columns).set_axis(pd.Index(numbers, dtype="int64", name=col.LINE))

    def _arrays(self) -> Iterator[list[pa.Array]]:
        """Some rows of our columns, in the order of `places`; at least once, if with no rows."""
        places = list(self.places.values())
        if isinstance(self.content, pa.Table):
            for start in range(0, max(len(self.content), 1), _ROWS):
                piece = self.content.slice(start, _ROWS)
                yield [piece.column(place).combine_chunks() for place in places]
            return
        names = _schema(self.content[0]).names
        chosen = [names[place] for place in places]
        alone = all(names.count(name) == 1 for name in chosen)  # else all are read
        for part in self.content:
            with _explained(part), pq.ParquetFile(part) as file:
                if file.schema_arrow.names != names:
                    raise DataError(f"{part} has other columns than {self.content[0]}")
                for batch in file.iter_batches(_ROWS, columns=chosen if alone else None):
                    yield [batch.column(names[p] if alone else p) for p in places]
        empty = _schema(self.content[0]).empty_table()
        yield [empty.column(place).combine_chunks() for place in places]


def open_columnar(path: Path, content: Path | pa.Table) -> Columnar:
    """A Parquet file, its parts, or rows in memory; a DataError if it is damaged or too wide."""
    if isinstance(content, pa.Table):
        names, held = content.column_names, content
    else:
        held = tuple(parts(content)) if content.is_dir() else (content,)
        names = _schema(held[0]).names
    check_width(path, len(names))
    return Columnar(path, tuple(name.strip() for name in names), held)


def open_table(path: Path, content: Path | pa.Table, **layout: Any) -> TextFile | Columnar:
    """A table that `opening.opened` has opened; `layout` is how text is written (`open_text`)."""
    if isinstance(content, pa.Table) or kind(content) == "parquet":
        return open_columnar(path, content)
    return open_text(path, plain=content, **layout)


def text(column: pa.Array, *, seconds: bool = False) -> pa.Array:
    """A column of any type as text; what is whole has no point, a NaN is missing, a list is JSON.

    Points in time are ISO dates, or Unix seconds if asked for. Bytes that are not UTF-8 are a
    pa.ArrowException or a ValueError.
    """
    kind, types = column.type, pa.types
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name == "arrow.uuid":
            return pa.array([as_text(value) for value in column.to_pylist()], pa.string())
        return text(column.storage, seconds=seconds)
    if types.is_dictionary(kind):
        return text(column.dictionary, seconds=seconds).take(column.indices)
    if types.is_floating(kind):
        column = column.cast(pa.float32()) if types.is_float16(kind) else column
        fits = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), 2.0**63))
        whole = pc.if_else(fits, column, None).cast(pa.int64()).cast(pa.string())
        return pc.coalesce(whole, pc.if_else(pc.is_nan(column), None, column).cast(pa.string()))
    if types.is_decimal(kind):
        return pc.replace_substring_regex(column.cast(pa.string()), r"(\.\d*[1-9])0+$|\.0+$", r"\1")
    if seconds and (types.is_timestamp(kind) or types.is_date(kind)):
        if types.is_date(kind):
            column = column.cast(pa.timestamp("s"))
        time = column.view(pa.timestamp(column.type.unit))  # in UTC, of any zone
        whole = pc.floor_temporal(time, unit="second").cast(pa.timestamp("s"))
        return whole.cast(pa.int64()).cast(pa.string())
    if types.is_fixed_size_binary(kind):
        column = column.cast(pa.binary())
    try:
        return column.cast(pa.string())
    except pa.ArrowNotImplementedError:  # UUID, lists, structs and more
        return pa.array([as_text(value) for value in column.to_pylist()], pa.string())


def is_list(kind: pa.DataType) -> bool:
    """Whether values of a type are lists."""
    types = pa.types
    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def names_in(value: object) -> Iterator[str]:
    """The texts in a list, at any depth; of an object that with the key `name`, or its first."""
    if isinstance(value, dict):
        texts = (v for v in value.values() if isinstance(v, str | list | dict))
        yield from names_in(value.get("name", next(texts, None)))
    elif isinstance(value, list | tuple | set):
        for entry in sorted(value, key=str) if isinstance(value, set) else value:
            yield from names_in(entry)
    elif (text := as_text(value)) and text.strip():
        yield text.strip()


def _schema(file: Path) -> pa.Schema:
    with _explained(file):
        return pq.read_schema(file)


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{file} is missing") from error
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{file} is not a complete Parquet file: {reason}") from error
