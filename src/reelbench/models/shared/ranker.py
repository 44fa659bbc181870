"""Base of the models that only rank."""

from __future__ import annotations

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import Recommender
from reelbench.models.shared.user_items import Arrays


class Ranker(Recommender):
    """A model without predictions of its own: `predict` returns the mean rating of train.

    A subclass extends `_fit`, `_state` and `_restore`, and writes `_score`.
    """

    predicts_ratings = False

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        self._mean = float(train.rating.mean(dtype=np.float64))

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return np.full(len(user_idx), self._mean)

    def _state(self) -> Arrays:
        return {"mean": np.array(self._mean)}

    def _restore(self, state: Arrays) -> None:
        self._mean = float(state["mean"])
