"""The Netflix Prize: `combined_data_*.txt` and `movie_titles.csv`.

A line "5:" opens the ratings of movie 5, each a line "user,rating,date". Copies of the files have
the movie in every line; an empty line stands for one that opens, so that numbers stay.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import ibis

from reelbench import columns as col
from reelbench.data import DataError
from reelbench.data.engine import Engine
from reelbench.data.readers import RawFrame, RawRows, RawTables, ReadConfig, no_genres, years
from reelbench.data.text import Row, Source, TextFile

_BLOCK = 1 << 24  # bytes read at once
_HEADER = re.compile(rb"^(\d+):[ \t]*$", re.MULTILINE)
_COLUMNS = (col.USER_ID, col.RATING, col.TIMESTAMP, col.ITEM_ID)
_TITLES = (col.ITEM_ID, col.YEAR, col.TITLE_RAW)


@dataclass(frozen=True)
class NetflixFiles(Source):
    """The files of ratings, in the order of their names; `path` is the first of them."""

    files: tuple[TextFile, ...] = ()

    def locate(self, rows: Collection[Row], columns: Sequence[str]) -> tuple[str, Row]:
        places = (file.locate(rows, columns) for file in self.files)
        return next((p for p in places if ", line " in p[0]), (str(self.path), min(rows)))


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read movie_titles.csv and all files combined_data_*.txt."""
    if engine.distributed:
        raise DataError("the files of Netflix are read by one process: choose engine=duckdb")
    paths = sorted(folder.glob("combined_data_*.txt"))
    if not paths:
        raise DataError(f"{folder}: at least one file combined_data_*.txt is needed")
    titles = _headless(folder / "movie_titles.csv", _TITLES, encoding="iso-8859-1", rest=True)
    items = titles.frame()
    items[col.YEAR] = years(items[col.YEAR])
    items[col.GENRES] = no_genres(items.index)
    files = tuple(_headless(path, _COLUMNS, plain=_copied(path, engine)) for path in paths)
    rows = engine.cache(reduce(ibis.union, map(engine.text, files)))  # text is parsed once
    return RawTables(RawRows(rows, NetflixFiles(paths[0], files=files)), RawFrame(items, titles))


def _headless(path: Path, columns: Sequence[str], **layout: object) -> TextFile:
    places = {name: place for place, name in enumerate(columns)}
    options: dict[str, Any] = {"quote": "", "header": False, "places": places, **layout}
    return TextFile(path, tuple(columns), **options)


def _copied(path: Path, engine: Engine) -> Path:
    """A file of ratings with the movie in every line; a DataError if it begins with no movie."""
    copy, movie = engine.scratch(f"netflix-{path.name}"), b""
    with copy.open("wb") as sink:
        for block in _blocks(path):
            first, *others = _HEADER.split(block)  # ratings, movie, ratings, movie, ratings
            if first and not movie:
                wanted = "a line with the number of a movie, such as '1:'"
                raise DataError(f"{path}, line 1: expected {wanted}")
            sink.write(first.replace(b"\n", b",%b\n" % movie))
            for movie, ratings in zip(others[::2], others[1::2], strict=True):
                sink.write(b"\n" + ratings.removeprefix(b"\n").replace(b"\n", b",%b\n" % movie))
    return copy


def _blocks(path: Path) -> Iterator[bytes]:
    """The file in blocks of whole lines, all of which end in a line feed."""
    empty = True
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            empty = False
            block = (block + stream.readline()).replace(b"\r", b"")
            yield block if block.endswith(b"\n") else block + b"\n"
    if empty:
        raise DataError(f"{path} is empty: expected lines 'movie:' and 'user,rating,date'")
