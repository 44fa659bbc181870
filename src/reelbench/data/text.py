"""Delimited text files: their layout, and clear messages about errors in them."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
from rapidfuzz import process

from reelbench.columns import LINE
from reelbench.data import DataError

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DELIMITERS = (";", "\t", "|", "::", ",")


class RowSource(Protocol):
    """Source of the rows of a table, for messages that point at one of them."""

    @property
    def path(self) -> Path:
        """The file."""

    def label(self, column: str) -> str:
        """Name of one of our columns for a message, with the name in the file."""

    def locate(
        self, rows: Collection[tuple[str, ...]], columns: Sequence[str]
    ) -> tuple[str, tuple[str, ...]]:
        """The place (file and line) of the first row with these values, and the values."""


@dataclass(frozen=True)
class TextFile:
    """A text file with one row per line."""

    path: Path  # the file
    columns: tuple[str, ...]  # our names of all columns, in the order of the file
    delimiter: str = ","  # one or more characters; several only without quotes
    #: character around values that contain a delimiter; empty for formats without quotes
    quote: str = '"'
    encoding: str = "utf-8"  # a name that Python knows
    header: bool = True  # whether the first line contains names
    rest: bool = False  # whether the last value is the rest of the line, with delimiters
    published: tuple[str, ...] = ()  # names of the columns in the file; empty if they are ours

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line number of the file (from 1) and values, row by row."""
        encoding = _with_mark(self.encoding)
        with self.path.open(encoding=encoding, newline=None if self._plain else "") as stream:
            if self._plain:
                yield from self._split_lines(stream)
                return
            reader = _reader(stream, self.delimiter, self.quote)
            if self.header:
                next(reader, None)
            for values in reader:
                yield reader.line_num, values

    @property
    def _plain(self) -> bool:
        """Whether lines are split at the delimiter, without Python's reader of CSV."""
        return self.rest or len(self.delimiter) > 1

    def _split_lines(self, stream: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        most = len(self.columns) - 1 if self.rest else -1
        for number, line in enumerate(stream, start=1):
            if number > 1 or not self.header:
                text = line.rstrip("\n")
                yield number, text.split(self.delimiter, most) if text else []

    def label(self, column: str) -> str:
        """Our name of a column, after the file's own name if that is different."""
        if column not in self.columns or not self.published:
            return column
        theirs = self.published[self.columns.index(column)]
        return column if theirs == column else f"{theirs} ({column})"

    def locate(
        self, rows: Collection[tuple[str, ...]], columns: Sequence[str]
    ) -> tuple[str, tuple[str, ...]]:
        """The first line whose values in `columns` are among `rows`, and those values.

        Raises:
            LookupError: no line has them.
        """
        places = [self.columns.index(column) for column in columns]
        for line, values in self.rows():
            if values and (found := tuple(values[place] for place in places)) in rows:
                return f"{self.path}, line {line}", found
        raise LookupError(f"{self.path}: none of {len(rows)} rows found")

    def frame(self) -> pd.DataFrame:
        """All values as strings, indexed by line number; an empty value is missing.

        For small tables; the engine reads tables of the size of the ratings.

        Raises:
            DataError: a row has more or fewer values than the header, or the encoding is wrong.
        """
        lines, found = [], []
        try:
            for line, values in self.rows():
                if not values:
                    continue
                if len(values) != len(self.columns):
                    raise DataError(
                        f"{self.path}, line {line}: {len(values)} values, "
                        f"but {'the header has' if self.header else 'there are'} "
                        f"{len(self.columns)} columns"
                    )
                lines.append(line)
                found.append(values)
        except UnicodeError as error:
            raise DataError(_wrong_encoding(self.path, self.encoding, error)) from error
        except csv.Error as error:
            raise DataError(f"{self.path}: {error}") from error
        index = pd.Index(lines, name=LINE, dtype="int64")
        frame = pd.DataFrame(found, columns=list(self.columns), dtype="str", index=index)
        return frame.where(frame != "", None)


def open_text(
    path: Path, delimiter: str = ",", quote: str = '"', encoding: str = "utf-8"
) -> TextFile:
    """A text file with the names of its header.

    Raises:
        DataError: the file is missing, empty, in another encoding, or names a column twice.
    """
    line = _first_line(path, encoding)
    if quote or len(delimiter) == 1:
        header: list[str] = next(_reader([line], delimiter, quote), [])
    else:
        header = line.rstrip("\r\n").split(delimiter)
    if not any(header):
        raise DataError(f"{path} is empty: a header line and rows were expected")
    header = [name.strip() for name in header]
    repeated = {name for name in header if header.count(name) > 1}
    if repeated:
        raise DataError(f"{path}: the header names the column '{min(repeated)}' twice")
    return TextFile(path, tuple(header), delimiter, quote, encoding)


def open_headless(
    path: Path,
    columns: Sequence[str],
    delimiter: str,
    encoding: str = "utf-8",
    *,
    rest: bool = False,
) -> TextFile:
    """A text file without header and quotes, whose columns are fixed by the format.

    Raises:
        DataError: the file is missing, empty, in another encoding, or its first line has another
            number of columns.
    """
    line = _first_line(path, encoding).rstrip("\r\n")
    names = ", ".join(columns)
    if not line:
        raise DataError(f"{path} is empty: rows of {names} were expected")
    found = line.split(delimiter, len(columns) - 1 if rest else -1)
    if len(found) != len(columns):
        raise DataError(
            f"{path}, line 1: {len(found)} values where {len(columns)} ({names}) were expected, "
            f"separated by {delimiter!r}. Is this the published file?"
        )
    return TextFile(path, tuple(columns), delimiter, "", encoding, header=False, rest=rest)


def rename(file: TextFile, names: Mapping[str, str], required: Collection[str]) -> TextFile:
    """The file with our names for its columns.

    Args:
        names: our name → the name in the file; other columns keep their names.
        required: our names of the columns that the file must have.

    Raises:
        DataError: a required column is missing.
    """
    for ours in required:
        theirs = names.get(ours, ours)
        if theirs not in file.columns:
            raise DataError(missing_column(file, ours, theirs))
    back = {theirs: ours for ours, theirs in names.items()}
    columns = tuple(back.get(name, name) for name in file.columns)
    return replace(file, columns=columns, published=file.columns)


def missing_column(file: TextFile, ours: str, theirs: str) -> str:
    """Message about a file without the column `theirs`."""
    have = ", ".join(file.columns)
    message = f"{file.path}, line 1: no column '{theirs}' (for {ours}); the file has: {have}"
    if len(file.columns) == 1:
        likely = [d for d in _DELIMITERS if d != file.delimiter and d in have]
        hint = f" It seems to be {likely[0]!r}" if likely else ""
        return f"{message}. Is {file.delimiter!r} the right delimiter?{hint}"
    match = process.extractOne(theirs, file.columns, score_cutoff=60)
    hint = f"; did you mean '{match[0]}'?" if match else "."
    return f"{message}{hint} Names of columns are set by `columns` (below `read` in conf/data/)"


def to_utf8(file: TextFile, target: Path) -> None:
    """Copy a text file of another encoding into UTF-8, a piece at a time.

    Raises:
        DataError: the file has another encoding.
    """
    try:
        with (
            file.path.open(encoding=file.encoding, newline="") as source,
            target.open("w", encoding="utf-8", newline="") as sink,
        ):
            while piece := source.read(1 << 20):
                sink.write(piece)
    except UnicodeError as error:
        raise DataError(_wrong_encoding(file.path, file.encoding, error)) from error


def is_utf8(encoding: str) -> bool:
    """Whether a name stands for UTF-8 or a subset of it.

    Raises:
        DataError: unknown encoding.
    """
    try:
        return codecs.lookup(encoding).name in {"utf-8", "ascii", "utf-8-sig"}
    except LookupError as error:
        raise DataError(f"read.encoding: unknown encoding '{encoding}'") from error


def _first_line(path: Path, encoding: str) -> str:
    try:
        with path.open("rb") as stream:
            head = stream.read(4096)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    if is_utf8(encoding) and (head.startswith(_UTF16) or b"\0" in head):
        raise DataError(f"{path} is encoded in UTF-16: save it as UTF-8")
    try:
        with path.open(encoding=_with_mark(encoding), newline="") as stream:
            return stream.readline()
    except UnicodeError as error:
        raise DataError(_wrong_encoding(path, encoding, error)) from error


def _with_mark(encoding: str) -> str:
    """UTF-8 with or without the byte order mark of Windows."""
    return "utf-8-sig" if is_utf8(encoding) else encoding


def _wrong_encoding(path: Path, encoding: str, error: UnicodeError) -> str:
    reason = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
    return (
        f"{path} is not {encoding.upper()}{_line_of(path, encoding)}: {reason}. "
        "Save it as UTF-8, or name its encoding in read.encoding"
    )


def _line_of(path: Path, encoding: str) -> str:
    """Place of the first line that cannot be decoded; empty where unknown."""
    if not is_utf8(encoding):
        return ""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return f" in line {number}"
    return ""


def _reader(stream: Iterable[str], delimiter: str, quote: str) -> Any:
    """A reader of CSV, whose type Python does not name."""
    quotes: Any = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    return csv.reader(stream, delimiter=delimiter, **quotes)
