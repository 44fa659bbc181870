from __future__ import annotations

import numpy as np
from contracts import IDS, N_ITEMS, N_USERS, TRAIN, RecommenderContract

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.svds import SVDS

USERS, ITEMS = (grid.ravel() for grid in np.indices((N_USERS + 1, N_ITEMS + 1)))


class TestSVDS(RecommenderContract):
    model_class = SVDS
    fold_in = "exact"
    # a second one would tell apart which pairs are kept out of train
    parameters = {"factors": 1}  # noqa: RUF012


def test_the_same_as_a_dense_decomposition() -> None:
    model = SVDS(factors=3).fit(TRAIN, TRAIN, Features(IDS))
    given = TRAIN.seen(N_USERS, N_ITEMS).toarray()
    ratings = TRAIN.user_items(N_USERS, N_ITEMS).toarray().astype(float)
    means = np.full(N_USERS, TRAIN.rating.mean(dtype=float))
    warm = given.any(axis=1)
    means[warm] = ratings[warm].sum(axis=1) / given[warm].sum(axis=1)
    left, values, right = np.linalg.svd(np.where(given, ratings - means[:, None], 0.0))
    expected = means[:, None] + left[:, :3] * values[:3] @ right[:3]
    np.testing.assert_allclose(model.score(np.arange(N_USERS)), expected, atol=1e-5)


def test_cold_items_have_the_users_mean_and_cold_users_that_of_train() -> None:
    train = Interactions.from_arrays([0, 0, 1, 1], [0, 1, 0, 1], [5, 4, 1, 5])
    model = SVDS(factors=1).fit(train, train, Features(Ids(3, 4, 1, 5)))
    predicted = model.predict([0, 1, 0, 2, -1], [2, 3, -1, 0, -1])
    np.testing.assert_allclose(predicted, [4.5, 3, 4.5, 3.75, 3.75], atol=1e-6)


def test_the_seed_does_not_matter() -> None:
    first, second = (SVDS(seed=s, factors=4).fit(TRAIN, TRAIN, Features(IDS)) for s in (1, 2))
    np.testing.assert_allclose(first.predict(USERS, ITEMS), second.predict(USERS, ITEMS), atol=1e-5)


def test_more_factors_than_the_matrix_has() -> None:
    model = SVDS(factors=500).fit(TRAIN, TRAIN, Features(IDS))
    np.testing.assert_allclose(
        model.predict(TRAIN.user_idx, TRAIN.item_idx), TRAIN.rating, atol=1e-4
    )


def test_users_who_always_give_the_same() -> None:
    train = Interactions.from_arrays([0, 0, 1], [0, 1, 1], [4, 4, 2])
    model = SVDS(factors=2).fit(train, train, Features(Ids(2, 3, 1, 5)))
    np.testing.assert_allclose(model.score([0, 1]), [[4] * 3, [2] * 3], atol=1e-6)


def test_a_single_user_and_a_single_item() -> None:
    train = Interactions.from_arrays([0], [0], [4])
    assert SVDS(factors=2).fit(train, train, Features(Ids(1, 1, 1, 5))).predict([0], [0]) == [4]
