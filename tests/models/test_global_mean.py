from __future__ import annotations

import numpy as np
from contracts import RecommenderContract

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.popularity import GlobalMean


class TestGlobalMean(RecommenderContract):
    model_class = GlobalMean
    fold_in = "exact"
    personalised = False


def test_the_mean_is_the_answer_to_everything() -> None:
    train = Interactions.from_arrays([0, 1, 1], [0, 0, 1], [1, 2, 5])
    model = GlobalMean().fit(train, train, Features(Ids(3, 3, 1, 5)))
    np.testing.assert_allclose(model.predict([0, 2, -1], [1, 2, -1]), 8 / 3, rtol=1e-6)
