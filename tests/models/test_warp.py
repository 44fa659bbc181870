from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from contracts import IDS, TRAIN, USERS, RecommenderContract
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.warp import WARP, WARPConfig, WARPLearner

PARAMETERS: dict[str, Any] = {
    "factors": 4,
    "epochs": 60,
    "learning_rate": 0.1,
    "regularization": 0.001,
    "max_draws": 10,
    "draw_power": 0.0,
    "batch_size": 16,
    "bags": 2,
    "min_rating": 4.0,
}


class TestWARP(RecommenderContract):
    """Every movie is watched by everybody, whatever they think of it: only ratings tell."""

    model_class = WARP
    parameters = PARAMETERS


def learner(matrix: sparse.csr_array, **changed: Any) -> WARPLearner:
    config = WARPConfig(**{**PARAMETERS, **changed})
    learner = WARPLearner(config, seed=3)
    learner.fit(sparse.csr_matrix(matrix))
    return learner


def test_chosen_movies_are_a_margin_above_the_others() -> None:
    """On two groups that share nothing the loss that WARP descends becomes 0."""
    chosen = np.arange(12)[:, None] % 2 == np.arange(10)[None, :] % 2
    fitted = learner(sparse.csr_array(chosen.astype(np.float32)), regularization=0.0, epochs=200)
    scores = fitted.user_factors @ fitted.item_factors.T
    lowest = np.where(chosen, scores, np.inf).min(axis=1)
    highest = np.where(chosen, -np.inf, scores).max(axis=1)
    assert (lowest - highest > 0.9).all()


def test_an_early_violator_stands_for_a_far_place_and_a_larger_step() -> None:
    """One user, one choice and 99 others: what the first step moves is ln(place) as estimated."""
    n_items, config = 100, WARPConfig(**{**PARAMETERS, "regularization": 0.0, "epochs": 1})
    one = sparse.csr_matrix(([1.0], ([0], [0])), shape=(1, n_items))
    for draws, place in ((1, 99), (2, 49), (10, 9)):
        model = WARPLearner(config, seed=0)
        model.fit(one)  # the only rated movie is the only one drawn, so nothing has moved
        before = model.item_factors[0, -1].copy()
        model._violators = lambda u, r, d=draws: (np.array([5]), np.array([d]))  # type: ignore
        model._step(np.array([0]), np.array([0]))
        weight = np.log(place)
        expected = config.learning_rate * weight / np.sqrt(1 + weight**2)
        assert model.item_factors[0, -1] - before == pytest.approx(expected, rel=1e-5)
        assert model.item_factors[5, -1] == pytest.approx(-expected, rel=1e-5)


def test_what_a_user_has_chosen_is_never_a_violator() -> None:
    everything = sparse.csr_array(np.ones((3, 4), dtype=np.float32))
    fitted, fresh = learner(everything), learner(everything, epochs=1)
    np.testing.assert_array_equal(fitted.item_factors, fresh.item_factors)


def test_draws_follow_the_number_of_ratings_to_the_power() -> None:
    counts = np.array([1, 2, 4, 0])
    rows = np.concatenate([np.arange(n) for n in counts])
    items = np.repeat(np.arange(4), counts)
    matrix = sparse.csr_array((np.ones(7, np.float32), (rows, items)), shape=(4, 4))
    for power, expected in ((0.0, [1 / 3] * 3), (1.0, [1 / 7, 2 / 7, 4 / 7])):
        drawn = learner(matrix, draw_power=power, epochs=1)._drawn(20_000)
        share = np.bincount(drawn, minlength=4) / 20_000
        np.testing.assert_allclose(share, [*expected, 0.0], atol=0.015)


def test_a_movie_without_a_choice_has_the_lowest_bias() -> None:
    model = WARP(seed=7, **{**PARAMETERS, "bags": 1}).fit(TRAIN, TRAIN, Features(IDS))
    scores = model.score(USERS)
    lowest = model._item_factors[:-2, -1].min()
    np.testing.assert_allclose(scores[:, -2:], lowest, atol=1e-6)


def test_popular_movies_come_first_for_an_unknown_user() -> None:
    """Movie i is rated by all but i of 40 users, whom nothing else tells apart."""
    rng = np.random.default_rng(0)
    pairs = [(u, i) for i in range(8) for u in rng.permutation(40)[: 40 - 5 * i]]
    users, items = np.array(pairs).T
    train = Interactions.from_arrays(users, items, np.full(len(users), 5.0))
    features = Features(Ids(40, 8, 1.0, 5.0))
    model = WARP(seed=7, **{**PARAMETERS, "epochs": 40}).fit(train, train, features)
    scores = model.score([-1])[0]
    assert scores[:3].min() > scores[5:].max()
