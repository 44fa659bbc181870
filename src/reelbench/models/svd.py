"""Model `svd`: matrix factorisation with biases by stochastic gradient descent (Surprise's SVD).

rating ≈ mean + b_u + b_i + q_i·p_u, Koren, Bell & Volinsky (2009), "Matrix Factorization
Techniques for Recommender Systems". Surprise learns; its arrays are kept and scored by NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import Arrays, Recommender
from reelbench.models.surprise_data import inner_order, spread, trainset_of
from reelbench.params import Section


class SVDConfig(Section):
    factors: PositiveInt
    epochs: PositiveInt
    learning_rate: PositiveFloat
    #: L2 penalty of biases and factors
    regularization: NonNegativeFloat
    #: standard deviation of the factors before the first epoch
    init_std: NonNegativeFloat


class SVD(Recommender):
    """Surprise's SVD; a cold or unknown user or item has no bias and no factors."""

    Config = SVDConfig

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        algorithm = self._learn(trainset_of(train, features.ids))
        users, items = inner_order(algorithm.trainset)
        n_users, n_items = features.ids.n_users + 1, features.ids.n_items + 1
        self._mean = float(algorithm.trainset.global_mean)
        self._user_bias = spread(algorithm.bu, users, n_users)
        self._item_bias = spread(algorithm.bi, items, n_items)
        self._user_factors = spread(algorithm.pu, users, n_users)
        self._item_factors = spread(algorithm.qi, items, n_items)

    def _learn(self, trainset: Any) -> Any:
        from surprise import SVD as SurpriseSVD

        algorithm = SurpriseSVD(
            n_factors=self.config.factors,
            n_epochs=self.config.epochs,
            lr_all=self.config.learning_rate,
            reg_all=self.config.regularization,
            init_std_dev=self.config.init_std,
            random_state=self.seed,
        )
        return algorithm.fit(trainset)

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        taste = np.einsum("nf,nf->n", self._user_factors[user_idx], self._item_factors[item_idx])
        return self._mean + self._user_bias[user_idx] + self._item_bias[item_idx] + taste

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        taste = self._user_factors[user_idx] @ self._item_factors[:-1].T
        return self._mean + self._user_bias[user_idx, None] + self._item_bias[:-1] + taste

    def _state(self) -> Arrays:
        return {
            "mean": np.array(self._mean),
            "user_bias": self._user_bias,
            "item_bias": self._item_bias,
            "user_factors": self._user_factors,
            "item_factors": self._item_factors,
        }

    def _restore(self, state: Arrays) -> None:
        self._mean = float(state["mean"])
        self._user_bias, self._item_bias = state["user_bias"], state["item_bias"]
        self._user_factors, self._item_factors = state["user_factors"], state["item_factors"]
