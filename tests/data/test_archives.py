"""Archives that are hostile, damaged or unusual: a sentence each, and nothing is left behind."""

from __future__ import annotations

import io
import random
import struct
import tarfile
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from reelbench.data import DataError, archives, opening
from reelbench.data.archives import find, is_archive, opened

CONTENT = random.Random(0).randbytes(20_000).hex().encode()
NAMES = ("ratings.csv", "parts/movies.parquet")


def zipped(file: Path, *members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(file, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns of a name that is in it twice
        for name, content in members:
            archive.writestr(name, content)


def tarred(file: Path, *members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> None:
    with tarfile.open(file, "w:gz") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = kind, "/etc/passwd", len(content)
            archive.addfile(member, io.BytesIO(content))


def patched(file: Path, place: int, value: bytes) -> None:
    """Change a field of the first header of a zip archive, and of its directory."""
    zipped(file, ("ratings.csv", CONTENT))
    content = bytearray(file.read_bytes())
    for start, mark in ((6, b"PK\x03\x04"), (8, b"PK\x01\x02")):
        at = content.index(mark) + start + place
        content[at : at + len(value)] = value
    file.write_bytes(content)


def bomb(file: Path) -> None:
    zipped(file, ("ratings.csv", bytes(opening._FREELY // 64)))
    content = bytearray(file.read_bytes())
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = struct.pack("<I", 1 << 31)
    file.write_bytes(content)


def tar_bomb(file: Path) -> None:
    member = tarfile.TarInfo("readme")
    member.size = 1 << 40
    with tarfile.open(file, "w:gz") as archive:
        archive.addfile(member)  # its content would take hours to skip


def header_bomb(file: Path) -> None:
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    with tarfile.open(file, "w:gz") as archive:
        archive.addfile(member)


def link(file: Path) -> None:
    member = zipfile.ZipInfo("ratings.csv")
    member.external_attr = 0o120777 << 16
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(member, "/etc/passwd")


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "encrypted": (lambda f: patched(f, 0, b"\x01"), "'ratings.csv' is encrypted"),
    "unknown method": (lambda f: patched(f, 2, b"\x63"), "pack it as an ordinary zip"),
    "outside": (lambda f: zipped(f, ("../ratings.csv", b"x")), "leads out of the archive"),
    "absolute": (lambda f: zipped(f, ("/ratings.csv", b"x")), "leads out of the archive"),
    "of Windows": (lambda f: zipped(f, ("C:\\ratings.csv", b"x")), "leads out of the archive"),
    "tar outside": (lambda f: tarred(f, ("a/../../ratings.csv", b"x")), "leads out of the archive"),
    "link": (link, "is a link"),
    "tar link": (lambda f: tarred(f, ("ratings.csv", b""), kind=tarfile.SYMTYPE), "is a link"),
    "pipe": (lambda f: tarred(f, ("ratings.csv", b""), kind=tarfile.FIFOTYPE), "is a link"),
    "twice": (lambda f: zipped(f, *[("ratings.csv", b"x")] * 2), "is in it twice"),
    "bomb": (bomb, "a bomb does"),
    "tar bomb": (tar_bomb, "a bomb does"),
    "header bomb": (header_bomb, "not a complete archive"),
    "file and folder": (
        lambda f: zipped(f, ("ratings.csv", b"x"), ("ratings.csv/y", b"")),
        "compl",
    ),
    "empty": (lambda f: f.write_bytes(b""), "not a complete archive"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence_and_leaves_nothing(fault: str, tmp_path: Path) -> None:
    make, message = FAULTS[fault]
    make(tmp_path / "set.zip")
    with (
        pytest.raises(DataError, match=rf"set\.zip.*{message}"),
        opened(tmp_path / "set.zip", tmp_path, NAMES),
    ):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["set.zip"]


def test_many_files_and_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zipped(tmp_path / "set.zip", ("a", b""), ("b", b""), ("ratings.csv", b"x"))
    monkeypatch.setattr(archives, "_MOST_FILES", 2)
    with (
        pytest.raises(DataError, match="has more than 2 files"),
        opened(tmp_path / "set.zip", tmp_path, NAMES),
    ):
        pass
    monkeypatch.setattr(archives, "_MOST_FILES", 3)
    monkeypatch.setattr(archives, "_RESERVE", 1 << 60)
    with (
        pytest.raises(DataError, match=r"no room on the disk for 'ratings.csv' \(1 bytes\)"),
        opened(tmp_path / "set.zip", tmp_path, NAMES),
    ):
        pass


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_named_files_are_unpacked_and_no_others(tmp_path: Path, pack: Callable[..., None]) -> None:
    others = [("../readme", b"x"), ("__MACOSX/._ratings.csv", b"x"), ("old ratings.csv", b"x")]
    folder = [("set/parts/movies.parquet/part-0", b"1"), ("set/parts/movies.parquet/part-1", b"2")]
    pack(tmp_path / "renamed", *others, ("set/ratings.csv", CONTENT), *folder)
    assert is_archive(tmp_path / "renamed")
    with opened(tmp_path / "renamed", tmp_path, NAMES) as root:
        found = sorted(file.relative_to(root).as_posix() for file in root.rglob("*.*"))
        assert found == ["set/parts/movies.parquet", "set/ratings.csv"]
        ratings = find(root, "", "ratings.csv", tmp_path / "renamed")
        assert ratings and ratings.read_bytes() == CONTENT
        assert len(list((root / "set/parts/movies.parquet").iterdir())) == 2
    assert not root.exists()


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_any_damage_is_a_sentence_or_harmless(tmp_path: Path, pack: Callable[..., None]) -> None:
    file, draw = tmp_path / "set.zip", random.Random(0)
    pack(file, ("ratings.csv", CONTENT), ("readme", b"x" * 500))
    whole, start = file.read_bytes(), time.monotonic()
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(draw.choice((1, 4))):
            near_an_end = draw.choice((draw.randrange(100), -draw.randrange(1, 200)))
            content[near_an_end] = draw.randrange(256)
        file.write_bytes(content)
        try:
            with opened(file, tmp_path, NAMES) as root:
                found = root / "ratings.csv"
                assert pack is tarred or not found.exists() or found.read_bytes() == CONTENT
        except DataError as error:
            assert "\n" not in str(error)
    assert time.monotonic() - start < 10
