"""Files of a folder, a zip or a tar archive."""

from __future__ import annotations

import glob
import gzip
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from reelbench.data import DataError

SUFFIXES = (".zip", ".whl", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_BROKEN = (
    *(zipfile.BadZipFile, shutil.ReadError, tarfile.TarError, zlib.error),
    *(gzip.BadGzipFile, lzma.LZMAError, EOFError),
)


def is_archive(path: Path) -> bool:
    """Whether a name is that of an archive."""
    return path.name.lower().endswith(SUFFIXES)


@contextmanager
def opened(place: Path, beside: Path) -> Iterator[Path]:
    """The folder itself; of an archive a temporary one in `beside`, with its files but no links.

    Raises:
        DataError: the archive is damaged, for example by an interrupted download.
    """
    if place.is_dir():
        yield place
        return
    with TemporaryDirectory(dir=beside) as folder:
        try:
            if tarfile.is_tarfile(place):
                shutil.unpack_archive(place, folder, "tar", filter=_without_links)
            else:  # names that lead out of the folder are left out
                shutil.unpack_archive(place, folder, "zip")
        except _BROKEN as error:
            raise DataError(
                f"{place} is not a complete archive ({error}): it was cut off or is another kind "
                "of file. Delete it and fetch it again"
            ) from error
        yield Path(folder)


def _without_links(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """Files and folders alone; a name that leads out of the folder is refused."""
    return tarfile.data_filter(member, folder) if member.isfile() or member.isdir() else None


def find(root: Path, folder: str, name: str, place: Path) -> Path | None:
    """The file or folder `folder/name`, or the only one of that name elsewhere in an archive.

    Args:
        root: where the files of `place` are, see `opened`.
        place: what messages name; of a folder, no other folders are looked at.

    Raises:
        DataError: several other folders have such a file.
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
