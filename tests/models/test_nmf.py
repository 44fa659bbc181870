from __future__ import annotations

import numpy as np
from contracts import RecommenderContract
from surprise_oracle import IDS, ITEMS, TRAIN, USERS, predictions, trainset

from reelbench.features.block import Features
from reelbench.models.nmf import NMF

PARAMETERS = {
    "factors": 3,
    "epochs": 60,
    "user_regularization": 0.02,
    "item_regularization": 0.03,
    "init_max": 1.0,
}


class TestNMF(RecommenderContract):
    model_class = NMF
    fold_in = "close"
    parameters = PARAMETERS


def test_same_predictions_as_surprise() -> None:
    model = NMF(seed=3, **PARAMETERS).fit(TRAIN, TRAIN, Features(IDS))
    expected = predictions(model._learn(trainset()))
    np.testing.assert_allclose(model.predict(USERS, ITEMS), expected, atol=1e-5)
