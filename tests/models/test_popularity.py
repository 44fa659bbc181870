from __future__ import annotations

import numpy as np
from contracts import RecommenderContract

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.popularity import Popularity


class TestPopularity(RecommenderContract):
    model_class = Popularity
    fold_in = "exact"
    personalised = False


def test_counts_rank_and_the_mean_is_the_answer() -> None:
    train = Interactions.from_arrays([0, 1, 2, 0, 1, 0], [2, 2, 2, 0, 0, 1], [1, 1, 1, 5, 5, 5])
    model = Popularity().fit(train, train, Features(Ids(3, 4, 1, 5)))
    np.testing.assert_array_equal(model.score([1, -1]), [[2, 1, 3, 0]] * 2)
    np.testing.assert_array_equal(model.predict([0, -1], [3, 2]), [3, 3])
