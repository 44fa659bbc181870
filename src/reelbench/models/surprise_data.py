"""Ratings in Surprise's form, and what Surprise learned in the order of our catalogue."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reelbench.columns import ITEM_IDX, RATING, USER_IDX
from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids


def trainset_of(train: Interactions, ids: Ids) -> Any:
    """Surprise's own form of the ratings."""
    from surprise import Dataset, Reader

    columns = {USER_IDX: train.user_idx, ITEM_IDX: train.item_idx, RATING: train.rating}
    reader = Reader(rating_scale=(ids.rating_min, ids.rating_max))
    return Dataset.load_from_df(pd.DataFrame(columns), reader).build_full_trainset()


def inner_order(trainset: Any) -> tuple[list[int], list[int]]:
    """Indices of the catalogue in the order in which Surprise numbers users and items."""
    users = [trainset.to_raw_uid(inner) for inner in trainset.all_users()]
    items = [trainset.to_raw_iid(inner) for inner in trainset.all_items()]
    return users, items


def spread(values: np.ndarray, index: list[int], size: int) -> np.ndarray:
    """Values put at `index` of an array with `size` rows, zeros elsewhere."""
    spread = np.zeros((size, *values.shape[1:]))
    spread[index] = values
    return spread
