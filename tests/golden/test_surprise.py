"""Surprise's own 5-fold table (its README) to the printed digits, by the models of this project.

Its NormalPredictor draws anew for every question, one generator through all folds. `random` has one
draw per pair, so the third digit differs; its distribution is tested with Surprise's draws.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import surprise
from surprise.model_selection import KFold

from reelbench import paths
from reelbench.compose import compose
from reelbench.data.interactions import Interactions
from reelbench.evaluation.rating_metrics import error_sums, mae, rmse, total
from reelbench.features.block import Features, Ids
from reelbench.models.base import ModelEntry, Recommender
from reelbench.models.knn import KNN
from reelbench.models.shared.surprise_base import trainset_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
IDS = Ids(944, 1683, 1.0, 5.0)
Fold = tuple[Interactions, Interactions]


@pytest.fixture(scope="module")
def folds(ml_100k: Path) -> list[Fold]:
    """Train and test of every fold, in the order of the draw."""
    frame = pd.read_csv(ml_100k / "ml-100k.inter", sep="\t").iloc[:, :3]
    rows = Interactions.from_arrays(*frame.to_numpy().T)
    found = []
    for train, test in KFold(n_splits=5, random_state=0).split(Numbered(len(rows))):
        found.append((rows.select(np.array(train)), rows.select(np.array(test))))
    return found


class Numbered:
    """As Surprise's data, but with the numbers of rows for ratings."""

    def __init__(self, n_rows: int) -> None:
        self.raw_ratings = range(n_rows)
        self.construct_trainset = self.construct_testset = list


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recommender]:
    """Those of the preset, with its parameters and seeds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        file = tmp_path_factory.mktemp("table") / paths.PARAMS
        entries = compose(file, ["+experiment=surprise_table"])["models"]
    return {
        name: ModelEntry(**entry).create(name, seed=entry.get("seed", 0), threads=2)
        for name, entry in entries.items()
    }


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("svd", ("0.934", "0.737")),
        ("svdpp", ("0.919", "0.721")),
        ("nmf", ("0.963", "0.758")),
        ("slope_one", ("0.946", "0.743")),
        ("knn_basic", ("0.980", "0.774")),
        ("knn_means", ("0.951", "0.749")),
        ("knn_baseline", ("0.931", "0.733")),
        ("co_clustering", ("0.963", "0.753")),
        ("bias", ("0.944", "0.748")),
    ],
)
def test_five_folds(
    folds: list[Fold], models: dict[str, Recommender], name: str, published: tuple[str, str]
) -> None:
    errors = []
    for train, test in folds:
        predicted = models[name].fit(train, None, Features(IDS)).predict(*test.columns()[:2])
        one_group = np.zeros(len(test), dtype=np.int64)
        sums = total(error_sums(one_group, 1, test.rating, predicted))
        errors.append((rmse(sums), mae(sums)))
    assert tuple(f"{value:.3f}" for value in np.mean(errors, axis=0)) == published


def test_the_distribution_of_random_with_the_draws_of_surprise(
    folds: list[Fold], models: dict[str, Recommender]
) -> None:
    generator, errors = np.random.RandomState(0), []
    for train, test in folds:
        fitted = models["random"].fit(train, None, Features(IDS))
        drawn = generator.normal(fitted._mean, fitted._deviation, len(test))
        error = np.clip(drawn, 1, 5) - test.rating
        errors.append((np.sqrt(np.mean(error**2)), np.mean(np.abs(error))))
    assert [f"{value:.3f}" for value in np.mean(errors, axis=0)] == ["1.518", "1.219"]


@pytest.mark.parametrize(
    ("baseline", "algorithm"),
    [("mean", surprise.KNNBasic), ("z_score", surprise.KNNWithZScore)],
)
def test_every_prediction_of_a_fold(folds: list[Fold], baseline: str, algorithm: Any) -> None:
    """Train in the order of users, so that of equally similar ones Surprise takes the first too."""
    train, test = folds[0]
    train = train.select(np.argsort(train.user_idx, kind="stable"))
    parameters = {"based_on": "user", "similarity": "msd", "shrinkage": 0.0, "stored": 1000}
    model = KNN(baseline=baseline, **parameters).fit(train, None, Features(IDS))
    predicted = model.predict(test.user_idx, test.item_idx)
    other = algorithm(verbose=False).fit(trainset_of(train, IDS))
    pairs = zip(test.user_idx, test.item_idx, strict=True)
    np.testing.assert_allclose(predicted, [other.predict(*pair).est for pair in pairs], atol=1e-6)
