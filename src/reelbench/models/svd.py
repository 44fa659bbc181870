"""Model `svd`: matrix factorisation with biases by stochastic gradient descent (Surprise's SVD).

rating ≈ mean + b_u + b_i + q_i·p_u, Koren, Bell & Volinsky (2009), "Matrix Factorization
Techniques for Recommender Systems". Surprise learns; its arrays are kept and scored by NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from reelbench.columns import ITEM_IDX, RATING, USER_IDX
from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.base import Arrays, Recommender
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
        algorithm = self._learn(_trainset(train, features.ids))
        users, items = _inner_order(algorithm.trainset)
        n_users, n_items = features.ids.n_users + 1, features.ids.n_items + 1
        self._mean = float(algorithm.trainset.global_mean)
        self._user_bias = _spread(algorithm.bu, users, n_users)
        self._item_bias = _spread(algorithm.bi, items, n_items)
        self._user_factors = _spread(algorithm.pu, users, n_users)
        self._item_factors = _spread(algorithm.qi, items, n_items)

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


def _trainset(train: Interactions, ids: Ids) -> Any:
    """Surprise's own form of the ratings."""
    from surprise import Dataset, Reader

    columns = {USER_IDX: train.user_idx, ITEM_IDX: train.item_idx, RATING: train.rating}
    reader = Reader(rating_scale=(ids.rating_min, ids.rating_max))
    return Dataset.load_from_df(pd.DataFrame(columns), reader).build_full_trainset()


def _inner_order(trainset: Any) -> tuple[list[int], list[int]]:
    """Indices of the catalogue in the order in which Surprise numbers users and items."""
    users = [trainset.to_raw_uid(inner) for inner in trainset.all_users()]
    items = [trainset.to_raw_iid(inner) for inner in trainset.all_items()]
    return users, items


def _spread(values: np.ndarray, index: list[int], size: int) -> np.ndarray:
    """Values put at `index` of an array with `size` rows, zeros elsewhere."""
    spread = np.zeros((size, *values.shape[1:]))
    spread[index] = values
    return spread
