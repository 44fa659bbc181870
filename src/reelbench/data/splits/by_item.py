"""The per-item draw of a published table, number by number."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from reelbench.columns import ITEM_IDX, SOURCE_ROW
from reelbench.data.errors import DataError
from reelbench.data.splits.protocol import COLUMNS, Given, Protocol, Share


class RandomByItem(Protocol):
    """The stratified split of Recommenders' MovieLens table.

    Rows get a number from NumPy's legacy generator in the order of the source; of a movie's n rows
    those with the round((1 - test) * n) lowest numbers, a half rounded to even, are train. There is
    no valid part. Parts are ordered by movie and number, since what a model learns may depend on
    the order of its rows.
    """

    leak: ClassVar[str] = (
        "Time plays no part: train holds a random share of every movie's ratings, many given later "
        "than a test rating, so a model predicts the past from the future, and hardly a movie is "
        "cold. Scores are higher than in use; the split is for comparison with published ones."
    )
    needs_source_row: ClassVar[bool] = True

    method: Literal["random_by_item"]
    test: Annotated[Share, Field(gt=0)]
    #: of `numpy.random.RandomState`: the published draw is to be repeated
    seed: int

    def divide(self, given: Given) -> dict[str, pa.Table]:
        if SOURCE_ROW not in given.ratings.columns:
            raise DataError(
                f"split {self.name} needs the order of the source: run `dvc repro clean`"
            )
        rows = given.engine.arrow(given.ratings.order_by(SOURCE_ROW))
        draw = np.random.RandomState(self.seed).rand(len(rows))
        item = rows[ITEM_IDX].to_numpy()
        order = np.lexsort((draw, item))
        is_train = self._is_train(item[order])
        columns = rows.select(list(COLUMNS))
        train, test = columns.take(order[is_train]), columns.take(order[~is_train])
        return {"train": train, "valid": columns.slice(0, 0), "test": test}

    def _is_train(self, item: np.ndarray) -> np.ndarray:
        """Which of the rows, sorted by movie and number, are train: bool (n,)."""
        _, start, count = np.unique(item, return_index=True, return_counts=True)
        place = np.arange(len(item)) - np.repeat(start, count)
        share = 1 - Fraction(str(self.test))
        return place < np.repeat([round(share * int(n)) for n in count], count)
