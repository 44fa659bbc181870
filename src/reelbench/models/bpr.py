"""Model `bpr`: factors that put a rated movie before one that was not (`implicit`).

Rendle et al. (2009), "BPR: Bayesian Personalized Ranking from Implicit Feedback": stochastic
gradient steps on ln sigmoid(score of a rated movie - score of a random one), with a bias per movie.

The library draws the random movie from all ratings, so a popular one comes up as often as it was
rated, and what is learned tends to ln(share of the user's choices / share of all ratings): the
popularity of a movie cancels out. Adding the logarithm of its number of ratings puts that back, as
in noise-contrastive estimation (Gutmann & Hyvärinen 2010).

Fold-in: for chosen movies i and others j, drawn as often as they have ratings, training lowers the
mean of ln(1 + exp(-d)) + λ|p|²/2, d = p·(q_i - q_j) + b_i - b_j, over pairs step by step. With the
items fixed it is convex in p, and is solved to the end.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from scipy import sparse
from typing_extensions import override

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids
from reelbench.models.shared.factors import FactorRanker, Learner, RankerConfig
from reelbench.models.shared.user_items import NewUser, choices

# movies that stand for all others in a fold-in: at even steps through the choices of train
_OTHERS = 500


class BPRConfig(RankerConfig):
    """Parameters; the defaults are those of `implicit`, without anything added for popularity."""

    #: passes over the ratings
    epochs: PositiveInt = 100
    #: step of the gradient descent
    learning_rate: PositiveFloat = 0.01
    #: L2 penalty of factors and biases, per step
    regularization: NonNegativeFloat = 0.01
    #: smallest rating that counts as a choice; None: every one
    min_rating: float | None = None
    #: weight of ln(1 + ratings of a movie) beside what is learned; 1 is the theory, 0 plain BPR
    popularity_weight: NonNegativeFloat = 0.0


class BPR(FactorRanker):
    """BPR on one thread whatever is configured: the library's threads overwrite each other.

    The last factor of a movie is its bias, and that of a user is 1.
    """

    Config = BPRConfig
    config: BPRConfig

    @override
    def prepare(self) -> None:
        import implicit.cpu.bpr  # noqa: F401

    def _matrix(self, train: Interactions, ids: Ids) -> sparse.csr_array:
        return choices(train, ids, self.config.min_rating)

    def _learn(self, matrix: sparse.csr_array, bag: int) -> tuple[np.ndarray, np.ndarray]:
        users, items = super()._learn(matrix, bag)
        items[:, -1] += self._popularity()
        return users, items

    def _popularity(self) -> np.ndarray:
        """What is added to the learned biases, float64 (n_items,)."""
        return self.config.popularity_weight * np.log1p(self._count)

    def _learner(self, seed: int) -> Learner:
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        learner: Learner = BayesianPersonalizedRanking(
            factors=self.config.factors,
            learning_rate=self.config.learning_rate,
            regularization=self.config.regularization,
            iterations=self.config.epochs,
            num_threads=1,
            random_state=seed,
        )
        return learner

    def _fold_in(self, user: NewUser) -> Self:
        limit = -np.inf if self.config.min_rating is None else self.config.min_rating
        chosen = user.items[user.ratings >= limit]
        if not len(chosen):
            return self._copy()  # in which the unknown user is the mean user
        places = np.linspace(0, self._count.sum() - 1, _OTHERS).astype(np.int64)
        drawn = np.repeat(np.arange(len(self._count)), self._count)[places]
        others = drawn[~np.isin(drawn, chosen)]
        return self._with_user([self._solve(bag, chosen, others) for bag in self._bags()])

    def _solve(self, bag: np.ndarray, chosen: np.ndarray, others: np.ndarray) -> np.ndarray:
        """The user's factors (f,) in one bag, the last of them 1."""
        from scipy.optimize import minimize  # 0.2 s that other models need not wait for
        from scipy.special import expit

        bag[:, -1] -= self._popularity()
        good, bad, penalty = bag[chosen], bag[others], self.config.regularization

        def loss(vector: np.ndarray) -> tuple[float, np.ndarray]:
            full = np.append(vector, 1.0)
            margin = (good @ full)[:, None] - bad @ full
            wrong = expit(-margin) / margin.size
            slope = wrong.sum(axis=0) @ bad - wrong.sum(axis=1) @ good
            value = np.logaddexp(0.0, -margin).mean() + penalty * vector @ vector / 2
            return float(value), slope[:-1] + penalty * vector

        start = np.zeros(bag.shape[1] - 1)
        found = minimize(loss, start, jac=True, method="L-BFGS-B").x if len(bad) else start
        return np.append(found, 1.0)
