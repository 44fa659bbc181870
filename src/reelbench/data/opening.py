"""What a file of the user's is, seen from its content, and how it is opened.

Its ending does not matter: what is compressed is unpacked into a scratch folder, Excel and JSON are
read into memory, and what cannot be read is named in one sentence.
"""

import bz2
import gzip
import itertools
import json
import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Literal

import pandas as pd
import pyarrow as pa
import yaml

from reelbench.data import DataError

Kind = Literal["text", "parquet", "excel", "json", "netflix"]

_MOST_COLUMNS = 2000  # a table with a column per movie is none of ratings
_HEAD = 1 << 16  # bytes that show what a file is
_ROWS = 50_000  # rows held as Python objects at once
# A file may always unpack to this size; beyond it, to so many times its own. Text takes 5 to 30.
_FREELY, _RATIO = 1 << 28, 200
_RESERVE = 1 << 28  # bytes that stay free on the disk

_OPENERS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
    b"\x28\xb5\x2f\xfd": lambda path: pa.input_stream(str(path), compression="zstd"),
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_DAMAGED = (
    *(EOFError, OSError, zlib.error, lzma.LZMAError, pa.ArrowException),
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError),
)
_OTHERS: dict[str, str] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))


def kind(path: Path) -> Kind:
    """What a file is, or what is packed in it; a DataError says what it is that is not read."""
    if path.is_dir():
        parts(path)
        return "parquet"
    start = head(path)
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(_ZIP):
        return "excel"
    if any(start.startswith(mark) for mark in _OPENERS):
        raise DataError(f"{path} is compressed twice: unpack it once")
    for mark, what in _OTHERS.items():
        # a header may begin with letters such as "PARENT"
        if start.startswith(mark.encode("latin-1")) and (b"\0" in start or not mark.isalnum()):
            raise DataError(f"{path} is {what}")
    if start[257:262] == b"ustar":
        raise DataError(f"{path} is a tar archive: unpack it, or name it in data.root")
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    inner = text[1:].lstrip() if text.startswith(b"[") else text
    if inner.startswith(b"{") and inner[1:].lstrip()[:1] in (b'"', b"'", b"}"):
        return "json"  # an object, or a list of objects
    first = text.partition(b"\n")[0].strip()
    return "netflix" if first.endswith(b":") and first[:-1].isdigit() else "text"


def head(path: Path, n: int = _HEAD) -> bytes:
    """The first bytes of a file or of what is packed in it; a DataError if missing or damaged."""
    with _stream(path) as stream:
        return stream.read(n)


def opened(path: Path, scratch: Path, *, header: bool = True) -> Path | pa.Table:
    """The path of text or Parquet, unpacked if need be, or the rows of Excel and JSON in memory.

    `path` may be a folder with the parts of a Parquet file; what is unpacked goes to `scratch`, and
    `header` says whether the first row of Excel has names. Rows are strings or times; lists and
    objects are JSON text. An implausible size or a row that cannot be read is a DataError, as is
    what `kind` refuses.
    """
    found = kind(path)
    plain = _unpacked(path, scratch) if path.is_file() and _packing(path) else path
    if found == "excel":
        return _excel(path, plain, header)
    return _json(path, plain) if found == "json" else plain


def parts(folder: Path) -> list[Path]:
    """The parts of a Parquet file by name, without Spark's other files; a DataError without any."""
    found = sorted(file for file in folder.iterdir() if file.name[0] not in "._")
    for file in found:
        if file.is_dir():
            what = "a folder within a table: write it without partitions"
        elif not head(file).startswith(b"PAR1"):
            what = "no part of a Parquet file: name a single file, or a folder of such parts"
        else:
            continue
        raise DataError(f"{file} is {what}")
    if not found:
        raise DataError(f"{folder} is a folder without parts of a Parquet file")
    return found


def as_text(value: object) -> str | None:
    """A value of Excel, JSON or Parquet as text: what is whole has no point; lists are JSON."""
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**63 else repr(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, default=as_text)
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def _packing(path: Path) -> bytes | None:
    """The mark of the compression of a file; None for Excel, which is a zip archive too."""
    with path.open("rb") as stream:
        start = stream.read(8)
    if start.startswith(_ZIP):
        with zipfile.ZipFile(path) as archive:
            return None if "[Content_Types].xml" in archive.namelist() else _ZIP[0]
    return next((mark for mark in _OPENERS if start.startswith(mark)), None)


@contextmanager
def _stream(path: Path) -> Iterator[IO[bytes]]:
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is no file")
    try:
        mark = _packing(path)
        if mark == _ZIP[0]:
            with zipfile.ZipFile(path) as archive, archive.open(_only_member(path)) as stream:
                yield stream
        else:
            with _OPENERS[mark](path) if mark else path.open("rb") as stream:
                yield stream
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    except _DAMAGED as error:
        causes = "it was cut off, is damaged, or may not be read"
        raise DataError(f"{path} cannot be read ({error}): {causes}") from error


