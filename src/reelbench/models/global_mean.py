"""Model `global_mean`: every rating is the mean rating of train."""

from __future__ import annotations

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import Arrays, Recommender


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
