"""Surprise's own 5-fold table (its README) to the printed digits, measured with our errors.

SVD is this project's model; the two others are Surprise's algorithms, on the same folds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import surprise
from surprise.model_selection import KFold

from reelbench.data.interactions import Interactions
from reelbench.evaluation.rating_metrics import error_sums, mae, rmse, total
from reelbench.features.block import Features, Ids
from reelbench.models.svd import SVD

pytestmark = pytest.mark.slow

IDS = Ids(944, 1683, 1.0, 5.0)
DEFAULTS = {
    "factors": 100,
    "epochs": 20,
    "learning_rate": 0.005,
    "regularization": 0.02,
    "init_std": 0.1,
}
Predict = Callable[[Interactions, Interactions, Any], np.ndarray]


@pytest.fixture(scope="module")
def folds(ml_100k: Path) -> list[tuple[Interactions, Interactions, Any]]:
    """Train and test of every fold, and Surprise's own form of train."""
    frame = pd.read_csv(ml_100k / "ml-100k.inter", sep="\t").iloc[:, :3]
    frame.columns = ["user", "item", "rating"]
    data = surprise.Dataset.load_from_df(
        frame.astype({"rating": float}), surprise.Reader(rating_scale=(1, 5))
    )
    found = []
    for trainset, testset in KFold(n_splits=5, random_state=0).split(KeepsRows(data)):
        train = Interactions.from_arrays(*zip(*trainset.rows, strict=True))
        test = Interactions.from_arrays(*zip(*testset, strict=True))
        found.append((train, test, trainset))
    return found


class KeepsRows:
    """Surprise's data; a trainset keeps its rows, whose order numbers users and items."""

    def __init__(self, data: Any) -> None:
        self.raw_ratings = data.raw_ratings
        self.construct_testset = data.construct_testset
        self._construct = data.construct_trainset

    def construct_trainset(self, rows: list[tuple[Any, ...]]) -> Any:
        trainset = self._construct(rows)
        trainset.rows = [row[:3] for row in rows]
        return trainset


def ours(train: Interactions, test: Interactions, trainset: Any) -> np.ndarray:
    """This project's SVD; it is given the ratings in the order of the fold."""
    model = SVD(seed=0, **DEFAULTS).fit(train, train, Features(IDS))
    return model.predict(test.user_idx, test.item_idx)


def theirs(algorithm: Callable[..., Any]) -> Predict:
    def predict(train: Interactions, test: Interactions, trainset: Any) -> np.ndarray:
        fitted = algorithm(verbose=False).fit(trainset)
        pairs = zip(test.user_idx.tolist(), test.item_idx.tolist(), strict=True)
        return np.array([fitted.predict(user, item).est for user, item in pairs])

    return predict


@pytest.mark.parametrize(
    ("predict", "published"),
    [
        pytest.param(ours, ("0.934", "0.737"), id="SVD"),
        pytest.param(theirs(surprise.BaselineOnly), ("0.944", "0.748"), id="baseline"),
        pytest.param(
            theirs(surprise.KNNBaseline),
            ("0.931", "0.733"),
            id="knn-baseline",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_five_folds(
    folds: list[tuple[Interactions, Interactions, Any]],
    predict: Predict,
    published: tuple[str, str],
) -> None:
    errors = []
    for train, test, trainset in folds:
        predicted = predict(train, test, trainset)
        one_group = np.zeros(len(test), dtype=np.int64)
        sums = total(error_sums(one_group, 1, test.rating, predicted))
        errors.append((rmse(sums), mae(sums)))
    assert tuple(f"{value:.3f}" for value in np.mean(errors, axis=0)) == published
