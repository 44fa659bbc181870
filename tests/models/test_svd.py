from __future__ import annotations

import numpy as np
from contracts import IDS, N_ITEMS, N_USERS, TRAIN, RecommenderContract

from reelbench.features.block import Features
from reelbench.models.shared.surprise_base import trainset_of
from reelbench.models.svd import SVD

PARAMETERS = {
    "factors": 4,
    "epochs": 200,
    "learning_rate": 0.02,
    "regularization": 0.01,
    "init_std": 0.1,
}


class TestSVD(RecommenderContract):
    model_class = SVD
    fold_in = "close"
    parameters = PARAMETERS


def test_same_predictions_as_surprise() -> None:
    model = SVD(seed=3, **PARAMETERS).fit(TRAIN, TRAIN, Features(IDS))
    oracle = model._learn(trainset_of(TRAIN, IDS))
    users, items = np.divmod(np.arange(N_USERS * N_ITEMS), N_ITEMS)
    expected = [oracle.predict(u, i).est for u, i in zip(users, items, strict=True)]
    np.testing.assert_allclose(model.predict(users, items), expected, atol=1e-5)
