"""Delimited text files: how one is laid out, and clear words for what is wrong with one."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rapidfuzz import process

from reelbench.data.errors import DataError

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class TextFile:
    """A text file with a header line and one row a line.

    Attributes:
        path: where it is.
        columns: a name for every column, in the order of the file.
        delimiter: one character.
        quote: character around values that hold a delimiter; empty where the format has none.
    """

    path: Path
    columns: tuple[str, ...]
    delimiter: str = ","
    quote: str = '"'

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line number of the file (the header is line 1) and values, row by row."""
        with self.path.open(encoding="utf-8-sig", newline="") as stream:
            reader = _reader(stream, self.delimiter, self.quote)
            next(reader, None)
            for values in reader:
                yield reader.line_num, values

    def first_line(
        self, rows: Collection[tuple[str, ...]], columns: Sequence[str]
    ) -> tuple[int, tuple[str, ...]]:
        """Number of the first line whose values in `columns` are among `rows`, and those values.

        Raises:
            LookupError: there is no such line.
        """
        places = [self.columns.index(column) for column in columns]
        for line, values in self.rows():
            if values and (found := tuple(values[place] for place in places)) in rows:
                return line, found
        raise LookupError(f"{self.path}: none of {len(rows)} rows found")

    def frame(self) -> pd.DataFrame:
        """All values as strings, in the order of the file; an empty value is missing.

        For small tables; a table of the size of the ratings goes through the engine.

        Raises:
            DataError: a row has more or fewer values than the header, or is not UTF-8.
        """
        found = []
        try:
            for line, values in self.rows():
                if not values:
                    continue
                if len(values) != len(self.columns):
                    raise DataError(
                        f"{self.path}, line {line}: {len(values)} values, "
                        f"but the header has {len(self.columns)}"
                    )
                found.append(values)
        except UnicodeDecodeError as error:
            raise DataError(f"{self.path} is not UTF-8: {error.reason}") from error
        except csv.Error as error:
            raise DataError(f"{self.path} cannot be read: {error}") from error
        frame = pd.DataFrame(found, columns=list(self.columns), dtype="str")
        return frame.where(frame != "", None)


def open_text(path: Path, delimiter: str = ",", quote: str = '"') -> TextFile:
    """A text file with the names of its header.

    Raises:
        DataError: the file is missing, empty, not UTF-8, or names a column twice.
    """
    header = _header(path, delimiter, quote)
    repeated = {name for name in header if header.count(name) > 1}
    if repeated:
        raise DataError(f"{path}: the header names the column '{min(repeated)}' twice")
    return TextFile(path, tuple(header), delimiter, quote)


def rename(file: TextFile, names: Mapping[str, str], required: Collection[str]) -> TextFile:
    """The file with our names for its columns.

    Args:
        file: with the names that it has itself.
        names: our name → the name in the file; a column that is in neither keeps its name.
        required: those of our names that the file must have.

    Raises:
        DataError: a required column is missing.
    """
    for ours in required:
        theirs = names.get(ours, ours)
        if theirs not in file.columns:
            raise DataError(_missing(file, ours, theirs))
    back = {theirs: ours for ours, theirs in names.items()}
    columns = tuple(back.get(name, name) for name in file.columns)
    return TextFile(file.path, columns, file.delimiter, file.quote)


def _header(path: Path, delimiter: str, quote: str) -> list[str]:
    try:
        with path.open("rb") as stream:
            line = stream.readline()
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    if line.startswith(_UTF16):
        raise DataError(f"{path} is encoded in UTF-16: save it as UTF-8")
    try:
        header: list[str] = next(_reader([line.decode("utf-8-sig")], delimiter, quote), [])
    except UnicodeDecodeError as error:
        raise DataError(f"{path}, line 1: not UTF-8: {error.reason}") from error
    if not any(header):
        raise DataError(f"{path} is empty: a header line and rows were expected")
    return [name.strip() for name in header]


def _missing(file: TextFile, ours: str, theirs: str) -> str:
    have = ", ".join(file.columns)
    message = f"{file.path}, line 1: no column '{theirs}' (for {ours}); the file has: {have}"
    if len(file.columns) == 1:
        return f"{message}. Is the delimiter really {file.delimiter!r}?"
    match = process.extractOne(theirs, file.columns, score_cutoff=60)
    hint = f"; is it '{match[0]}'?" if match else ""
    return f"{message}{hint} Names of columns are set under read.columns in conf/data/"


def _reader(stream: Iterable[str], delimiter: str, quote: str) -> Any:
    if quote:
        return csv.reader(stream, delimiter=delimiter, quotechar=quote)
    return csv.reader(stream, delimiter=delimiter, quoting=csv.QUOTE_NONE)
