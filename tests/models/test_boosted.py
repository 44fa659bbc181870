from __future__ import annotations

import numpy as np
import pytest
from contracts import RecommenderContract
from sklearn.linear_model import Ridge

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.boosted import Boosted
from reelbench.models.shared.biases import feature_prior
from reelbench.params import ParamsError

N = 240
RNG = np.random.default_rng(2)
COLUMNS = RNG.normal(size=(N, 3)).astype(np.float32)
# a step, which trees find, and a slope, which the ridge finds
VOTES = 5 + 2.0 * (COLUMNS[:, 0] > 0.3) + COLUMNS[:, 1]
SEEN = np.arange(160)


class TestBoosted(RecommenderContract):
    model_class = Boosted
    fold_in = "exact"
    personalised = False
    knows_cold_movies = False  # of a user's group
    tries_seeds = False  # 16 movies are too few for a tree to split
    features = ("text", "genres", "years")


def fitted(
    *, ratings: np.ndarray = VOTES, numbers: np.ndarray = COLUMNS, **parameters: object
) -> np.ndarray:
    """Predictions of all movies, of which those in `SEEN` have one rating."""
    names = {"columns": np.array(["a", "b", "n"]), "moments": np.array([[0.0, 0.0, 1.0]] * 3)}
    features = Features(Ids(1, N, 0.0, 10.0), {"numeric": {"numeric": numbers, **names}})
    train = Interactions.from_arrays(0 * SEEN, SEEN, ratings[SEEN])
    settings = {"user_damping": 1000.0, "item_damping": 0.1, "seed": 1, **parameters}
    return Boosted(**settings).fit(train, features=features).predict(np.zeros(N, int), np.arange(N))


def test_unseen_movies_get_what_their_features_say() -> None:
    unseen = np.setdiff1d(np.arange(N), SEEN)
    error = np.mean((fitted()[unseen] - VOTES[unseen]) ** 2)
    assert error < 0.15 * VOTES.var()
    # the ridge alone blurs the step
    ridge = fitted(columns=[], trees=1, learning_rate=1.0, leaves=2)
    assert np.mean((ridge[unseen] - VOTES[unseen]) ** 2) > 2 * error


def test_a_rating_outweighs_the_prior_by_its_damping() -> None:
    light, heavy = fitted(item_damping=0.01), fitted(item_damping=100.0)
    assert np.abs(light[SEEN] - VOTES[SEEN]).max() < 0.1
    assert np.abs(heavy[SEEN] - VOTES[SEEN]).max() > 0.3


def test_the_ridge_leaves_out_items_of_weight_zero() -> None:
    columns, weight = COLUMNS.astype(np.float64), (np.arange(N) < 100).astype(float)
    found = feature_prior(columns, VOTES, weight, 0.5)
    expected = Ridge(alpha=0.5).fit(columns[:100], VOTES[:100]).predict(columns)
    np.testing.assert_allclose(found, expected)


def test_a_mean_of_many_votes_teaches_more_than_one_of_few() -> None:
    rng = np.random.default_rng(3)
    few = rng.random(N) < 0.5
    noisy = VOTES + few * rng.normal(0.0, 4.0, N)
    numbers = COLUMNS.copy()
    numbers[:, 2] = np.log1p(np.where(few, 2, 5000))
    unseen = np.setdiff1d(np.arange(N), SEEN)

    def error(**parameters: object) -> float:
        found = fitted(ratings=noisy, numbers=numbers, weights={"numeric": 0.2}, **parameters)
        return float(np.mean((found[unseen] - VOTES[unseen]) ** 2))

    assert error(votes="n", vote_damping=50.0) < 0.7 * error()
    # a rating that is the mean of no votes is exact
    numbers[:, 2] = np.log1p(np.where(few, 2, 0))
    assert error(votes="n", vote_damping=50.0) < 0.7 * error()
    with pytest.raises(ParamsError, match="no column 'm'"):
        fitted(votes="m")


def test_the_prior_is_a_mean_of_trees_and_ridge() -> None:
    trees, half, ridge = (fitted(ridge_share=share, item_damping=1e6) for share in (0.0, 0.5, 1.0))
    np.testing.assert_allclose(half, (trees + ridge) / 2, atol=1e-4)
    assert np.abs(trees - ridge).max() > 0.1


@pytest.mark.parametrize("seed", [1, 2])
def test_only_folds_and_landmarks_are_by_chance(seed: int) -> None:
    assert np.corrcoef(fitted(seed=seed), fitted(seed=3))[0, 1] > 0.95
