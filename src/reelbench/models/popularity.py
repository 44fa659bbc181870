"""Models `popularity`, `global_mean`, `weighted_mean`, `item_mean`: one answer for every user."""

from __future__ import annotations

import numpy as np
from pydantic import NonNegativeFloat

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import Arrays, Recommender
from reelbench.models.shared.biases import group_means
from reelbench.params import Section


class Popularity(Recommender):
    """Scores an item by its number of train ratings.

    It has no opinion on how a rating turns out: `predict` answers the mean rating of train.
    """

    predicts_ratings = False

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        self._mean = float(train.rating.mean(dtype=np.float64))
        self._count = np.bincount(train.item_idx, minlength=features.ids.n_items)

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return np.full(len(user_idx), self._mean)

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        return np.tile(self._count, (len(user_idx), 1))

    def _state(self) -> Arrays:
        return {"mean": np.array(self._mean), "count": self._count}

    def _restore(self, state: Arrays) -> None:
        self._mean = float(state["mean"])
        self._count = state["count"]


class GlobalMean(Recommender):
    """What any model must beat; all its scores are ties, so it ranks by item index."""

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        self._mean = float(train.rating.mean(dtype=np.float64))

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return np.full(len(user_idx), self._mean)

    def _state(self) -> Arrays:
        return {"mean": np.array(self._mean)}

    def _restore(self, state: Arrays) -> None:
        self._mean = float(state["mean"])


class WeightedMeanConfig(Section):
    #: ratings of average value that every item is thought to have got beforehand
    prior_votes: NonNegativeFloat


class WeightedMean(Recommender):
    """Bayesian average (v·R + m·C) / (v + m): v ratings of mean R, m prior votes of train's mean C.

    The formula behind IMDb's Top 250. It ranks what is popular and well rated first, where the
    plain mean (m = 0) puts an item with a single rating of five stars there. An item without
    ratings (cold, unknown) has C.
    """

    Config = WeightedMeanConfig

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        prior, size = self.config.prior_votes, features.ids.n_items + 1
        self._means = group_means(train.item_idx, train.rating, size, prior)

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return self._means[item_idx]

    def _state(self) -> Arrays:
        return {"means": self._means}

    def _restore(self, state: Arrays) -> None:
        self._means = state["means"]
