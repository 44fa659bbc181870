"""What `data/synthetic.py` writes: GroupLens' columns, with the ratings in Parquet."""

from __future__ import annotations

from pathlib import Path

from reelbench.columns import GENRES, ITEM_ID, RATING, TAG, TIMESTAMP, TITLE_RAW, USER_ID
from reelbench.data.engine import Engine
from reelbench.data.readers import RawFrame, RawRows, RawTables, ReadConfig, split_genres
from reelbench.data.text import TextFile, open_text, rename

_RATINGS = (USER_ID, ITEM_ID, RATING, TIMESTAMP)


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read ratings.parquet, movies.csv and tags.csv."""
    movies = rename(open_text(folder / "movies.csv"), config.columns, [ITEM_ID, TITLE_RAW, GENRES])
    tags = rename(open_text(folder / "tags.csv"), config.columns, [USER_ID, ITEM_ID, TAG])
    items = movies.frame()
    items[GENRES] = split_genres(items[GENRES], config)
    return RawTables(
        interactions=_ratings(folder / "ratings.parquet", config, engine),
        items=RawFrame(items, movies),
        tags=RawRows(engine.text(tags), tags),
    )


def _ratings(path: Path, config: ReadConfig, engine: Engine) -> RawRows:
    table = engine.parquet(path)
    strings = {name: table[config.columns.get(name, name)].cast("string") for name in _RATINGS}
    return RawRows(table.select(**strings), TextFile(path, _RATINGS))
