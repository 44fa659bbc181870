from __future__ import annotations

from dataclasses import replace

import contracts
import numpy as np
import pytest
import surprise
from contracts import N_ITEMS, N_USERS, RecommenderContract
from surprise_oracle import IDS, ITEMS, TRAIN, USERS, predictions, trainset

from reelbench.features.block import Features, Ids
from reelbench.models.co_clustering import CoClustering, _scale
from reelbench.models.nmf import NMF
from reelbench.models.shared.surprise_base import trainset_of
from reelbench.models.svd import SVD
from reelbench.models.svdpp import SVDpp

PARAMETERS = {
    "factors": 4,
    "epochs": 200,
    "learning_rate": 0.02,
    "regularization": 0.01,
    "init_std": 0.1,
}


class TestSVD(RecommenderContract):
    model_class = SVD
    fold_in = "close"
    parameters = PARAMETERS


def test_same_predictions_as_surprise() -> None:
    model = SVD(seed=3, **PARAMETERS).fit(contracts.TRAIN, contracts.TRAIN, Features(contracts.IDS))
    oracle = surprise.SVD(
        n_factors=4, n_epochs=200, lr_all=0.02, reg_all=0.01, init_std_dev=0.1, random_state=3
    )
    oracle.fit(trainset_of(contracts.TRAIN, contracts.IDS))
    users, items = np.divmod(np.arange(N_USERS * N_ITEMS), N_ITEMS)
    expected = [oracle.predict(u, i).est for u, i in zip(users, items, strict=True)]
    np.testing.assert_allclose(model.predict(users, items), expected, atol=1e-5)


SVDPP_PARAMETERS = {
    "factors": 4,
    "epochs": 100,
    "learning_rate": 0.02,
    "regularization": 0.01,
    "init_std": 0.1,
}


class TestSVDpp(RecommenderContract):
    model_class = SVDpp
    fold_in = "close"
    parameters = SVDPP_PARAMETERS


def test_same_predictions_as_surprise_of_svdpp() -> None:
    model = SVDpp(seed=3, **SVDPP_PARAMETERS).fit(TRAIN, TRAIN, Features(IDS))
    config = model.config
    arguments = {
        "n_factors": config.factors,
        "n_epochs": config.epochs,
        "lr_all": config.learning_rate,
        "reg_all": config.regularization,
        "init_std_dev": config.init_std,
        "random_state": model.seed,
    }
    expected = predictions(surprise.SVDpp(**arguments).fit(trainset()))
    np.testing.assert_allclose(model.predict(USERS, ITEMS), expected, atol=1e-6)


NMF_PARAMETERS = {
    "factors": 3,
    "epochs": 60,
    "user_regularization": 0.02,
    "item_regularization": 0.03,
    "init_max": 1.0,
}


class TestNMF(RecommenderContract):
    model_class = NMF
    fold_in = "close"
    parameters = NMF_PARAMETERS


def test_same_predictions_as_surprise_of_nmf() -> None:
    model = NMF(seed=3, **NMF_PARAMETERS).fit(TRAIN, TRAIN, Features(IDS))
    oracle = surprise.NMF(
        n_factors=3, n_epochs=60, reg_pu=0.02, reg_qi=0.03, init_high=1.0, random_state=3
    )
    expected = predictions(oracle.fit(trainset()))
    np.testing.assert_allclose(model.predict(USERS, ITEMS), expected, atol=1e-6)


CO_CLUSTERING_PARAMETERS = {"user_clusters": 2, "item_clusters": 2, "epochs": 10}


class TestCoClustering(RecommenderContract):
    model_class = CoClustering
    tries_seeds = False
    parameters = CO_CLUSTERING_PARAMETERS


@pytest.mark.parametrize("seed", [1, 2])
def test_same_predictions_as_surprise_of_co_clustering(seed: int) -> None:
    parameters = {"user_clusters": 4, "item_clusters": 3, "epochs": 10}
    model = CoClustering(seed=seed, **parameters).fit(TRAIN, TRAIN, Features(IDS))
    oracle = surprise.CoClustering(n_cltr_u=4, n_cltr_i=3, n_epochs=10, random_state=seed)
    expected = predictions(oracle.fit(trainset()))
    np.testing.assert_allclose(model.predict(USERS, ITEMS), expected, atol=1e-5)


def test_half_stars_are_not_cut_off() -> None:
    """Half the stars give half the predictions; Surprise itself takes 2.5 for 2."""
    half = replace(TRAIN, rating=TRAIN.rating / 2)
    whole = CoClustering(seed=1, **CO_CLUSTERING_PARAMETERS).fit(TRAIN, TRAIN, Features(IDS))
    halved = CoClustering(seed=1, **CO_CLUSTERING_PARAMETERS).fit(
        half, half, Features(Ids(40, 30, 0.5, 2.5))
    )
    users = np.arange(40)
    np.testing.assert_allclose(halved.score(users), whole.score(users) / 2, atol=1e-5)


@pytest.mark.parametrize(
    ("ratings", "scale"),
    [([1, 5], 1), ([0.5, 4], 2), ([0.1, 4.7], 10), ([3.25], 100), ([1 / 3], 10_000)],
)
def test_scale_that_makes_ratings_whole(ratings: list[float], scale: int) -> None:
    assert _scale(np.array(ratings, dtype=np.float32)) == scale
