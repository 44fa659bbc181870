"""RecBole's atomic files: NAME.inter, NAME.item, NAME.user.

Tab-separated, unquoted, header `field:type`. The types (token, token_seq, float, float_seq) are
dropped, since our schema has them. RecBole splits "Toy Story (1995)" into a title and a year at the
last bracket; `title_raw` joins them again.
https://recbole.io/docs/user_guide/data/atomic_files.html
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from reelbench import columns as col
from reelbench.data import DataError
from reelbench.data.engine import Engine
from reelbench.data.readers import RawFrame, RawTables, ReadConfig, frame, rows, split_genres, years
from reelbench.data.text import TextFile, open_text, rename


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read the atomic files in a folder; NAME.user may be missing."""
    name = _name(folder)
    ratings = _open(folder / f"{name}.inter", config, {col.USER_ID, col.ITEM_ID, col.RATING})
    items = _open(folder / f"{name}.item", config, {col.ITEM_ID, col.TITLE_RAW, col.GENRES})
    users = folder / f"{name}.user"
    return RawTables(
        interactions=rows(ratings, engine),
        items=RawFrame(_items(items.frame(), config), items),
        users=frame(_open(users, config, {col.USER_ID})) if users.exists() else None,
    )


def _name(folder: Path) -> str:
    found = sorted(file.stem for file in folder.glob("*.inter"))
    if len(found) != 1:
        names = ", ".join(found) or "none"
        raise DataError(f"{folder}: expected one file *.inter, found: {names}")
    return found[0]


def _open(path: Path, config: ReadConfig, required: set[str]) -> TextFile:
    file = open_text(path, delimiter="\t", quote="")
    untyped = tuple(column.partition(":")[0] for column in file.columns)
    return rename(replace(file, columns=untyped), config.columns, sorted(required))


def _items(items: pd.DataFrame, config: ReadConfig) -> pd.DataFrame:
    items[col.GENRES] = split_genres(items[col.GENRES], config)
    if col.YEAR in items:
        bracket = " (" + items[col.YEAR] + ")"
        # "unkonwn" is in both columns for a title without a bracket
        bracket = bracket.where(~items[col.TITLE_RAW].isin(list(config.respell)), "").fillna("")
        items[col.TITLE_RAW] = items[col.TITLE_RAW] + bracket
        # "V" or "unkonwn" is not a year; the title may contain it
        items[col.YEAR] = years(items[col.YEAR])
    return items
