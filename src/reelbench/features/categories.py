"""Block `categories`: values of a column as numbers, for models that learn a vector of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reelbench.columns import DIRECTOR, GENRES
from reelbench.features.block import USER_PREFIX, Block, Catalogue, FeatureBlock
from reelbench.params import Section


class CategoriesConfig(Section):
    #: columns of the items table whose values are numbered, where the data set has them
    items: tuple[str, ...]
    #: columns of the users table, likewise
    users: tuple[str, ...]
    #: columns of the items table of which the number of characters is a value
    lengths: tuple[str, ...]


class CategoriesBlock(FeatureBlock[CategoriesConfig]):
    """Numbers of values, rows of a vocabulary whose row 0, "", is the unknown.

    `NAME_number` int32 (n_items,) and `user_NAME_number` int32 (n_users,) per column, and
    `NAME_length_number` per length, with the vocabularies `NAME_values`, `user_NAME_values` and
    `NAME_length_values` str (k + 1,), sorted as words.

    The vocabulary is that of the items (users) with a train row: what only others have is unknown.
    A column that the data set does not have is unknown throughout.
    """

    Config = CategoriesConfig

    def build(self, catalogue: Catalogue) -> Block:
        items, users, train = catalogue.items, catalogue.users, catalogue.train
        warm_items, warm_users = catalogue.train_items(), np.unique(train.user_idx)
        block: Block = {}
        for name in self.config.items:
            block |= _numbered(name, _words(items, name), warm_items)
        for name in self.config.lengths:
            block |= _numbered(f"{name}_length", _lengths(items, name), warm_items)
        for name in self.config.users:
            block |= _numbered(USER_PREFIX + name, _words(users, name), warm_users)
        return block


def _numbered(name: str, words: list[str], warm: np.ndarray) -> Block:
    values = sorted({words[row] for row in warm} | {""})
    number = {value: row for row, value in enumerate(values)}
    return {
        f"{name}_number": np.array([number.get(word, 0) for word in words], dtype=np.int32),
        f"{name}_values": np.array(values, dtype=np.str_),
    }


def _words(table: pd.DataFrame, name: str) -> list[str]:
    """Values of a column as words, "" for none; all "" without the column."""
    if name not in table:
        return [""] * len(table)
    return ["" if pd.isna(value) else str(value) for value in table[name]]


def _lengths(table: pd.DataFrame, name: str) -> list[str]:
    return [str(len(word)) if word else "" for word in _words(table, name)]


class GenresBlock(FeatureBlock[Section]):
    """`genres` float32 (n_items, n_genres), ones and zeros; `names` str (n_genres,), sorted.

    The vocabulary is that of the items with a train row: a genre that only cold items have could
    not get a learned weight, so it is left out. An item without genres has a row of zeros.
    """

    def build(self, catalogue: Catalogue) -> Block:
        lists = list(catalogue.items[GENRES])
        names = sorted({genre for item in catalogue.train_items() for genre in lists[item]})
        column = {name: number for number, name in enumerate(names)}
        genres = np.zeros((len(lists), len(names)), dtype=np.float32)
        for row, item_genres in enumerate(lists):
            genres[row, [column[genre] for genre in item_genres if genre in column]] = 1.0
        return {"genres": genres, "names": np.array(names, dtype=np.str_)}


class DirectorsBlock(FeatureBlock[Section]):
    """`director` int32 (n_items,), a row of `names` str (n_directors + 1,); 0 and "" are unknown.

    The names are those of items with a train row, sorted; a director of cold items only is
    unknown. Of several directors the first counts. A data set that names none has `names` [""].
    """

    def build(self, catalogue: Catalogue) -> Block:
        items = catalogue.items
        first = [_first(value) for value in items[DIRECTOR]] if DIRECTOR in items else []
        first = first or [""] * len(items)
        names = sorted({first[item] for item in catalogue.train_items()} | {""})
        number = {name: row for row, name in enumerate(names)}
        return {
            "director": np.array([number.get(name, 0) for name in first], dtype=np.int32),
            "names": np.array(names, dtype=np.str_),
        }


def _first(value: Any) -> str:
    """The first of "name, name"; empty where there is none."""
    return value.split(",")[0].strip() if isinstance(value, str) else ""
