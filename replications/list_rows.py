"""Rows that are a list of movies: of a title, of a user, of somebody new."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reelbench import paths
from reelbench.columns import ITEM_IDX, RANK, TITLE, USER_IDX
from reelbench.features.block import read_block
from reelbench.models.base import Recommender
from reelbench.serving.similarity import ContentLists
from replications.workspace import Ran

LENGTH = 5


def titles(ran: Ran) -> list[str]:
    """By `item_idx`."""
    return list(pd.read_parquet(ran.file(paths.ITEMS), columns=[TITLE])[TITLE])


def told(ran: Ran, items: Sequence[int] | np.ndarray) -> str:
    """Titles in a row, or that there are none."""
    known = titles(ran)
    return ", ".join(known[int(item)] for item in items) or "none"


def of_user(ran: Ran, model: str) -> str:
    """The first test user's list."""
    table = pd.read_parquet(ran.file(paths.recommendations(model)))
    first = table.sort_values([USER_IDX, RANK]).head(LENGTH)
    return f"First user: {told(ran, first[ITEM_IDX].to_numpy())}."


def of_somebody_new(ran: Ran, model: str) -> str:
    """The list of a user whom the model does not know."""
    scores = Recommender.load(ran.file(paths.model_dir(model))).score([-1])[0]
    return f"Somebody new: {told(ran, np.argsort(-scores, kind='stable')[:LENGTH])}."


def most_rated_first(ran: Ran) -> list[int]:
    """The movies of train, the one with the most ratings first, equals by index."""
    train = pd.read_parquet(ran.file(paths.TRAIN), columns=[ITEM_IDX])
    counts = np.bincount(train[ITEM_IDX])
    order = np.argsort(-counts, kind="stable")
    return [int(item) for item in order[counts[order] > 0]]


def content_lists(ran: Ran, blocks: Sequence[str]) -> ContentLists:
    """Lists from the variant's own blocks."""
    found = {name: read_block(ran.file(paths.feature_block(name))) for name in blocks}
    return ContentLists.of(found, len(titles(ran)))


def of_title(ran: Ran, item: int, listed: np.ndarray) -> str:
    """The list of a movie."""
    return f"{titles(ran)[item]}: {told(ran, listed)}."
