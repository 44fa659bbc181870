"""RecBole's atomic files: NAME.inter, NAME.item, NAME.user.

Tab-separated, unquoted, header `field:type`. The types (token, token_seq, float, float_seq) say no
more than our own schema does, and are dropped.
https://recbole.io/docs/user_guide/data/atomic_files.html
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from reelbench.columns import GENRES, ITEM_ID, RATING, TITLE_RAW, USER_ID, YEAR
from reelbench.data.engine import Engine
from reelbench.data.errors import DataError
from reelbench.data.readers import RawRows, RawTables, ReadConfig, split_genres
from reelbench.data.text import TextFile, open_text, rename


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read the one set of atomic files in a folder; NAME.user may be missing."""
    name = _name(folder)
    ratings = _open(folder / f"{name}.inter", config, {USER_ID, ITEM_ID, RATING})
    items = _open(folder / f"{name}.item", config, {ITEM_ID, TITLE_RAW, GENRES}).frame()
    users = folder / f"{name}.user"
    return RawTables(
        interactions=RawRows(engine.text(ratings), ratings),
        items=_items(items, config),
        users=_open(users, config, {USER_ID}).frame() if users.exists() else None,
    )


def _name(folder: Path) -> str:
    found = sorted(file.stem for file in folder.glob("*.inter"))
    if len(found) != 1:
        names = ", ".join(found) or "none"
        raise DataError(f"{folder}: one file *.inter was expected, there are: {names}")
    return found[0]


def _open(path: Path, config: ReadConfig, required: set[str]) -> TextFile:
    file = open_text(path, delimiter="\t", quote="")
    untyped = tuple(column.partition(":")[0] for column in file.columns)
    file = TextFile(path, untyped, file.delimiter, file.quote)
    return rename(file, config.columns, sorted(required))


def _items(items: pd.DataFrame, config: ReadConfig) -> pd.DataFrame:
    if YEAR in items:
        # "V" or "unkonwn" is no year; the title may know it
        digits = items[YEAR].str.extract(r"^(\d{4})$", expand=False)
        items[YEAR] = pd.to_numeric(digits).astype("Int16")
    items[GENRES] = split_genres(items[GENRES], config)
    return items
