"""What a user says beside the name of a replication, and the overrides that it means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Options of `reelbench replicate`.

    Attributes:
        root: folder with the files of the data set, where they are not fetched.
        data: another data set of `conf/data/` in place of the preset's.
        listing: CSV of movies to join: directors, or overviews.
        seeds: number of runs behind each spread.
    """

    root: Path | None = None
    data: str | None = None
    listing: Path | None = None
    seeds: int = 3

    def overrides(self) -> tuple[str, ...]:
        """In Hydra's grammar; a variant runs in another folder, so paths are absolute."""
        found = []
        if self.data is not None:
            found.append(f"data={self.data}")
        if self.root is not None:
            found.append(f"data.root={self.root.resolve()}")
        if self.listing is not None:
            found += ["enrich=imdb-directors", f"enrich.list.path={self.listing.resolve()}"]
        return tuple(found)
