"""The factorisation machine as a recommender."""

from __future__ import annotations

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import Arrays, Recommender
from reelbench.models.fm.config import FMConfig
from reelbench.models.fm.design import item_side, user_side
from reelbench.models.fm.library import load_myfm
from reelbench.models.fm.sampling import Sampler


class FM(Recommender):
    """Posterior mean of the machine; `history` has the RMSE of each iteration's mean so far.

    Cold users and items have the share of their features, and for the rest that of a mean user or
    item (`design.py`). The unknown have the latter alone.
    """

    Config = FMConfig

    def prepare(self) -> None:
        load_myfm()

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        users = user_side(train, features, self.config)
        items = item_side(train, features, self.config)
        sampler = Sampler(users, items, self.config)
        sampler.run(train, valid, self.seed)
        self.history = sampler.history
        user_factors, item_factors = sampler.mean.factors()
        self._user_bias = sampler.mean.user_bias.astype(np.float32)
        self._item_bias = sampler.mean.item_bias.astype(np.float32)
        self._user_factors = user_factors.astype(np.float32)
        self._item_factors = item_factors.astype(np.float32)

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        taste = np.einsum("nf,nf->n", self._user_factors[user_idx], self._item_factors[item_idx])
        return self._user_bias[user_idx] + self._item_bias[item_idx] + taste

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        taste = self._user_factors[user_idx] @ self._item_factors[:-1].T
        return self._user_bias[user_idx, None] + self._item_bias[:-1] + taste

    def _state(self) -> Arrays:
        return {
            "user_bias": self._user_bias,
            "item_bias": self._item_bias,
            "user_factors": self._user_factors,
            "item_factors": self._item_factors,
        }

    def _restore(self, state: Arrays) -> None:
        self._user_bias, self._item_bias = state["user_bias"], state["item_bias"]
        self._user_factors, self._item_factors = state["user_factors"], state["item_factors"]
