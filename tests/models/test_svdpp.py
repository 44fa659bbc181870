from __future__ import annotations

import numpy as np
from contracts import RecommenderContract
from surprise_oracle import IDS, ITEMS, TRAIN, USERS, predictions, trainset

from reelbench.features.block import Features
from reelbench.models.svdpp import SVDpp

PARAMETERS = {
    "factors": 4,
    "epochs": 100,
    "learning_rate": 0.02,
    "regularization": 0.01,
    "init_std": 0.1,
}


class TestSVDpp(RecommenderContract):
    model_class = SVDpp
    fold_in = "close"
    parameters = PARAMETERS


def test_same_predictions_as_surprise() -> None:
    model = SVDpp(seed=3, **PARAMETERS).fit(TRAIN, TRAIN, Features(IDS))
    expected = predictions(model._learn(trainset()))
    np.testing.assert_allclose(model.predict(USERS, ITEMS), expected, atol=1e-5)
