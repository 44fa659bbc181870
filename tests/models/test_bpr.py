from __future__ import annotations

import numpy as np
import pytest
from contracts import IDS, N_COLD, SAME_GROUP, TRAIN, USERS, WARM_USERS, RecommenderContract
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.bpr import BPR, BPRConfig, BPRLearner
from reelbench.models.shared.user_items import choices

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


def test_threads_change_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelbench.models.bpr._RATINGS_PER_BLOCK", 1)
    one, three = (
        BPR(seed=7, threads=n, **PARAMETERS).fit(TRAIN, TRAIN, Features(IDS)) for n in (1, 3)
    )
    np.testing.assert_array_equal(one.score(USERS), three.score(USERS))


def test_blocks_learn_the_same_tastes(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = BPR(seed=7, **PARAMETERS).fit(TRAIN, TRAIN, Features(IDS))
    monkeypatch.setattr("reelbench.models.bpr._RATINGS_PER_BLOCK", 1)
    monkeypatch.setattr("reelbench.models.bpr._DRAWN", 10)
    blocks = BPR(seed=7, **PARAMETERS).fit(TRAIN, TRAIN, Features(IDS))
    own = SAME_GROUP[:-N_COLD, :-N_COLD]
    for model in (whole, blocks):
        scores = model.score(WARM_USERS)[:, :-N_COLD]
        assert scores[own].min() > scores[~own].max()


def test_a_step_raises_one_bias_as_much_as_it_lowers_another() -> None:
    """User 0 has rated all but movie 9, user 1 that one alone: they step against each other."""
    train = Interactions.from_arrays(np.append(np.zeros(9), 1), np.arange(10), np.full(10, 5))
    matrix = sparse.csr_matrix(choices(train, Ids(2, 10, 1, 5), None))
    config = BPRConfig(epochs=1, regularization=0.0, learning_rate=0.1)
    learner, same = (BPRLearner(config, 3, 1) for _ in range(2))
    learner.fit(matrix)
    same._initial(2)
    moved = learner.item_factors[:, -1] - same._initial(10)[:, -1]
    assert moved.sum() == pytest.approx(0.0, abs=1e-6)
    assert np.count_nonzero(moved) >= 2
    assert (learner.user_factors[:, -1] == 1).all()


def test_no_step_is_taken_against_a_movie_that_the_user_has_rated() -> None:
    config = BPRConfig(epochs=5)
    learner, same = (BPRLearner(config, 3, 1) for _ in range(2))
    learner.fit(sparse.csr_matrix(np.ones((1, 6), np.float32)))
    same._initial(1)
    np.testing.assert_array_equal(learner.item_factors, same._initial(6))


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
