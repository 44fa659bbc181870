"""Tables as published: which of our columns is which of theirs, and delimited text files."""

import codecs
import csv
import logging
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from rapidfuzz import process

from reelbench import columns as col
from reelbench.data import DataError
from reelbench.data.opening import check_width

_LOG = logging.getLogger(__name__)

_MARKS = {  # the longest first
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_DELIMITERS = (";", "\t", "|", "::", ",")
_BLOCK = 1 << 24  # bytes looked at once
_LONGEST_HEADER = 1 << 20  # characters
_LONGEST_VALUE = 10_000_000  # characters
_LISTED = 30  # names of columns in a message
IMPLICIT = "1"  # text of a rating where the source has none, since every row is a click
# a value with a line break, and then the delimiter, in one of these has swallowed a row
_SHORT = (col.USER_ID, col.ITEM_ID, col.RATING, col.TIMESTAMP, col.TAG, col.TITLE_RAW)
#: names that a column of the user's does not keep: ours, and those of rows on their way
RESERVED = frozenset(v for name, v in vars(col).items() if name.isupper() and isinstance(v, str))


Row = tuple[str, ...]  # values of some columns


@dataclass(frozen=True)
class Source(ABC):
    """A table as published. Columns are found by position; their names are for messages."""

    unit: ClassVar[str] = "row"  # what is counted in messages
    path: Path  # the file; for a table in memory what messages call it
    names: tuple[str, ...] = ()  # of the columns; their numbers from 1 where the file has no header
    places: Mapping[str, int] = field(default_factory=dict, kw_only=True)  # our name → from 0

    def label(self, column: str) -> str:
        """Our name of a column, after the file's own name if that is different."""
        theirs = self.names[self.places[column]] if column in self.places else column
        return column if theirs == column else f"{theirs} ({column})"

    @abstractmethod
    def locate(self, rows: Collection[Row], columns: Sequence[str]) -> tuple[str, Row]:
        """The place (file and line) of the first row with these values, and the values."""

    def kept(self) -> dict[str, int]:
        """Places of the columns of a small table: ours, and others whose names are free."""
        used, taken = {*self.places.values()}, {name.casefold() for name in RESERVED}
        found = dict(self.places)
        for place, name in enumerate(self.names):
            free = name and name.casefold() not in taken and not name.startswith("_")
            if free and place not in used and not name.isdigit():
                found[name] = place
                taken.add(name.casefold())
        if ignored := [n for i, n in enumerate(self.names) if n in RESERVED and i not in used]:
            _LOG.info("%s: not read unless named in `columns`: %s", self.path, ", ".join(ignored))
        return dict(sorted(found.items(), key=lambda pair: pair[1]))

    def first_of(
        self,
        rows: Collection[Row],
        columns: Sequence[str],
        numbered: Iterable[tuple[int, Sequence[str]]],
    ) -> tuple[str, Row]:
        """The first of the numbered rows whose values in `columns` are among `rows`."""
        places = [self.places.get(column) for column in columns]
        for number, values in numbered:
            found = tuple(IMPLICIT if p is None else values[p] for p in places)
            for same in (found, tuple(value.strip() for value in found)):
                if same in rows:
                    return f"{self.path}, {self.unit} {number}", same
        return str(self.path), min(rows)


@dataclass(frozen=True)
class TextFile(Source):
    """A text file with one row per line."""

    unit: ClassVar[str] = "line"
    delimiter: str = ","  # one or more characters
    quote: str = '"'  # around values that contain a delimiter; empty for formats without quotes
    encoding: str = "utf-8"  # a name that Python knows
    header: bool = True  # whether the first line contains names
    rest: bool = False  # whether the last value is the rest of the line, with delimiters
    plain: Path | None = None  # the unpacked file, where `path` is compressed

    @property
    def content(self) -> Path:
        """The file that is read."""
        return self.plain or self.path

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """First line (from 1) and values of rows that are not empty; a DataError if no text."""
        split = self.rest or len(self.delimiter) > 1
        try:
            encoding = _with_mark(self.encoding)
            with self.content.open(encoding=encoding, newline=None if split else "") as stream:
                yield from self._split(stream) if split else self._parsed(stream)
        except UnicodeError as error:
            raise DataError(_wrong_encoding(self, error)) from error
        except FileNotFoundError as error:
            raise DataError(f"{self.path} is missing") from error

    def _split(self, stream: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        """Lines split at the delimiter, without Python's reader of CSV."""
        most, quote = len(self.names) - 1 if self.rest else -1, self.quote
        for number, line in enumerate(self._without_nul(stream), start=1):
            text = line.rstrip("\n")
            if text and (number > 1 or not self.header):
                values = text.split(self.delimiter, most)
                yield number, [_unquoted(v, quote) for v in values] if quote else values

    def _parsed(self, stream: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        csv.field_size_limit(_LONGEST_VALUE)
        quotes: Any = {"quotechar": self.quote} if self.quote else {"quoting": csv.QUOTE_NONE}
        plain, line = self._without_nul(stream), 1
        reader = csv.reader(plain, delimiter=self.delimiter, strict=True, **quotes)
        try:
            for values in reader:
                if values and (line > 1 or not self.header):
                    yield line, values
                line = reader.line_num + 1
        except csv.Error as error:
            raise DataError(f"{self.path}, line {line}: {_fault(error, self.quote)}") from error

    def _without_nul(self, stream: Iterable[str]) -> Iterator[str]:
        for number, line in enumerate(stream, start=1):
            if "\0" in line:
                raise DataError(_nul(self.path, number))
            yield line

    def locate(self, rows: Collection[Row], columns: Sequence[str]) -> tuple[str, Row]:
        return self.first_of(rows, columns, self.rows())

    def checked(self) -> Iterator[tuple[int, list[str]]]:
        """The rows; a DataError if one has too many or few values, or one swallowed by a quote."""
        short = [self.places[c] for c in _SHORT if c in self.places]
        for line, values in self.rows():
            if len(values) != len(self.names):
                have = "the header has" if self.header else "there are"
                raise DataError(
                    f"{self.path}, line {line}: {len(values)} values, but {have} "
                    f"{len(self.names)} columns. Correct it, or set read.delimiter or read.quote"
                )
            broken = {p: values[p].rpartition("\n")[2] for p in short if "\n" in values[p]}
            mark = self.delimiter  # what is swallowed ends as a row begins
            if any(mark in values[p] and last.count(mark) == p for p, last in broken.items()):
                raise DataError(
                    f"{self.path}, line {line}: a quote is not closed, so that the value goes on "
                    "in the next line. Close it, or take out the line break, or set read.quote"
                )
            yield line, values

    def frame(self) -> pd.DataFrame:
        """Our and other columns of a small file as strings by line; empty ones are missing."""
        rows, kept = list(self.checked()), self.kept()
        index = pd.Index([line for line, _ in rows], name=col.LINE, dtype="int64")
        columns = {name: [values[place] for _, values in rows] for name, place in kept.items()}
        frame = pd.DataFrame(columns, dtype="str", index=index)
        return frame.where(frame != "", None)


def open_text(
    path: Path,
    delimiter: str = ",",
    quote: str = '"',
    encoding: str = "utf-8",
    *,
    header: bool = True,
    plain: Path | None = None,
) -> TextFile:
    """A text file with the names of its header, or with numbers from 1.

    `path` is what messages name, `plain` the file itself where that is compressed. A byte order
    mark overrides `encoding`. A missing, empty, too wide or wrongly encoded file is a DataError.
    """
    if quote and quote in delimiter:
        raise DataError(f"{path}: read.delimiter and read.quote are both {quote}")
    file = TextFile(path, (), delimiter, quote, encoding, header=False, plain=plain)
    try:
        file = replace(file, encoding=_marked(file.content) or encoding)
        with file.content.open(encoding=_with_mark(file.encoding), newline="") as stream:
            line = stream.readline(_LONGEST_HEADER)
    except UnicodeError as error:
        raise DataError(_wrong_encoding(file, error)) from error
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    if len(line) == _LONGEST_HEADER:
        raise DataError(
            f"{path}, line 1 is longer than {_LONGEST_HEADER:,} characters, more than names of "
            "columns take: is this a table with a row per line?"
        )
    rows = file.rows()
    _, names = next(rows, (1, []))
    named = any(name.strip() for name in names)
    if named and not line.strip():
        raise DataError(f"{path}, line 1 is empty: remove it, so that the names come first")
    if not named and (header or not line.strip()):
        what = "a header line and rows" if header else "rows"
        raise DataError(f"{path} is empty: {what} were expected")
    check_width(path, len(names))
    if not header:
        return replace(file, names=tuple(str(n) for n, _ in enumerate(names, start=1)))
    found = [name.strip() for name in names]
    _, first = next(rows, (2, found))
    if len(first) == len(found) + 1 and not first[-1]:
        found.append("")  # a delimiter at the end of rows alone
    elif len(first) == len(found) - 1 and not found[-1]:
        found.pop()  # or of the header alone
    return replace(file, names=tuple(found), header=True)


def rename(file: TextFile, names: Mapping[str, str | int], required: Collection[str]) -> TextFile:
    """The file with our names for its columns; see `places_of`."""
    wanted = {ours: ours for ours in required} | dict(names)
    return replace(file, places=places_of(file, wanted, required))


def places_of(
    source: Source, wanted: Mapping[str, str | int], required: Collection[str]
) -> dict[str, int]:
    """The places of columns, from 0; of two that differ by case alone, the one as written.

    `wanted` are our names → the table's, or numbers from 1. A `required` one that is missing, or a
    name that stands for several columns, is a DataError.
    """
    found = {}
    for ours, theirs in wanted.items():
        place = _place(source, ours, theirs)
        if place is not None:
            found[ours] = place
        elif ours in required:
            raise DataError(missing_column(source, ours, theirs))
    return found


def _place(source: Source, ours: str, theirs: str | int) -> int | None:
    if isinstance(theirs, int):
        return theirs - 1 if 0 < theirs <= len(source.names) else None
    name = theirs.strip()
    exact = [i for i, other in enumerate(source.names) if other == name]
    similar = [i for i, n in enumerate(source.names) if n.casefold() == name.casefold()]
    if len(found := exact or similar) > 1:
        what = f"the column '{name}' twice" if exact else f"several columns like '{name}'"
        raise DataError(f"{source.path}: the header names {what} (for {ours}): rename one of them")
    if similar and not exact:
        _LOG.info("%s: column '%s' is read as %s", source.path, source.names[similar[0]], ours)
    return found[0] if found else None


def missing_column(source: Source, ours: str, theirs: str | int) -> str:
    """Message about a table without the column `theirs`."""
    names, where = source.names, f"{source.path}, line 1: no column"
    if isinstance(theirs, int):
        return f"{where} {theirs} (for {ours}): it has {len(names)} columns"
    more = f", … ({len(names)} in all)" if len(names) > _LISTED else ""
    have = ", ".join(name[:_LISTED] for name in names[:_LISTED]) + more
    message = f"{where} '{theirs}' (for {ours}); the file has: {have}"
    if len(names) == 1 and isinstance(source, TextFile):
        likely = [d for d in _DELIMITERS if d != source.delimiter and d in have]
        hint = f" It seems to be {likely[0]!r}" if likely else ""
        return f"{message}. Is {source.delimiter!r} the right delimiter?{hint}"
    match = process.extractOne(str(theirs), names, score_cutoff=60)
    hint = f"; did you mean '{match[0]}'?" if match else "."
    return (
        f"{message}{hint} Names of columns are set by `columns` (below `read` in conf/data/); "
        f"`{ours}: null` is for a file without such a column"
    )


def looked_at(file: TextFile, content: Path) -> tuple[bool, bool]:
    """Whether lines in UTF-8 end differently, and whether it has quotes; a DataError for a NUL."""
    ends, quoted, lines, quote = [0, 0, 0], False, 1, file.quote.encode()
    with content.open("rb") as stream:
        while block := stream.read(_BLOCK):
            block += stream.read(1) if block.endswith(b"\r") else b""
            if (place := block.find(b"\0")) >= 0:
                raise DataError(_nul(file.path, lines + block.count(b"\n", 0, place)))
            newlines, returns = block.count(b"\n"), block.count(b"\r")
            both = block.count(b"\r\n") if returns else 0
            ends = [ends[0] + both, ends[1] + returns - both, ends[2] + newlines - both]
            quoted, lines = quoted or bool(quote and quote in block), lines + newlines
    return sum(n > 0 for n in ends) > 1, quoted


def to_utf8(file: TextFile, target: Path, *, translate: bool = False) -> None:
    """Copy a text file into UTF-8, if asked with one kind of line ends; or raise a DataError."""
    newline = None if translate else ""
    try:
        with (
            file.content.open(encoding=file.encoding, newline=newline) as source,
            target.open("w", encoding="utf-8", newline="\n" if translate else "") as sink,
        ):
            while piece := source.read(1 << 20):
                sink.write(piece)
    except UnicodeError as error:
        raise DataError(_wrong_encoding(file, error)) from error


def is_utf8(encoding: str) -> bool:
    """Whether a name stands for UTF-8 or a subset of it; a DataError for an unknown encoding."""
    try:
        "".encode(encoding)
        return codecs.lookup(encoding).name in {"utf-8", "ascii", "utf-8-sig"}
    except LookupError as error:
        raise DataError(f"read.encoding: unknown encoding '{encoding}'") from error


def _marked(content: Path) -> str | None:
    with content.open("rb") as stream:
        head = stream.read(4)
    return next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)


def _with_mark(encoding: str) -> str:
    """UTF-8 with or without the byte order mark of Windows."""
    return "utf-8-sig" if is_utf8(encoding) else encoding


def _wrong_encoding(file: TextFile, error: UnicodeError) -> str:
    reason = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
    return (
        f"{file.path} is not {file.encoding.upper()}{_line_of(file)}: {reason}. "
        "Save it as UTF-8, or name its encoding in read.encoding"
    )


def _line_of(file: TextFile) -> str:
    """Place of the first line that cannot be decoded; empty where unknown."""
    if not is_utf8(file.encoding):
        return ""
    with file.content.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return f" in line {number}"
    return ""


def _nul(path: Path, line: int) -> str:
    return (
        f"{path}, line {line}: a NUL byte: this is no text, or UTF-16 without a mark. Save it as "
        "UTF-8, or name its encoding in read.encoding"
    )


def _fault(error: csv.Error, quote: str) -> str:
    text = str(error)
    if text == "unexpected end of data":
        return f"the quote {quote} is not closed. Close it, or set read.quote"
    if "expected after" in text:
        return f"a quote {quote} within quotes must be doubled. Correct it, or set read.quote"
    if "field limit" in text:
        return f"a value is longer than {_LONGEST_VALUE:,} characters: is a quote not closed?"
    return text


def _unquoted(value: str, quote: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == quote:
        return value[1:-1].replace(quote * 2, quote)
    return value
