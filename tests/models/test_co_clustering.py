from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from contracts import RecommenderContract
from surprise_oracle import IDS, ITEMS, TRAIN, USERS, predictions, trainset

from reelbench.features.block import Features, Ids
from reelbench.models.co_clustering import CoClustering, _scale

PARAMETERS = {"user_clusters": 2, "item_clusters": 2, "epochs": 10}


class TestCoClustering(RecommenderContract):
    model_class = CoClustering
    parameters = PARAMETERS


@pytest.mark.parametrize("seed", [1, 2])
def test_same_predictions_as_surprise(seed: int) -> None:
    parameters = {"user_clusters": 4, "item_clusters": 3, "epochs": 10}
    model = CoClustering(seed=seed, **parameters).fit(TRAIN, TRAIN, Features(IDS))
    expected = predictions(model._learn(trainset()))
    np.testing.assert_allclose(model.predict(USERS, ITEMS), expected, atol=1e-5)


def test_half_stars_are_not_cut_off() -> None:
    """Half the stars give half the predictions; Surprise itself takes 2.5 for 2."""
    half = replace(TRAIN, rating=TRAIN.rating / 2)
    whole = CoClustering(seed=1, **PARAMETERS).fit(TRAIN, TRAIN, Features(IDS))
    halved = CoClustering(seed=1, **PARAMETERS).fit(half, half, Features(Ids(40, 30, 0.5, 2.5)))
    users = np.arange(40)
    np.testing.assert_allclose(halved.score(users), whole.score(users) / 2, atol=1e-5)


@pytest.mark.parametrize(
    ("ratings", "scale"),
    [([1, 5], 1), ([0.5, 4], 2), ([0.1, 4.7], 10), ([3.25], 100), ([1 / 3], 10_000)],
)
def test_scale_that_makes_ratings_whole(ratings: list[float], scale: int) -> None:
    assert _scale(np.array(ratings, dtype=np.float32)) == scale
