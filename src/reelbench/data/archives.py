"""Files of a folder, a zip or a tar archive.

Only files that are asked for are unpacked, and none before the sizes in the archive are plausible.
"""

import errno
import glob
import lzma
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Self

from reelbench.data import DataError
from reelbench.data.opening import check_size

SUFFIXES = (".zip", ".whl", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_MOST_FILES = 100_000
_RESERVE = 1 << 24  # bytes that stay free on the disk
_BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError),
    *(struct.error, ValueError, OverflowError, IndexError, RuntimeError),
)
# of an OSError that is the archive's fault and not the disk's; bz2 raises one without a number
_ITS_FAULT = (None, errno.EEXIST, errno.EINVAL, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOTDIR)


# a file of an archive: name, unpacked bytes, why it cannot be unpacked, and what opens it
_Member = tuple[str, int, str | None, Callable[[], IO[bytes] | None]]


def is_archive(path: Path) -> bool:
    """Whether a file is an archive, by its name or its content."""
    known = path.name.lower().endswith(SUFFIXES)
    return known or zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


@contextmanager
def opened(place: Path, beside: Path, names: Collection[str] | None) -> Iterator[Path]:
    """The folder itself; of an archive a temporary one in `beside`, with some of its files.

    `names` are files and folders, which may be in any folder of the archive; None: all. A damaged,
    encrypted or implausibly large archive, or a name that leads out of it, is a DataError.
    """
    if place.is_dir():
        yield place
        return
    with TemporaryDirectory(dir=beside) as folder:
        try:
            _unpack(place, Path(folder), names)
        except DataError:
            raise
        except NotImplementedError as error:
            raise DataError(f"{place}: {error}: pack it as an ordinary zip archive") from error
        except (*_BROKEN, OSError) as error:
            if isinstance(error, OSError) and error.errno not in _ITS_FAULT:
                raise
            raise DataError(
                f"{place} is not a complete archive ({error}): it was cut off or is another kind "
                "of file. Delete it and fetch it again"
            ) from error
        yield Path(folder)


def _unpack(place: Path, folder: Path, names: Collection[str] | None) -> None:
    total, members = 0, _of_tar(place) if tarfile.is_tarfile(place) else _of_zip(place)
    for number, (name, size, wrong, content) in enumerate(members, start=1):
        name, total = name.replace("\\", "/"), total + size
        check_size(place, total)
        if number > _MOST_FILES:
            raise DataError(f"{place} has more than {_MOST_FILES:,} files: name a smaller archive")
        if names is not None and not any(f"/{wanted}/" in f"/{name}/" for wanted in names):
            continue
        target = folder / name
        if name.startswith("/") or re.match(r"[A-Za-z]:|(.*/)?\.\./", name):
            wrong = "is a name that leads out of the archive"
        elif target.exists():
            wrong = "is in it twice: keep one"
        if wrong:
            raise DataError(f"{place}: '{name}' {wrong}")
        if size > shutil.disk_usage(folder).free - _RESERVE:
            raise DataError(f"{place}: no room on the disk for '{name}' ({size:,} bytes)")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source := content():
            with source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)


def _of_zip(place: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(place) as archive:
        for info in archive.infolist():
            wrong = None
            if info.flag_bits & 1:
                wrong = "is encrypted: unpack the archive with its password, and name the folder"
            elif stat.S_ISLNK(info.external_attr >> 16):
                wrong = "is a link, not a file"
            if not info.is_dir():
                yield info.filename, info.file_size, wrong, partial(archive.open, info)


class _Header(tarfile.TarInfo):
    """A header of a tar archive; of one that is damaged or hostile Python reads for ever."""

    @classmethod
    def frombuf(cls, buf: Any, encoding: str, errors: str) -> Self:
        found: Self = super().frombuf(buf, encoding, errors)
        describes = found.type in (b"x", b"g", b"X", b"L", b"K")  # a long name or attributes
        if found.size < 0 or (describes and found.size > 1 << 20):
            raise tarfile.ReadError(f"a header of {found.size} bytes")
        return found


def _of_tar(place: Path) -> Iterator[_Member]:
    with tarfile.open(place, tarinfo=_Header) as archive:
        for info in archive:
            if not info.isdir():
                wrong = None if info.isreg() else "is a link, not a file"
                yield info.name, info.size, wrong, partial(archive.extractfile, info)


def find(root: Path, folder: str, name: str, place: Path) -> Path | None:
    """The file or folder `folder/name`, or the only one of that name elsewhere in an archive.

    The files of `place`, which messages name, are in `root` (see `opened`). In a folder no others
    are looked at; a name in several folders of an archive is a DataError.
    """
    exact = root / folder / name
    if exact.exists() or place.is_dir():
        return exact if exact.exists() else None
    found = sorted(root.rglob(glob.escape(name)))
    found = [file for file in found if file.is_file()] or found
    if len(found) > 1:
        names = ", ".join(file.relative_to(root).as_posix() for file in found)
        raise DataError(f"{place.name} contains several files {name}: {names}")
    return found[0] if found else None
