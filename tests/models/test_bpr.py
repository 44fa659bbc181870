from __future__ import annotations

import numpy as np
from contracts import IDS, TRAIN, USERS, RecommenderContract

from reelbench.features.block import Features
from reelbench.models.bpr import BPR

PARAMETERS = {
    "factors": 8,
    "epochs": 100,
    "learning_rate": 0.1,
    "regularization": 0.01,
    "bags": 2,
    "min_rating": 4.0,
}


class TestBPR(RecommenderContract):
    """Every movie is watched by everybody, whatever they think of it: only ratings tell."""

    model_class = BPR
    parameters = PARAMETERS


def test_more_threads_than_one_are_not_used() -> None:
    one, two = (
        BPR(seed=7, threads=n, **PARAMETERS).fit(TRAIN, TRAIN, Features(IDS)) for n in (1, 2)
    )
    np.testing.assert_array_equal(one.score(USERS), two.score(USERS))
