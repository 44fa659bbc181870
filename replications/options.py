"""What a user says beside the name of a replication, and the overrides that it means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reelbench.params import ParamsError


def quoted(path: Path) -> str:
    """A path as a value in Hydra's grammar, in which `,`, `=` and brackets mean something."""
    escaped = str(path).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


@dataclass(frozen=True)
class Options:
    """Options of `reelbench replicate`.

    Attributes:
        root: folder with the files of the data set, where they are not fetched.
        data: another data set of `conf/data/` in place of the preset's.
        listing: CSV of movies to join: directors, or overviews.
        seeds: number of runs behind each spread.
        rows: ids of the rows to run, others staying as they are in the JSON; empty: all.

    Raises:
        ParamsError: a path that does not exist.
    """

    root: Path | None = None
    data: str | None = None
    listing: Path | None = None
    seeds: int = 3
    rows: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for option, path in (("--root", self.root), ("--list", self.listing)):
            if path is not None and not path.exists():
                raise ParamsError(f"{option} {path}: there is no such file or folder")

    def overrides(self) -> tuple[str, ...]:
        """In Hydra's grammar; a variant runs in another folder, so paths are absolute."""
        found = []
        if self.data is not None:
            found.append(f"data={self.data}")
        if self.root is not None:
            found.append(f"data.root={quoted(self.root.resolve())}")
        if self.listing is not None:
            found += ["enrich=imdb-directors", f"enrich.list.path={quoted(self.listing.resolve())}"]
        return tuple(found)
