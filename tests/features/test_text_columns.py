"""What the block `text` tells the encoder about an item."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reelbench.features.text import describe

ITEMS = pd.DataFrame(
    {
        "title": ["Heat", "Nil"],
        "year": pd.Series([1995, None], dtype="Int16"),
        "genres": [np.array(["Action", "Crime"], dtype=object), np.array([], dtype=object)],
        "keywords": [["heist"], []],
        "overview": ["A thief\nand a cop.", None],
    }
)
COLUMNS = ("genres", "keywords", "overview")


def test_columns_follow_the_title_in_their_order() -> None:
    assert describe(ITEMS, COLUMNS) == [
        "Heat (1995). Action, Crime. heist. A thief and a cop.",
        "Nil",
    ]


def test_columns_that_the_data_set_has_not_are_left_out() -> None:
    without = ITEMS.drop(columns=["keywords", "overview"])
    assert describe(without, COLUMNS) == ["Heat (1995). Action, Crime", "Nil"]
    assert describe(ITEMS, ()) == ["Heat (1995)", "Nil"]
