from __future__ import annotations

import numpy as np
import pandas as pd

from reelbench.columns import DIRECTOR, TITLE
from reelbench.data.interactions import Interactions
from reelbench.features.block import Block, Catalogue, Ids
from reelbench.features.categories import DirectorsBlock


def built(items: pd.DataFrame, train_items: tuple[int, ...] = (0, 1, 2, 3)) -> Block:
    train = Interactions.from_arrays([0] * len(train_items), train_items, [3] * len(train_items))
    nothing = pd.DataFrame()
    ids = Ids(1, len(items), 1.0, 5.0)
    return DirectorsBlock().build(Catalogue(ids, items, nothing, nothing, train))


DIRECTORS = pd.DataFrame(
    {DIRECTOR: ["Varda", None, "Coen J, Coen E", "Akin", "Coen J", "Only Cold"]}
)


def test_numbers_follow_the_names_of_train_and_the_first_director_counts() -> None:
    block = built(DIRECTORS)
    assert block["names"].tolist() == ["", "Akin", "Coen J", "Varda"]
    assert block["director"].tolist() == [3, 0, 2, 1, 2, 0]
    assert block["director"].dtype == np.int32


def test_a_data_set_without_directors_knows_none() -> None:
    for items in (
        pd.DataFrame({TITLE: list("abcd")}),
        pd.DataFrame({DIRECTOR: [None, "", float("nan"), " , Someone"]}),
    ):
        block = built(items)
        assert block["names"].tolist() == [""]
        assert block["director"].tolist() == [0, 0, 0, 0]
