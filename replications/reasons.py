"""Why a movie is recommended: what its ratings are, and what it is like."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reelbench import paths
from reelbench.columns import ITEM_IDX, RANK, RATING, SCORE, USER_IDX
from reelbench.models.base import Recommender
from replications.list_rows import titles as titles_of
from replications.workspace import Ran

_NEIGHBOURS = 3


def mean_reason(ran: Ran, model: str) -> str:
    """The first test user's first recommendation: predicted, and number and mean of its ratings."""
    first = _first(ran, model)
    train = pd.read_parquet(ran.file(paths.TRAIN), columns=[ITEM_IDX, RATING])
    ratings = train.loc[train[ITEM_IDX] == first[ITEM_IDX], RATING]
    told = f", mean {ratings.mean():.2f}" if len(ratings) else ""
    return (
        f"First user: {titles_of(ran)[int(first[ITEM_IDX])]}, predicted {first[SCORE]:.2f}; "
        f"{len(ratings)} ratings in train{told}."
    )


def neighbour_reason(ran: Ran, model: str) -> str:
    """The first recommendation of the first test user, and movies that the model holds for like.

    Likeness is the correlation of the scores that all users of train would give: what a model
    says of two movies is alike if it recommends them to the same users. It needs no look inside
    and so serves every model.
    """
    first = _first(ran, model)
    item = int(first[ITEM_IDX])
    train = pd.read_parquet(ran.file(paths.TRAIN), columns=[USER_IDX, ITEM_IDX])
    liked = train.loc[train[USER_IDX] == first[USER_IDX], ITEM_IDX].to_numpy()
    scores = Recommender.load(ran.file(paths.model_dir(model))).score(np.unique(train[USER_IDX]))
    near = liked[np.argsort(-_correlations(scores, item)[liked], kind="stable")][:_NEIGHBOURS]
    titles = titles_of(ran)
    told = f"First user: {titles[item]}, because it is like {', '.join(titles[i] for i in near)}"
    return f"{told} (alike by the scores of all users, not by the distance of embeddings)."


def _first(ran: Ran, model: str) -> pd.Series:
    table = pd.read_parquet(ran.file(paths.recommendations(model)))
    return table.sort_values([USER_IDX, RANK]).iloc[0]


def _correlations(scores: np.ndarray, item: int) -> np.ndarray:
    """Of each column with that of `item`, float64 (n_items,); 0 for a column without variance."""
    left = scores - scores.mean(axis=0, dtype=np.float64)
    norms = np.sqrt((left**2).sum(axis=0))
    products = left.T @ left[:, item]
    return np.divide(
        products, norms * norms[item], out=np.zeros(len(products)), where=norms * norms[item] > 0
    )
