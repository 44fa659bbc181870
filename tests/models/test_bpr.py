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
    "popularity_weight": 1.0,
}


class TestBPR(RecommenderContract):
    """Every movie is watched by everybody, whatever they think of it: only ratings tell."""

    model_class = BPR
    fold_in = "close"
    parameters = PARAMETERS


def test_more_threads_than_one_are_not_used() -> None:
    one, two = (
        BPR(seed=7, threads=n, **PARAMETERS).fit(TRAIN, TRAIN, Features(IDS)) for n in (1, 2)
    )
    np.testing.assert_array_equal(one.score(USERS), two.score(USERS))


def test_popularity_is_added_to_what_is_learned() -> None:
    """By ln(1 + good ratings) for everybody, unknown users too; a cold movie stays at 0."""
    plain, popular = (
        BPR(seed=7, **{**PARAMETERS, "popularity_weight": weight}).fit(TRAIN, TRAIN, Features(IDS))
        for weight in (0.0, 0.5)
    )
    everybody = np.array([*USERS, -1])
    good = np.bincount(TRAIN.item_idx[TRAIN.rating >= 4], minlength=IDS.n_items)
    expected = np.broadcast_to(0.5 * np.log1p(good), (len(everybody), IDS.n_items))
    added = popular.score(everybody) - plain.score(everybody)
    np.testing.assert_allclose(added, expected, atol=1e-5)
    assert not popular.score(everybody)[:, -2:].any()
