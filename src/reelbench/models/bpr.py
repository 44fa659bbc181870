"""Model `bpr`: factors that put a rated movie before one that was not (`implicit`).

Rendle et al. (2009), "BPR: Bayesian Personalized Ranking from Implicit Feedback": stochastic
gradient steps on ln sigmoid(score of a rated movie - score of a random one), with a bias per movie.

The library draws the random movie from all ratings, so a popular one comes up as often as it was
rated, and what is learned tends to ln(share of the user's choices / share of all ratings): the
popularity of a movie cancels out. Adding the logarithm of its number of ratings puts that back, as
in noise-contrastive estimation (Gutmann & Hyvärinen 2010).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids
from reelbench.models.shared.factors import FactorRanker, FactorRankerConfig
from reelbench.models.shared.user_items import choices


class BPRConfig(FactorRankerConfig):
    learning_rate: PositiveFloat
    #: L2 penalty of factors and biases, per step
    regularization: NonNegativeFloat
    #: smallest rating that counts as a choice; None: every one
    min_rating: float | None
    #: weight of ln(1 + ratings of a movie) beside what is learned; 1 is the theory, 0 plain BPR
    popularity_weight: NonNegativeFloat


class BPR(FactorRanker):
    """BPR on one thread whatever is configured: the library's threads overwrite each other."""

    Config = BPRConfig

    def prepare(self) -> None:
        import implicit.cpu.bpr  # noqa: F401

    def _matrix(self, train: Interactions, ids: Ids) -> sparse.csr_array:
        return choices(train, ids, self.config.min_rating)

    def _learn(self, matrix: sparse.csr_array, bag: int) -> tuple[np.ndarray, np.ndarray]:
        users, items = super()._learn(matrix, bag)
        count = np.bincount(matrix.indices, minlength=len(items))
        # the last factor of a movie is its bias, that of a user is 1
        items[:, -1] += self.config.popularity_weight * np.log1p(count)
        return users, items

    def _untrained(self, seed: int) -> Any:
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        return BayesianPersonalizedRanking(
            factors=self.config.factors,
            learning_rate=self.config.learning_rate,
            regularization=self.config.regularization,
            iterations=self.config.epochs,
            num_threads=1,
            random_state=seed,
        )
