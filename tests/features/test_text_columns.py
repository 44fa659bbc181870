"""What the block `text` tells the encoder about an item."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reelbench.data.interactions import Interactions
from reelbench.features.block import Block, Catalogue, Ids
from reelbench.features.text import TextBlock, describe

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


def test_a_text_may_do_without_title_and_year() -> None:
    assert describe(ITEMS, ["overview"], head=False) == ["A thief and a cop.", ""]
    assert describe(ITEMS, ["tagline"], head=False) == ["", ""]


def block_of(items: pd.DataFrame) -> Block:
    nothing = pd.DataFrame()
    train = Interactions.from_arrays([0], [0], [3])
    known = Catalogue(Ids(1, len(items), 1.0, 5.0), items, nothing, nothing, train)
    return TextBlock(batch_size=4, head=False, columns=["overview"]).build(known)


@pytest.mark.slow  # imports torch
def test_an_item_without_a_text_is_a_row_of_zeros() -> None:
    vectors = block_of(ITEMS)["text"]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1.0, 0.0], rtol=1e-5)
