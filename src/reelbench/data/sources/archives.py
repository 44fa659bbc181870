"""Taking files out of a zip or tar archive; its own names are never used as paths."""

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
    """A file in an archive."""

    name: str
    size: int  # bytes, as the archive claims
    open: Callable[[], IO[bytes]]


def is_archive(path: Path) -> bool:
    """Whether a name is that of an archive."""
    return path.name.lower().endswith(SUFFIXES)


@contextmanager
def members(file: Path) -> Iterator[list[Member]]:
    """The files in an archive; folders, links and devices are left out.

    Raises:
        DataError: the archive is damaged, for example cut off by a broken download.
    """
    try:
        if tarfile.is_tarfile(file):
            with tarfile.open(file) as tar:
                yield [_of_tar(tar, info) for info in tar.getmembers() if info.isfile()]
        else:
            with zipfile.ZipFile(file) as archive:
                yield [_of_zip(archive, i) for i in archive.infolist() if not i.is_dir()]
    except _BROKEN as error:
        raise DataError(
            f"{file} is no whole archive ({error}): it was cut off or is another kind of file. "
            "Delete it and fetch it again"
        ) from error


def find(found: list[Member], folder: str, name: str, archive: Path) -> Member | None:
    """The file `folder/name`, or the only one of that name in another folder; None without one.

    Raises:
        DataError: several other folders have such a file.
    """
    wanted = f"{folder}/{name}" if folder else name
    exact = [member for member in found if member.name == wanted]
    alike = exact or [m for m in found if PurePosixPath(m.name).name == name]
    if len(alike) > 1:
        names = ", ".join(sorted(member.name for member in alike))
        raise DataError(f"{archive.name} has several files {name}: {names}")
    return alike[0] if alike else None


def extract(member: Member, target: Path) -> None:
    """Write a file to a name of our choice, and no more bytes than it claims to have.

    Raises:
        DataError: it is larger than any file of a data set, or than it says.
    """
    if member.size > LARGEST_MEMBER:
        raise DataError(f"{member.name} would take {member.size:,} bytes: refused")
    written = 0
    with member.open() as source, target.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > member.size:
                raise DataError(f"{member.name} has more than the {member.size:,} bytes it claims")
            sink.write(chunk)


def _of_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    return Member(info.filename, info.file_size, lambda: archive.open(info))


def _of_tar(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    def stream() -> IO[bytes]:
        file = tar.extractfile(info)
        assert file is not None  # only of regular files
        return file

    return Member(info.name, info.size, stream)
