"""Models that are a mean, two biases and the product of two vectors."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import PositiveInt
from scipy import sparse
from threadpoolctl import threadpool_limits

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.base import Arrays, Recommender
from reelbench.params import Section
from reelbench.seeds import seed_for


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


class FactorRankerConfig(Section):
    factors: PositiveInt
    epochs: PositiveInt
    #: models from as many seeds, whose scores are averaged
    bags: PositiveInt


class FactorRanker(Recommender):
    """Ranks by the product of factors; `predict` answers the mean rating of train.

    A user without ratings has the mean of the others' factors, a movie without ratings the score
    0. Memory: 4 · factors · bags bytes per user and movie.
    """

    predicts_ratings = False

    @abstractmethod
    def _untrained(self, seed: int) -> Any:
        """A model of `implicit` with the configuration and a seed."""

    @abstractmethod
    def _matrix(self, train: Interactions, ids: Ids) -> sparse.csr_array:
        """What it learns from, float32 CSR (n_users, n_items)."""

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        self._mean = float(train.rating.mean(dtype=np.float64))
        matrix = self._matrix(train, features.ids)
        bags = [self._learn(matrix, bag) for bag in range(self.config.bags)]
        # the product of factors side by side is the sum of the bags' products
        self._item_factors = np.hstack([items for _, items in bags])
        self._user_factors = np.hstack([users for users, _ in bags]) / np.float32(len(bags))

    def _learn(self, matrix: sparse.csr_array, bag: int) -> tuple[np.ndarray, np.ndarray]:
        """Factors (n_users + 1, f) and (n_items, f) from a seed of their own."""
        model = self._untrained(seed_for(self.seed, "bag", str(bag)))
        # the library asks for it: BLAS must not divide up what its own threads divide up already
        with threadpool_limits(1, "blas"):
            model.fit(sparse.csr_matrix(matrix), show_progress=False)
        users, items = model.user_factors, model.item_factors
        warm = np.diff(matrix.indptr) > 0
        mean = users[warm].mean(axis=0)
        items[np.bincount(matrix.indices, minlength=len(items)) == 0] = 0.0
        return np.vstack([np.where(warm[:, None], users, mean), mean]), items

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return np.full(len(user_idx), self._mean)

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        return self._user_factors[user_idx] @ self._item_factors.T

    def _state(self) -> Arrays:
        return {
            "mean": np.array(self._mean),
            "user_factors": self._user_factors,
            "item_factors": self._item_factors,
        }

    def _restore(self, state: Arrays) -> None:
        self._mean = float(state["mean"])
        self._user_factors, self._item_factors = state["user_factors"], state["item_factors"]
