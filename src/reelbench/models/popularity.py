"""Model `popularity`: everybody gets the most rated items first."""

from __future__ import annotations

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import Arrays, Recommender


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
