from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from reelbench.columns import BUDGET, RUNTIME, TITLE, VOTE_COUNT
from reelbench.data.interactions import Interactions
from reelbench.features.block import Block, Catalogue, Ids
from reelbench.features.numeric import NumericBlock

COLUMNS = (BUDGET, RUNTIME, VOTE_COUNT)
PARAMETERS: dict[str, Any] = {
    "columns": COLUMNS,
    "log": (BUDGET, VOTE_COUNT),
    "zero_is_missing": (BUDGET, RUNTIME),
}
ITEMS = pd.DataFrame(
    {
        TITLE: list("abcdef"),
        BUDGET: [np.e - 1, 0.0, np.e**3 - 1, None, np.e**3 - 1, 10**9],
        RUNTIME: pd.array([100, 0, 80, 90, None, 500], dtype="Int16"),
        VOTE_COUNT: [0, 1, 3, 7, 15, 10**6],
    }
)


def build(items: pd.DataFrame = ITEMS, train_items: tuple[int, ...] = (0, 1, 2, 3, 4)) -> Block:
    """The last movie is cold."""
    train = Interactions.from_arrays([0] * len(train_items), train_items, [3] * len(train_items))
    nothing = pd.DataFrame()
    catalogue = Catalogue(Ids(1, len(items), 1.0, 5.0), items, nothing, nothing, train)
    return NumericBlock(**PARAMETERS).build(catalogue)


def test_the_unknown_get_the_median_of_train_and_a_flag() -> None:
    block = build()
    assert block["columns"].tolist() == list(COLUMNS)
    assert block["missing"].tolist() == [
        [0, 0, 0],
        [1, 1, 0],
        [0, 0, 0],
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 0],
    ]
    np.testing.assert_allclose(block["moments"][:, 0], [3.0, 90.0, np.log(4)])
    assert block["numeric"].dtype == block["missing"].dtype == np.float32


def test_columns_are_standardised_on_train() -> None:
    block = build()
    warm = block["numeric"][:5]
    np.testing.assert_allclose(warm.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(warm.std(axis=0), 1, rtol=1e-6)
    filled = np.array([1.0, 3.0, 3.0, 3.0, 3.0])
    np.testing.assert_allclose(warm[:, 0], (filled - filled.mean()) / filled.std(), rtol=1e-5)


def test_no_votes_are_not_an_unknown_number_of_them() -> None:
    block = build()
    assert block["numeric"][0, 2] == block["numeric"][:, 2].min()
    assert block["zero"].tolist() == [[0, 0, 1], *([0, 0, 0] for _ in range(5))]


@pytest.mark.parametrize("value", [-5.0, np.inf, None])
def test_what_is_no_number_is_unknown(value: float | None) -> None:
    block = build(ITEMS.assign(**{BUDGET: [value, *ITEMS[BUDGET][1:]]}))
    assert block["missing"][0, 0] == 1
    assert np.isfinite(block["numeric"]).all()


def test_a_column_that_nothing_in_train_has() -> None:
    block = build(ITEMS.assign(**{BUDGET: [None] * 5 + [7.0]}))
    assert (block["numeric"][:5, 0] == 0).all()
    assert np.isfinite(block["numeric"]).all()


def test_the_log_of_a_column_that_is_not_read_is_refused() -> None:
    with pytest.raises(ValidationError, match="'votes' is not among the columns"):
        NumericBlock(columns=[BUDGET], log=["votes"], zero_is_missing=[])
