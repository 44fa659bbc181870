"""What data sets there are, from the files below conf/data/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from reelbench import paths
from reelbench.data.errors import DataError
from reelbench.data.sources import DataSection, FileSet

_KEYS = set(DataSection.model_fields)


def data_sets(conf: Path = paths.CONF) -> list[DataSection]:
    """All data sets that the configuration knows, by name.

    Raises:
        DataError: there is no folder of them here.
    """
    files = sorted((conf / "data").glob("*.yaml"))
    if not files:
        raise DataError(f"no {conf / 'data'}/*.yaml: go to the folder of the project")
    return [_section(file) for file in files]


def data_set(name: str, conf: Path = paths.CONF) -> DataSection:
    """One data set.

    Raises:
        DataError: there is none of this name.
    """
    found = {data.name: data for data in data_sets(conf)}
    if name not in found:
        raise DataError(f"there is no data set '{name}'; there are: {', '.join(found)}")
    return found[name]


def sources(data: DataSection) -> list[str]:
    """Where the files can be had, in the order in which they are looked for."""
    sets = data.source.sets
    wheels = [f"package {s.wheel.requirement}" for s in sets if s.wheel]
    urls = [f"{s.url.address}{_pin(s)}" for s in sets if s.url]
    folders = [f"folder or archive data.root with {', '.join(_files(s))}" for s in sets]
    made = ["made here, nothing is fetched"] if data.source.synthetic else []
    return [*made, *wheels, *urls, *(folders if data.source.files else [])]


def _section(file: Path) -> DataSection:
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    # further keys are those of other stages
    return DataSection.model_validate(
        {key: value for key, value in content.items() if key in _KEYS}
    )


def _pin(files: FileSet) -> str:
    assert files.url is not None
    known = files.url.sha256 or all(files.files.values())
    return " (hash pinned)" if known else " (hash not pinned: the first download is trusted)"


def _files(files: FileSet) -> list[str]:
    return [f"[{name}]" if name in files.optional else name for name in files.files]
