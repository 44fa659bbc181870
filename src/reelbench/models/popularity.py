"""Models `popularity`, `global_mean`, `weighted_mean`, `item_mean`, `random`: to compare with."""

from typing import Self

import numpy as np
from pydantic import NonNegativeFloat

from reelbench.data.interactions import Interactions
from reelbench.models.base import Features, NewUser, Ranker, Recommender, Saved, Section
from reelbench.models.shared.biases import group_means


class _SameForAll(Recommender):
    def _fold_in(self, user: NewUser) -> Self:
        return self._copy()


class Popularity(_SameForAll, Ranker):
    """Scores an item by its number of train ratings.

    >>> train = Interactions.from_arrays([0, 0, 1], [0, 1, 1], [5, 3, 4])
    >>> Popularity().fit(train).score([0])
    array([[1., 2.]], dtype=float32)
    """

    _count: Saved[np.ndarray]

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        super()._fit(train, valid, features)
        self._count = np.bincount(train.item_idx, minlength=features.ids.n_items)

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self._count.astype(np.float32), (len(user_idx), len(self._count)))


class GlobalMean(_SameForAll, Ranker):
    """The mean rating of train for every pair: all scores are ties, so it ranks by item index."""

    predicts_ratings = True


class WeightedMeanConfig(Section):
    """Parameters."""

    #: number of pseudo-ratings at the mean of train that are added to those of every item
    prior_votes: NonNegativeFloat = 10.0


class WeightedMean(_SameForAll):
    """Bayesian average (v·R + m·C) / (v + m): v ratings of mean R, m prior votes of train's mean C.

    It is the formula behind IMDb's Top 250. An item without ratings (cold, unknown) has C.
    """

    config: WeightedMeanConfig
    _means: Saved[np.ndarray]

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        prior, size = self.config.prior_votes, features.ids.n_items + 1
        self._means = group_means(train.item_idx, train.rating, size, prior)

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return self._means[item_idx]


class Random(Recommender):
    """Draws from the normal distribution of the ratings of train, as Surprise's NormalPredictor.

    There is one draw for every user and item; cold users have those of the unknown one.
    """

    stochastic = True
    _mean: Saved[float]
    _deviation: Saved[float]
    _warm: Saved[np.ndarray]

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        self._mean = float(train.rating.mean(dtype=np.float64))
        self._deviation = float(train.rating.std(dtype=np.float64))
        self._warm = np.bincount(train.user_idx, minlength=features.ids.n_users + 1) > 0

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        from pandas.util import hash_array
        from scipy.special import ndtri

        users = np.where(self._warm[user_idx], user_idx, -1) + ((self.seed % 2**30 + 1) << 32)
        bits = hash_array(hash_array(users) + item_idx.astype(np.uint64))
        return self._mean + self._deviation * ndtri(((bits >> 11) + 0.5) / 2**53)
