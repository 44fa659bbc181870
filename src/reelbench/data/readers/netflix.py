"""The Netflix Prize: `combined_data_*.txt` and `movie_titles.csv`.

A line "5:" opens the ratings of movie 5, each a line "user,rating,date". The files are converted to
Parquet block by block, in constant memory.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv
from typing_extensions import override

from reelbench import columns as col
from reelbench.data import DataError
from reelbench.data.engine import Engine
from reelbench.data.readers import RawFrame, RawRows, RawTables, ReadConfig, no_genres, years
from reelbench.data.text import Source, TextFile

_BLOCK = 1 << 24  # bytes read at once
_HEADER = re.compile(rb"^(\d+):[ \t]*\r?$", re.MULTILINE)
_VALUES = (col.USER_ID, col.RATING, col.TIMESTAMP)
_COLUMNS = (col.USER_ID, col.ITEM_ID, col.RATING, col.TIMESTAMP)
_SCHEMA = pa.schema([(name, pa.string()) for name in _COLUMNS])


@dataclass(frozen=True)
class NetflixFiles(Source):
    """The files of ratings, in the order of their names; `path` is the first of them."""

    paths: tuple[Path, ...] = ()

    @override
    def locate(
        self, rows: Collection[tuple[str, ...]], columns: Sequence[str]
    ) -> tuple[str, tuple[str, ...]]:
        for path in self.paths:
            movie = ""
            with path.open(encoding="utf-8", newline=None) as stream:
                for line, text in enumerate(stream, start=1):
                    if text.rstrip().endswith(":"):
                        movie = text.rstrip()[:-1]
                        continue
                    row = dict(zip(_VALUES, text.rstrip("\n").split(","), strict=False))
                    row[col.ITEM_ID] = movie
                    if (found := tuple(row.get(name, "") for name in columns)) in rows:
                        return f"{path}, line {line}", found
        return str(self.path), min(rows)


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read movie_titles.csv and all files combined_data_*.txt."""
    if engine.distributed:
        raise DataError("the files of Netflix are read by one process: choose engine=duckdb")
    paths = tuple(sorted(folder.glob("combined_data_*.txt")))
    if not paths:
        raise DataError(f"{folder}: at least one file combined_data_*.txt is needed")
    columns = (col.ITEM_ID, col.YEAR, col.TITLE_RAW)
    titles = TextFile(
        folder / "movie_titles.csv",
        columns,
        quote="",
        encoding="iso-8859-1",
        header=False,
        rest=True,
        places={name: place for place, name in enumerate(columns)},
    )
    items = titles.frame()
    items[col.YEAR] = years(items[col.YEAR])
    items[col.GENRES] = no_genres(items.index)
    parquet = engine.scratch("netflix.parquet")
    with pq.ParquetWriter(parquet, _SCHEMA) as writer:
        for path in paths:
            for table in _tables(path):
                writer.write_table(table)
    files = NetflixFiles(paths[0], paths=paths)
    return RawTables(RawRows(engine.parquet(parquet), files), RawFrame(items, titles))


def _tables(path: Path) -> Iterator[pa.Table]:
    """Ratings of one file, a block at a time."""
    movie, line = b"", 1
    for block in _blocks(path):
        table, last = _parse(block, movie, path, line)
        yield table
        movie, line = last, line + block.count(b"\n")


def _blocks(path: Path) -> Iterator[bytes]:
    """The file in blocks of whole lines."""
    empty = True
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            empty = False
            block += stream.readline()
            yield block
    if empty:
        raise DataError(f"{path} is empty: expected lines 'movie:' and 'user,rating,date'")


def _parse(block: bytes, movie: bytes, path: Path, line: int) -> tuple[pa.Table, bytes]:
    """Ratings of a block that continues `movie`, and the movie at its end.

    Args:
        line: number of the block's first line in the file.
    """
    pieces = _HEADER.split(block)  # ratings, movie, ratings, movie, ratings
    movies = [movie, *pieces[1::2]]
    ratings = [piece.strip(b"\r\n") for piece in pieces[::2]]
    counts = [piece.count(b"\n") + 1 if piece else 0 for piece in ratings]
    if counts[0] and not movie:
        raise DataError(
            f"{path}, line {line}: expected a line with the number of a movie, such as '1:'"
        )
    values = _values(b"\n".join(piece for piece in ratings if piece))
    if values is None or len(values) != sum(counts):
        raise DataError(_first_fault(path, block, line))
    ids = np.repeat(np.array([m.decode() for m in movies], dtype=object), counts)
    values = values.append_column(col.ITEM_ID, pa.array(ids, pa.string()))
    return values.select(_SCHEMA.names).cast(_SCHEMA), movies[-1]


def _values(text: bytes) -> pa.Table | None:
    """Rows "user,rating,date" as columns of strings; None if another line is among them."""
    if not text:
        return pa.table({name: pa.array([], pa.string()) for name in _VALUES})
    strings = dict.fromkeys(_VALUES, pa.string())
    try:
        return csv.read_csv(
            io.BytesIO(text),
            csv.ReadOptions(column_names=list(_VALUES), use_threads=False),
            csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            csv.ConvertOptions(column_types=strings, strings_can_be_null=True, null_values=[""]),
        )
    except pa.ArrowInvalid:
        return None


def _first_fault(path: Path, block: bytes, first: int) -> str:
    for number, line in enumerate(block.splitlines(), start=first):
        text = line.decode("utf-8", "replace")
        if line.count(b",") != 2 and not _HEADER.fullmatch(line):
            return f"{path}, line {number}: '{text}' is neither 'movie:' nor 'user,rating,date'"
        if "\N{REPLACEMENT CHARACTER}" in text:
            return f"{path}, line {number}: '{text}' is not UTF-8"
    return f"{path}, from line {first}: not the lines of the Netflix Prize"
