from __future__ import annotations

import numpy as np
import pytest
from contracts import IDS, TRAIN, USERS, WARM_USERS, RecommenderContract

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.ease import EASE
from reelbench.params import ParamsError

PARAMETERS = {"regularization": 2.0, "rating_power": 1.0, "max_side": 100}


class TestEASE(RecommenderContract):
    model_class = EASE
    fold_in = "exact"
    parameters = PARAMETERS


def textbook(chosen: np.ndarray, penalty: float) -> np.ndarray:
    """Listing 1 of the paper: the scores of every user, float64."""
    inverse = np.linalg.inv(chosen.T @ chosen + penalty * np.eye(chosen.shape[1]))
    weights = inverse / -np.diag(inverse)
    weights[np.diag_indices(len(weights))] = 0
    return chosen @ weights


@pytest.mark.parametrize(("n_users", "n_items"), [(30, 12), (12, 30), (20, 20)])
def test_both_ways_to_the_scores_are_the_papers(n_users: int, n_items: int) -> None:
    chosen = np.random.default_rng(3).random((n_users, n_items)) < 0.3
    users, items = np.nonzero(chosen)
    train = Interactions.from_arrays(users, items, np.ones(len(users)))
    model = EASE(regularization=5.0, rating_power=0.0, max_side=99)
    model.fit(train, train, Features(Ids(n_users, n_items, 1, 5)))
    everybody = np.arange(n_users)
    expected = textbook(chosen.astype(float), 5.0)
    np.testing.assert_allclose(model.score(everybody), expected, atol=1e-5)
    warm = chosen.any(axis=1)
    np.testing.assert_allclose(model.score([-1])[0], expected[warm].mean(axis=0), atol=1e-5)


def test_without_a_power_all_ratings_count_alike() -> None:
    lowest = Interactions.from_arrays(TRAIN.user_idx, TRAIN.item_idx, np.ones(len(TRAIN)))
    plain = {**PARAMETERS, "rating_power": 0.0}
    fits = [EASE(**plain).fit(part, part, Features(IDS)) for part in (TRAIN, lowest)]
    np.testing.assert_array_equal(fits[0].score(USERS), fits[1].score(USERS))


def test_a_large_catalogue_is_refused_with_what_to_do() -> None:
    model = EASE(**{**PARAMETERS, "max_side": 17})
    with pytest.raises(ParamsError, match=r"18 by 18 .* max_side is 17.*filter.min_per_item"):
        model.fit(TRAIN, TRAIN, Features(IDS))


def test_predict_answers_the_mean() -> None:
    model = EASE(**PARAMETERS).fit(TRAIN, TRAIN, Features(IDS))
    predicted = model.predict(WARM_USERS, np.zeros(len(WARM_USERS), int))
    np.testing.assert_allclose(predicted, TRAIN.rating.mean(), rtol=1e-6)
