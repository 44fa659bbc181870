"""What a file is, is seen from its content; each that is not read is named in one sentence."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest

from reelbench.data import DataError, opening
from reelbench.data.opening import kind, opened, parts

TEXT = b"user,movie\n1,2\n"


def zipped(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def one(content: bytes) -> bytes:
    return zipped(**{"ratings.csv": content, "__MACOSX/._ratings.csv": b"x"})


PACKERS = [gzip.compress, bz2.compress, lzma.compress, one, lambda b: pa.compress(b, "zstd", True)]


@pytest.mark.parametrize("pack", PACKERS)
def test_compressed_text_has_its_content(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "ratings.csv"  # the ending says nothing
    file.write_bytes(pack(TEXT))
    assert kind(file) == "text"
    plain = opened(file, tmp_path)
    assert isinstance(plain, Path) and plain != file and plain.read_bytes() == TEXT


def test_parquet_under_any_ending_and_in_parts(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    for name in ("RATINGS.PARQUET", "ratings.csv"):
        frame.to_parquet(tmp_path / name)
        assert kind(tmp_path / name) == "parquet"
        assert opened(tmp_path / name, tmp_path) == tmp_path / name
    folder = tmp_path / "spark"
    folder.mkdir()
    for name in ("part-1.parquet", "part-0.parquet"):
        frame.to_parquet(folder / name)
    for name in ("_SUCCESS", ".part-0.parquet.crc"):
        (folder / name).write_bytes(b"x")
    assert kind(folder) == "parquet"
    assert [file.name for file in parts(folder)] == ["part-0.parquet", "part-1.parquet"]


def test_excel_has_whole_numbers_and_times(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["user", 7, None, "when"])
    book.active.append([1, 2.0, "x", datetime(2020, 1, 2, 3)])
    book.active.append([None, None, None, None])
    book.active.append(["b", 2.5, True, None])
    book.save(tmp_path / "book")
    table = opened(tmp_path / "book", tmp_path)
    assert table.column_names == ["user", "7", "", "when"]
    assert [column.to_pylist() for column in table.columns[:3]] == [
        ["1", "b"],
        ["2", "2.5"],
        ["x", "true"],
    ]
    assert table["when"].to_pylist() == [datetime(2020, 1, 2, 3), None]
    assert opened(tmp_path / "book", tmp_path, header=False).column_names == ["1", "2", "3", "4"]


@pytest.mark.parametrize("lines", [True, False])
def test_json(tmp_path: Path, lines: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_ROWS", 1)
    rows = [{"id": 7.0, "genres": [{"name": "Drama"}]}, {"id": "é", "extra": None, "x": 2.5}]
    text = "\n\n".join(map(json.dumps, rows)) if lines else json.dumps(rows)
    (tmp_path / "file").write_bytes(gzip.compress(text.encode("utf-8-sig")))
    assert kind(tmp_path / "file") == "json"
    table = opened(tmp_path / "file", tmp_path)
    assert table["id"].to_pylist() == ["7", "é"]
    assert table["genres"].to_pylist() == ['[{"name": "Drama"}]', None]
    assert table["x"].to_pylist() == [None, "2.5"]


@pytest.mark.parametrize("name", ["PARENT", "ORCID", "ARROW1", "[id]", "{id}", "<id>", "1995:x"])
def test_a_header_is_text(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(name.encode() + b",item\n1,2\n")
    assert kind(tmp_path / "file") == "text"
    (tmp_path / "file").write_bytes(b"PARE\0\0")
    with pytest.raises(DataError, match="an encrypted Parquet file"):
        kind(tmp_path / "file")


def test_netflix_is_told_from_text(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1:\n2,3,2005-01-01\n")
    assert kind(tmp_path / "file") == "netflix"


ENCRYPTED = bytearray(zipped(a=TEXT))
ENCRYPTED[6] |= 1
ENCRYPTED[ENCRYPTED.index(b"PK\x01\x02") + 8] |= 1
METHOD = bytearray(zipped(a=TEXT))
METHOD[8] = METHOD[METHOD.index(b"PK\x01\x02") + 10] = 99


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(TEXT)[:-9], "cut off"),
        (lzma.compress(TEXT)[:-9], "cut off"),
        (bz2.compress(TEXT)[:-9], "cut off"),
        (zipped(a=TEXT)[:-9], "cut off"),
        (gzip.compress(gzip.compress(TEXT)), "compressed twice"),
        (zipped(a=TEXT, b=TEXT), "contains 2 files .a, b."),
        (bytes(ENCRYPTED), "is encrypted"),
        (bytes(METHOD), "not supported"),
        (zipped(**{"[Content_Types].xml": b"<x/>"}), "not a complete Excel file"),
        (zipped(**{"mimetype": b"x", "content.xml": b"x"}), "OpenDocument"),
        (b"\xd0\xcf\x11\xe0", "old or encrypted Excel"),
        (b"\x80\x04\x95x", "is a pickle"),
        (b"<!DOCTYPE html><html>", "page of the web"),
        (b'{"a": 1}\n{"a": \n', "line 2 is not JSON"),
        (b"[{}, 3]", "row 2: 3 is no JSON object"),
        (b'[{"a": 1},\n{"a" 2}]', "line 2 is not JSON: .*column 6.*An object per line"),
        (b"\x93NUMPY\1\0", "a NumPy array"),
        (b'[{"a": ' + b"[" * 10**5, "is not JSON"),
        (json.dumps([{f"c{n}": n for n in range(2001)}]).encode(), "2,001 columns, and at most"),
    ],
    # compressed bytes hold the time, which would name a test anew in every worker
    ids=lambda value: value if isinstance(value, str) else "content",
)
def test_what_cannot_be_read_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "file.csv").write_bytes(content)
    with pytest.raises(DataError, match=rf"file.csv.*{message}"):
        opened(tmp_path / "file.csv", tmp_path)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_FREELY", 1 << 20)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"0" * (3 << 20)))
    with pytest.raises(DataError, match=r"bomb.gz unpacks to"):
        opened(tmp_path / "bomb.gz", tmp_path)
    monkeypatch.setattr(opening, "_RESERVE", 1 << 60)
    (tmp_path / "small.gz").write_bytes(gzip.compress(TEXT))
    with pytest.raises(DataError, match=r"small.gz: no room on the disk"):
        opened(tmp_path / "small.gz", tmp_path)


def test_folders_without_a_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing$"):
        kind(tmp_path / "none")
    folder = tmp_path / "table"
    folder.mkdir()
    with pytest.raises(DataError, match=r"table is a folder without parts"):
        kind(folder)
    (folder / "part.csv").write_bytes(TEXT)
    with pytest.raises(DataError, match=r"part.csv is no part of a Parquet file"):
        kind(folder)
    (folder / "part.csv").unlink()
    (folder / "year=1995").mkdir()
    with pytest.raises(DataError, match=r"year=1995 is a folder within a table"):
        kind(folder)
