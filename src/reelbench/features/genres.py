"""Block `genres`: which genres an item has, as ones and zeros."""

from __future__ import annotations

import numpy as np

from reelbench.columns import GENRES
from reelbench.features.block import Block, Catalogue, FeatureBlock


class GenresBlock(FeatureBlock):
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
