"""Block `directors`: who directed an item, as a number."""

from __future__ import annotations

from typing import Any

import numpy as np

from reelbench.columns import DIRECTOR
from reelbench.features.block import Block, Catalogue, FeatureBlock


class DirectorsBlock(FeatureBlock):
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
