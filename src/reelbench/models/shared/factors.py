"""Models whose rating is a mean, two biases and a product of vectors, and how they fold in."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import PositiveInt
from scipy import linalg, sparse
from threadpoolctl import threadpool_limits

from reelbench.models.base import Features, Ids, Interactions, Ranker, Recommender, Saved, Section
from reelbench.models.shared.user_items import NewUser, for_every_user
from reelbench.seeds import seed_for

_ERRORS = 10_000  # ratings of train, evenly taken, that the size of errors is taken from
_LEAST_NOISE = 1e-3  # a model that knows train by heart must not be asked to divide by nothing


@dataclass(frozen=True)
class Factors:
    """rating ≈ mean + user_bias[u] + item_bias[i] + user_factors[u] · item_factors[i]."""

    mean: float  # mean rating
    #: (n_users + 1,); the last row, and every cold user's, is the answer for an unknown user (see
    #: `base.py`), here and below
    user_bias: np.ndarray
    item_bias: np.ndarray  # (n_items + 1,)
    user_factors: np.ndarray  # (n_users + 1, f)
    item_factors: np.ndarray  # (n_items + 1, f)

    def predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        """Predictions (n,); index -1 is an unknown user or item."""
        product = np.einsum("nf,nf->n", self.user_factors[user_idx], self.item_factors[item_idx])
        return self.mean + self.user_bias[user_idx] + self.item_bias[item_idx] + product

    def score(self, user_idx: np.ndarray) -> np.ndarray:
        """Predictions for all items of the catalogue, float32 (n, n_items)."""
        product = self.user_factors[user_idx] @ self.item_factors[:-1].T
        scores = np.empty(product.shape, dtype=np.float32)
        # a user at a time: the terms of one fit in the processor's cache, those of a block do not
        for row, bias in enumerate(self.mean + self.user_bias[user_idx]):
            scores[row] = bias + self.item_bias[:-1] + product[row]
        return scores


class FactorModel(Recommender):
    """Base of such a model: a subclass writes how the factors are found."""

    _factors: Saved[Factors]
    _markers: ClassVar[int] = 0  # last factors, which only say that an item is in train

    @abstractmethod
    def _factorise(self, train: Interactions, valid: Interactions, features: Features) -> Factors:
        """Learn from train."""

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        self._factors = self._factorise(train, valid, features)

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return self._factors.predict(user_idx, item_idx)

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        return self._factors.score(user_idx)

    def item_vectors(self) -> np.ndarray:
        factors = self._factors.item_factors
        return factors[:-1, : factors.shape[1] - self._markers].astype(np.float32)

    def user_rows(self, user_idx: ArrayLike | None = None) -> np.ndarray:
        users = slice(None) if user_idx is None else np.asarray(user_idx)
        return np.column_stack([self._factors.user_factors[users], self._factors.user_bias[users]])

    def for_users(self, rows: np.ndarray) -> Self:
        vectors = np.ascontiguousarray(rows[:, :-1], dtype=self._factors.user_factors.dtype)
        bias = rows[:, -1].astype(self._factors.user_bias.dtype)
        factors = replace(self._factors, user_factors=vectors, user_bias=bias)
        return super().for_users(rows)._copy(_factors=factors)

    def _with_user(self, bias: float, vector: np.ndarray) -> Self:
        """A copy in which every user has this bias and these factors."""
        n_users, kind = self.ids.n_users, self._factors.user_bias.dtype
        biases = for_every_user(np.asarray(bias, dtype=kind), n_users)
        vectors = for_every_user(vector.astype(kind), n_users)
        return self._copy(_factors=replace(self._factors, user_bias=biases, user_factors=vectors))


@dataclass(frozen=True)
class UserPrior:
    """What the users of train are like."""

    mean: np.ndarray  # μ, float64 (f + 1,), of bias and factors
    covariance: np.ndarray  # Σ, float64 (f + 1, f + 1)
    noise: float  # s, mean squared error of predictions in train

    @classmethod
    def of(cls, factors: Factors, users: np.ndarray, noise: float) -> Self:
        """From the users (n,) with a row in train."""
        vectors = np.column_stack([factors.user_bias, factors.user_factors])[users]
        vectors = vectors.astype(np.float64)
        centred = vectors - vectors.mean(axis=0)
        return cls(vectors.mean(axis=0), centred.T @ centred / len(users), max(noise, _LEAST_NOISE))

    def mode(self, design: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Z (f + 1,) of a user with rows of h (n, f + 1) and their targets (n,)."""
        spread = design @ self.covariance
        residual = target - design @ self.mean
        n_ratings, width = design.shape
        if n_ratings > width:  # the same from f + 1 equations: (ΣHᵀH + sI)⁻¹ ΣHᵀ (r - base - Hμ)
            equations = spread.T @ design + self.noise * np.eye(width)
            return self.mean + linalg.solve(equations, spread.T @ residual)
        kernel = spread @ design.T + self.noise * np.eye(n_ratings)
        return self.mean + spread.T @ linalg.solve(kernel, residual, assume_a="pos")


