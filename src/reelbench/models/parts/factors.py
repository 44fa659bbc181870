"""Models that are a mean, two biases and the product of two vectors."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.base import Arrays, Recommender


@dataclass(frozen=True)
class Factors:
    """rating ≈ mean + user_bias[u] + item_bias[i] + user_factors[u] · item_factors[i].

    Attributes:
        mean: where all start from.
        user_bias: float64 (n_users + 1,); the last row, and every cold user's, is the answer for
            an unknown user (see `base.py`), here and below.
        item_bias: float64 (n_items + 1,).
        user_factors: float64 (n_users + 1, f).
        item_factors: float64 (n_items + 1, f).
    """

    mean: float
    user_bias: np.ndarray
    item_bias: np.ndarray
    user_factors: np.ndarray
    item_factors: np.ndarray

    def predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        """Predictions float64 (n,); index -1 is an unknown user or item."""
        product = np.einsum("nf,nf->n", self.user_factors[user_idx], self.item_factors[item_idx])
        return self.mean + self.user_bias[user_idx] + self.item_bias[item_idx] + product

    def score(self, user_idx: np.ndarray) -> np.ndarray:
        """Predictions for all items of the catalogue, float64 (n, n_items)."""
        product = self.user_factors[user_idx] @ self.item_factors[:-1].T
        return self.mean + self.user_bias[user_idx, None] + self.item_bias[:-1] + product

    def times(self, number: float) -> Factors:
        """Predictions times a number: ratings in another unit."""
        return Factors(
            self.mean * number,
            self.user_bias * number,
            self.item_bias * number,
            self.user_factors * number,
            self.item_factors,
        )


class FactorModel(Recommender):
    """Base of such a model: what a subclass writes is how the factors are found."""

    @abstractmethod
    def _factorise(self, train: Interactions, ids: Ids) -> Factors:
        """Learn from train."""

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        self._factors = self._factorise(train, features.ids)

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return self._factors.predict(user_idx, item_idx)

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        return self._factors.score(user_idx)

    def _state(self) -> Arrays:
        return {name: np.asarray(value) for name, value in vars(self._factors).items()}

    def _restore(self, state: Arrays) -> None:
        arrays = {name: array for name, array in state.items() if name != "mean"}
        self._factors = Factors(float(state["mean"]), **arrays)
