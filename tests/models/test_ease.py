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


def test_the_limit_follows_the_memory_and_changes_nothing_below(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = 12 * 18**2 * 4 // 3  # three quarters of it are room for 18 by 18
    whole = EASE(regularization=2.0).fit(TRAIN, TRAIN, Features(IDS))
    monkeypatch.setattr("reelbench.models.ease.memory_bytes", lambda: memory)
    tight = EASE(regularization=2.0).fit(TRAIN, TRAIN, Features(IDS))
    np.testing.assert_array_equal(tight.score(USERS), whole.score(USERS))
    monkeypatch.setattr("reelbench.models.ease.memory_bytes", lambda: memory - 32)
    with pytest.raises(ParamsError, match=r"18 by 18 .* limit max_side is 17"):
        EASE().fit(TRAIN, TRAIN, Features(IDS))


@pytest.mark.parametrize(("n_users", "n_items"), [(400, 130), (90, 130)])
def test_blocks_and_threads_change_no_byte(
    monkeypatch: pytest.MonkeyPatch, n_users: int, n_items: int
) -> None:
    users, items = np.nonzero(np.random.default_rng(3).random((n_users, n_items)) < 0.2)
    train = Interactions.from_arrays(users, items, 1 + items % 5)
    features = Features(Ids(n_users, n_items, 1, 5))
    whole = EASE(rating_power=1.0).fit(train, train, features)
    monkeypatch.setattr("reelbench.models.ease._COLUMNS_AT_ONCE", 7)
    monkeypatch.setattr("reelbench.models.ease._USERS_AT_ONCE", 5)
    blocks = EASE(rating_power=1.0, threads=3).fit(train, train, features)
    everybody = np.arange(-1, n_users)
    np.testing.assert_array_equal(blocks.score(everybody), whole.score(everybody))


def test_predict_answers_the_mean() -> None:
    model = EASE(**PARAMETERS).fit(TRAIN, TRAIN, Features(IDS))
    predicted = model.predict(WARM_USERS, np.zeros(len(WARM_USERS), int))
    np.testing.assert_allclose(predicted, TRAIN.rating.mean(), rtol=1e-6)
