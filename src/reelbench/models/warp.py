"""Model `warp`: factors that put a rated movie before others, and near the top of the list.

Weston, Bengio & Usunier (2011), "WSABIE: Scaling Up To Large Vocabulary Image Annotation", in the
form of LightFM: for a rated movie others are drawn until one that the user has not rated scores
more than the rated one less a margin of 1. The number of draws tells roughly at which place of the
list the rated movie stands, and the step weighs ln(place). A movie has a bias. Here a step is taken
per batch of ratings, and steps shrink as in Adagrad (Duchi et al. 2011).
"""

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from scipy import sparse

from reelbench.models.base import Ids, Interactions
from reelbench.models.shared.factors import FactorRanker, RankerConfig
from reelbench.models.shared.user_items import choices

_MARGIN = 1.0
_LARGEST_WEIGHT = 10.0  # LightFM's bound of a step's weight; ln(place) reaches it at 22,000 movies


class WARPConfig(RankerConfig):
    """Parameters; the defaults are those of LightFM, as far as it has them."""

    factors: PositiveInt = 10  # length of the vectors of users and items
    epochs: PositiveInt = 20  # passes over the ratings
    learning_rate: PositiveFloat = 0.05  # step of the gradient descent
    regularization: NonNegativeFloat = 0.0  # L2 penalty of factors and biases, per step
    max_draws: PositiveInt = 10  # movies drawn for a rated one until one comes too near, at most
    #: exponent on the number of a movie's ratings in the chance that it is drawn: 0, the same for
    #: all, is Weston's, 1 LightFM's
    draw_power: NonNegativeFloat = 1.0
    batch_size: PositiveInt = 1024  # ratings per step
    min_rating: float | None = None  # smallest rating that counts as a choice; None: every one


class WARP(FactorRanker):
    """WARP on one thread, without a fold-in; memory beside the factors: 8 bytes per rating.

    A movie without a choice in train, which is never drawn, has the lowest bias and no factors.
    """

    config: WARPConfig

    def _matrix(self, train: Interactions, ids: Ids) -> sparse.csr_array:
        return choices(train, ids, self.config.min_rating)

    def _learn(self, matrix: sparse.csr_array, bag: int) -> tuple[np.ndarray, np.ndarray]:
        users, items = super()._learn(matrix, bag)
        cold = self._count == 0
        # the last factor of a movie is its bias, that of a user is 1
        items[cold, -1] = items[~cold, -1].min()
        return users, items

    def _learner(self, seed: int) -> "WARPLearner":
        return WARPLearner(self.config, seed)


class WARPLearner:
    """Factors as they are learned, float32 (n, factors + 1); the last are 1 and items' biases."""

    def __init__(self, config: WARPConfig, seed: int) -> None:
        self._config = config
        self._random = np.random.default_rng(seed)

    def fit(self, matrix: sparse.csr_matrix, show_progress: bool = False) -> None:
        """Learn from the entries of a CSR matrix (n_users, n_items)."""
        n_users, n_items = matrix.shape
        self._n_items = n_items
        self.user_factors = self._initial(n_users, 1.0)
        self.item_factors = self._initial(n_items, 0.0)
        self._user_squares = np.ones_like(self.user_factors)
        self._item_squares = np.ones_like(self.item_factors)
        users = np.repeat(np.arange(n_users), np.diff(matrix.indptr))
        items = matrix.indices.astype(np.int64)
        self._chosen = np.sort(users * np.int64(n_items) + items)
        # a movie without a rating has the chance 0, whatever the exponent
        count = np.bincount(items, minlength=n_items).astype(np.float64)
        weight = np.power(count, self._config.draw_power, where=count > 0, out=np.zeros(n_items))
        self._chance = np.cumsum(weight) / weight.sum()
        for _ in range(self._config.epochs):
            order = self._random.permutation(len(users))
            for start in range(0, len(order), self._config.batch_size):
                batch = order[start : start + self._config.batch_size]
                self._step(users[batch], items[batch])

    def _initial(self, rows: int, last: float) -> np.ndarray:
        """Small random factors, as LightFM's, and the last column."""
        width = self._config.factors
        factors = (self._random.random((rows, width)) - 0.5) / width
        return np.column_stack([factors, np.full(rows, last)]).astype(np.float32)

    def _step(self, users: np.ndarray, rated: np.ndarray) -> None:
        other, draws = self._violators(users, rated)
        found = other >= 0
        users, rated, other, draws = users[found], rated[found], other[found], draws[found]
        place = np.maximum(1, (self._n_items - 1) // np.maximum(1, draws))
        weight = np.minimum(np.log(place), _LARGEST_WEIGHT).astype(np.float32)[:, None]
        own = self.user_factors[users]
        difference = self.item_factors[rated] - self.item_factors[other]
        penalty = np.float32(self._config.regularization)
        toward = weight * difference - penalty * own
        toward[:, -1] = 0.0  # the 1 of a user stays
        both = np.concatenate([rated, other])
        apart = np.vstack([weight * own, -weight * own]) - penalty * self.item_factors[both]
        self._move(self.user_factors, self._user_squares, users, toward)
        self._move(self.item_factors, self._item_squares, both, apart)

    def _violators(self, users: np.ndarray, rated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A movie that comes too near each rated one, -1 where none was drawn; and the draws."""
        own = self.user_factors[users]
        bound = np.einsum("nf,nf->n", own, self.item_factors[rated]) - _MARGIN
        other, draws = np.full(len(users), -1), np.zeros(len(users), dtype=np.int64)
        open_ = np.arange(len(users))
        for draw in range(1, self._config.max_draws + 1):
            drawn = self._drawn(len(open_))
            score = np.einsum("nf,nf->n", own[open_], self.item_factors[drawn])
            pairs = users[open_] * np.int64(self._n_items) + drawn
            place = np.minimum(np.searchsorted(self._chosen, pairs), len(self._chosen) - 1)
            bad = (score > bound[open_]) & (self._chosen[place] != pairs)
            other[open_[bad]], draws[open_[bad]] = drawn[bad], draw
            open_ = open_[~bad]
        return other, draws

    def _drawn(self, n: int) -> np.ndarray:
        place = np.searchsorted(self._chance, self._random.random(n), side="right")
        return np.minimum(place, self._n_items - 1)

    def _move(
        self, factors: np.ndarray, squares: np.ndarray, rows: np.ndarray, gradient: np.ndarray
    ) -> None:
        """Ascend; a row that is there several times moves by the sum of its gradients."""
        np.add.at(squares, rows, gradient**2)
        unique, place = np.unique(rows, return_inverse=True)
        total = np.zeros((len(unique), gradient.shape[1]), dtype=np.float32)
        np.add.at(total, place, gradient)
        factors[unique] += self._config.learning_rate * total / np.sqrt(squares[unique])
