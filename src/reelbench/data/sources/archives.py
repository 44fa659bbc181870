"""Files of a folder, a zip or a tar archive; names in an archive are never used as paths."""

from __future__ import annotations

import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from reelbench.data import DataError

SUFFIXES = (".zip", ".whl", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
# no data set here has a larger file; an archive that claims one is not what we asked for
LARGEST_MEMBER = 4 * 10**9
_CHUNK = 1 << 20
_BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error),
    *(gzip.BadGzipFile, lzma.LZMAError, EOFError),
)


@dataclass(frozen=True)
class Member:
    """A file in an archive or a folder."""

    name: str
    size: int  # bytes, as the archive says
    open: Callable[[], IO[bytes]]


def is_archive(path: Path) -> bool:
    """Whether a name is that of an archive."""
    return path.name.lower().endswith(SUFFIXES)


@contextmanager
def members(file: Path) -> Iterator[list[Member]]:
    """The files in a folder or an archive, without folders, links and devices.

    Raises:
        DataError: the archive is damaged, for example by an interrupted download.
    """
    try:
        if file.is_dir():
            yield [_of_folder(path) for path in file.iterdir() if path.is_file()]
        elif tarfile.is_tarfile(file):
            with tarfile.open(file) as tar:
                yield [_of_tar(tar, info) for info in tar.getmembers() if info.isfile()]
        else:
            with zipfile.ZipFile(file) as archive:
                yield [_of_zip(archive, i) for i in archive.infolist() if not i.is_dir()]
    except _BROKEN as error:
        raise DataError(
            f"{file} is not a complete archive ({error}): it was cut off or is another kind of "
            "file. Delete it and fetch it again"
        ) from error


def find(found: list[Member], folder: str, name: str, archive: Path) -> Member | None:
    """The file `folder/name`, or the only file of that name in another folder, or None.

    Raises:
        DataError: several other folders have such a file.
    """
    wanted = f"{folder}/{name}" if folder else name
    exact = [member for member in found if member.name == wanted]
    same_name = exact or [m for m in found if PurePosixPath(m.name).name == name]
    if len(same_name) > 1:
        names = ", ".join(sorted(member.name for member in same_name))
        raise DataError(f"{archive.name} contains several files {name}: {names}")
    return same_name[0] if same_name else None


def extract(member: Member, target: Path) -> None:
    """Write a file to `target`, and no more bytes than its declared size.

    Raises:
        DataError: it is larger than any file of a data set, or than its declared size.
    """
    if member.size > LARGEST_MEMBER:
        raise DataError(f"{member.name} would take {member.size:,} bytes: refused")
    written = 0
    with member.open() as source, target.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > member.size:
                raise DataError(f"{member.name} is larger than its declared {member.size:,} bytes")
            sink.write(chunk)


def _of_folder(path: Path) -> Member:
    return Member(path.name, path.stat().st_size, lambda: path.open("rb"))


def _of_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    return Member(info.filename, info.file_size, lambda: archive.open(info))


def _of_tar(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    def stream() -> IO[bytes]:
        file = tar.extractfile(info)
        assert file is not None  # only of regular files
        return file

    return Member(info.name, info.size, stream)
