"""Base of the models that only rank."""

from __future__ import annotations

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import Recommender
from reelbench.models.shared.state import Saved


class Ranker(Recommender):
    """Has no predictions of its own: `predict` returns the mean rating of train."""

    predicts_ratings = False
    _mean: Saved[float]

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        self._mean = float(train.rating.mean(dtype=np.float64))

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return np.full(len(user_idx), self._mean)
