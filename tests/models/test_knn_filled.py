"""Neighbours after gaps are filled: against pandas and scikit-learn, as the document does it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from contracts import RecommenderContract
from sklearn.metrics.pairwise import cosine_similarity

from reelbench.data.interactions import Ids, Interactions
from reelbench.faults import active
from reelbench.features.block import Features
from reelbench.models.base import Recommender
from reelbench.models.knn import FilledKNN
from reelbench.params import ParamsError

N_USERS, N_ITEMS, K = 30, 12, 5


class TestFilledKNN(RecommenderContract):
    model_class = FilledKNN
    parameters = {"k": 2}  # noqa: RUF012

    def test_unseen_movies_of_the_own_group_come_first(self, model: Recommender) -> None:
        """They do not: the fault is that two groups with the same means are as good as one."""
        with pytest.raises(AssertionError):
            super().test_unseen_movies_of_the_own_group_come_first(model)


def ratings() -> pd.DataFrame:
    """Random ratings of all users but the last, and all movies but the last."""
    rng = np.random.default_rng(3)
    pairs = rng.permutation((N_USERS - 1) * (N_ITEMS - 1))[:150]
    user, item = np.divmod(pairs, N_ITEMS - 1)
    return pd.DataFrame({"user": user, "item": item, "rating": rng.integers(1, 6, 150)})


def fitted(table: pd.DataFrame, **parameters: int) -> FilledKNN:
    train = Interactions.from_arrays(table["user"], table["item"], table["rating"])
    features = Features(Ids(N_USERS, N_ITEMS, 1, 5))
    return FilledKNN(**{"k": K, **parameters}).fit(train, None, features)


def test_a_prediction_is_that_of_the_filled_matrix() -> None:
    table = ratings()
    known = table.pivot_table(index="user", columns="item", values="rating")
    filled = known.T.fillna(known.mean(axis=1)).T
    similar = cosine_similarity(filled.to_numpy()) - np.eye(len(filled))
    expected = np.empty(filled.shape)
    for row, weights in enumerate(similar):
        near = np.argsort(weights)[::-1][:K]
        expected[row] = weights[near] @ filled.to_numpy()[near] / weights[near].sum()
    users, items = (index.to_numpy() for index in (filled.index, filled.columns))
    found = fitted(table).score(users)[:, items]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_unknown_users_and_movies() -> None:
    table = ratings()
    model = fitted(table)
    means = table.groupby("user")["rating"].mean()
    cold = N_ITEMS - 1
    # neighbours have only their means for a movie that nobody rated
    assert means.min() <= model.predict([0], [cold])[0] <= means.max()
    np.testing.assert_array_equal(model.predict([0], [cold]), model.predict([0], [-1]))
    np.testing.assert_allclose(model.predict([-1], [-1]), means.mean(), rtol=1e-6)
    np.testing.assert_array_equal(model.score([N_USERS - 1]), model.score([-1]))


def test_too_large_a_matrix_is_refused() -> None:
    with pytest.raises(ParamsError, match=r"31 by 13 cells, more than most_cells = 400"):
        fitted(ratings(), most_cells=400)


def test_it_is_marked_as_a_fault() -> None:
    entry = {"_target_": "reelbench.models.knn.FilledKNN", "k": 100}
    assert active({"models": {"netflix_cosine": entry}}) == ["gaps_filled"]