class RidgeFoldIn(FactorModel):
    """Adds a fold-in by ridge regression; close to what training gives a user, not the same.

    Bias and factors z of a new user are the mode of

        z ~ N(μ, Σ),   r - base_i ~ N(z·h_i, s),   z = μ + ΣHᵀ (HΣHᵀ + sI)⁻¹ (r - base - Hμ)

    with rows h = (1, q_i) of the rated items, mean μ and covariance Σ of the users of train, and
    the mean squared error s in train (Bishop 2006, "Pattern Recognition and Machine Learning",
    section 3.3). Few ratings leave the user near μ, whatever way the model was trained.
    """

    _prior: Saved[UserPrior]

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        super()._fit(train, valid, features)
        rows = np.linspace(0, len(train) - 1, min(len(train), _ERRORS)).astype(np.int64)
        error = train.rating[rows] - self.predict(train.user_idx[rows], train.item_idx[rows])
        users = np.unique(train.user_idx)
        self._prior = UserPrior.of(self._factors, users, float(np.mean(error**2)))

    def _fold_in(self, user: NewUser) -> Self:
        factors = self._factors
        base = factors.mean + factors.item_bias[user.items]
        design = np.column_stack([np.ones(len(user.items)), factors.item_factors[user.items]])
        found = self._prior.mode(design, user.ratings - base)
        return self._with_user(float(found[0]), found[1:])


class RankerConfig(Section):
    """What the models have in common that rank by a product of factors."""

    factors: PositiveInt = 100  # length of the vectors of users and items
    epochs: PositiveInt = 15  # passes over the ratings
    bags: PositiveInt = 1  # models from as many seeds, whose scores are averaged


class FactorRanker(Ranker):
    """Ranks by the product of factors.

    A user without ratings has the mean of the others' factors, an item without ratings the score 0.
    Memory: 4 · factors · bags bytes per user and item.
    """

    config: RankerConfig
    stochastic = True
    _user_factors: Saved[np.ndarray]
    _item_factors: Saved[np.ndarray]
    _count: Saved[np.ndarray]

    @abstractmethod
    def _learner(self, seed: int) -> Any:
        """A model of the library `implicit`, or with its interface, that is not fitted."""

    @abstractmethod
    def _matrix(self, train: Interactions, ids: Ids) -> sparse.csr_array:
        """What it learns from, float32 CSR (n_users, n_items)."""

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        super()._fit(train, valid, features)
        for known in ("_bags", "_grams"):  # of an earlier fit
            vars(self).pop(known, None)
        matrix = self._matrix(train, features.ids)
        # of the entries that are learned from; the loss and the fold-in of a subclass need it
        self._count = np.bincount(matrix.indices, minlength=matrix.shape[1])
        bags = [self._learn(matrix, bag) for bag in range(self.config.bags)]
        # the product of factors side by side is the sum of the bags' products
        self._item_factors = np.hstack([items for _, items in bags])
        self._user_factors = np.hstack([users for users, _ in bags]) / np.float32(len(bags))

    def _learn(self, matrix: sparse.csr_array, bag: int) -> tuple[np.ndarray, np.ndarray]:
        """Factors (n_users + 1, f) and (n_items, f) from a seed of their own."""
        model = self._learner(seed_for(self.seed, "bag", str(bag)))
        # the library asks for it: BLAS must not divide up what its own threads divide up already
        with threadpool_limits(1, "blas"):
            model.fit(sparse.csr_matrix(matrix), show_progress=False)
        users, items = model.user_factors, model.item_factors
        warm = np.diff(matrix.indptr) > 0
        mean = users[warm].mean(axis=0)
        items[self._count == 0] = 0.0
        return np.vstack([np.where(warm[:, None], users, mean), mean]), items

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        return self._user_factors[user_idx] @ self._item_factors.T

    def item_vectors(self) -> np.ndarray:
        return self._item_factors

    def user_rows(self, user_idx: ArrayLike | None = None) -> np.ndarray:
        return self._user_factors if user_idx is None else self._user_factors[np.asarray(user_idx)]

    def for_users(self, rows: np.ndarray) -> Self:
        return super().for_users(rows)._copy(_user_factors=rows)

    @cached_property
    def _bags(self) -> list[np.ndarray]:
        """Item factors of every bag, float64 (n_items, f), for fold-ins; not to be changed."""
        return np.split(self._item_factors.astype(np.float64), self.config.bags, axis=1)

    def _with_user(self, vectors: list[np.ndarray]) -> Self:
        """A copy in which every user has these factors (f,), one array per bag."""
        vector = (np.concatenate(vectors) / len(vectors)).astype(np.float32)
        return self._copy(_user_factors=for_every_user(vector, self.ids.n_users))