def _only_member(path: Path) -> zipfile.ZipInfo:
    with zipfile.ZipFile(path) as archive:
        files = [member for member in archive.infolist() if not member.is_dir()]
    ours = (f for f in files if not f.filename.startswith("__MACOSX/"))  # of macOS
    found = [f for f in ours if not Path(f.filename).name.startswith(".")]
    names = ", ".join(member.filename for member in found[:5])
    if "content.xml" in names or "mimetype" in names:
        raise DataError(f"{path} is an OpenDocument file: save it as .xlsx or CSV")
    if len(found) != 1:
        raise DataError(
            f"{path} contains {len(found)} files ({names or 'none'}) where one was expected: "
            "unpack it, or name it in data.root"
        )
    if found[0].flag_bits & 1:
        raise DataError(f"{path} is encrypted: unpack it with its password")
    return found[0]


def _unpacked(path: Path, scratch: Path) -> Path:
    target, size = Path(tempfile.mkdtemp(dir=scratch)) / "content", 0  # no ending that says more
    with _stream(path) as source, target.open("wb") as sink:
        while piece := source.read(1 << 20):
            size += len(piece)
            check_size(path, size)
            if shutil.disk_usage(scratch).free < _RESERVE:
                done = f"({size:,} bytes so far) in {scratch}"
                raise DataError(f"{path}: no room on the disk to unpack it {done}")
            sink.write(piece)
    return target


def check_size(path: Path, size: int) -> None:
    """Refuse a file that unpacks to an implausible number of bytes, with a DataError."""
    if size > max(_FREELY, _RATIO * path.stat().st_size):
        raise DataError(
            f"{path} unpacks to {size:,} bytes or more, over {_RATIO} times its size, as only a "
            "damaged file or a bomb does: unpack it yourself if it is meant"
        )


def _json(path: Path, plain: Path) -> pa.Table:
    """A table of JSON lines, or of a JSON list of objects; every value as text."""
    with plain.open("rb") as stream:
        is_list = stream.read(_HEAD).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")
        stream.seek(0)
        if is_list:
            rows: Iterator[tuple[int, Any]] = enumerate(_parsed(path, stream.read()), start=1)
        else:
            lines = ((n, line) for n, line in enumerate(stream, start=1) if line.strip())
            rows = ((n, _parsed(path, line.rstrip(), n)) for n, line in lines)
        chunks, names = [], dict[str, None]()
        while held := list(itertools.islice(rows, _ROWS)):
            for number, row in held:
                if not isinstance(row, dict):
                    unit = "row" if is_list else "line"
                    raise DataError(f"{path}, {unit} {number}: {as_text(row)} is no JSON object")
                names.update(dict.fromkeys(row))
            check_width(path, len(names))
            columns = {name: [as_text(row.get(name)) for _, row in held] for name in names}
            chunks.append(pa.table({name: _texts(path, v) for name, v in columns.items()}))
    return pa.concat_tables(chunks, promote_options="default")


def _parsed(path: Path, content: bytes, line: int = 1) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        fault = str(error)
        if isinstance(error, json.JSONDecodeError):
            line, fault = line + error.lineno - 1, f"{error.msg} (column {error.colno})"
        raise DataError(
            f"{path}, line {line} is not JSON: {fault}. An object per line is read, or one list of "
            "objects: correct it"
        ) from error


def _texts(path: Path, values: list[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError as error:
        raise DataError(f"{path} has half of a character: {error}") from error


def check_width(path: Path, n: int) -> None:
    """Refuse a table with too many columns, with a DataError."""
    if n > _MOST_COLUMNS:
        raise DataError(
            f"{path} has {n:,} columns, and at most {_MOST_COLUMNS:,} are read: keep the columns "
            "that are needed; of a table with a column per movie, make one with a row per rating"
        )


def _excel(path: Path, plain: Path, header: bool) -> pa.Table:
    """The first sheet of a workbook; rows without any value are left out."""
    try:
        check_size(path, sum(member.file_size for member in zipfile.ZipFile(plain).infolist()))
        with plain.open("rb") as stream:  # of a path openpyxl looks at the ending
            options: Any = {"header": None, "dtype": object, "na_values": [""]}
            sheet = pd.read_excel(stream, engine="openpyxl", keep_default_na=False, **options)
    except DataError:
        raise
    except Exception as error:  # openpyxl passes on whatever it meets
        raise DataError(f"{path} is not a complete Excel file (.xlsx): {error}") from error
    sheet = sheet.dropna(how="all")
    if sheet.empty:
        raise DataError(f"{path} is empty: a row of names and rows of values were expected")
    check_width(path, sheet.shape[1])
    names = [str(n) for n in range(1, sheet.shape[1] + 1)]
    if header:
        names, sheet = [as_text(name) or "" for name in sheet.iloc[0]], sheet[1:]
    columns = [_cells(path, sheet[place].tolist()) for place in sheet.columns]
    numbers = json.dumps((sheet.index + 1).tolist())  # as Excel shows them
    return pa.Table.from_arrays(columns, names).replace_schema_metadata({"rows": numbers})


def _cells(path: Path, values: list[Any]) -> pa.Array:
    """A column as times if all its cells are, else as text."""
    given = [value for value in values if value == value]
    if given and all(isinstance(value, datetime) for value in given):
        return pa.array(values, pa.timestamp("us"), from_pandas=True)
    return _texts(path, [as_text(value) for value in values])
