"""Model `bpr`: factors that put a rated movie before one that was not (`implicit`).

Rendle et al. (2009), "BPR: Bayesian Personalized Ranking from Implicit Feedback": stochastic
gradient steps on ln sigmoid(score of a rated movie - score of a random one), with a bias per
movie.
"""

from __future__ import annotations

from typing import Any

from pydantic import NonNegativeFloat, PositiveFloat
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids
from reelbench.models.factor_ranker import FactorRanker, FactorRankerConfig
from reelbench.models.profiles import choices


class BPRConfig(FactorRankerConfig):
    learning_rate: PositiveFloat
    #: L2 penalty of factors and biases, per step
    regularization: NonNegativeFloat
    #: smallest rating that counts as a choice; None: every one
    min_rating: float | None


class BPR(FactorRanker):
    """BPR on one thread whatever is configured: the library's threads overwrite each other."""

    Config = BPRConfig

    def prepare(self) -> None:
        import implicit.cpu.bpr  # noqa: F401

    def _matrix(self, train: Interactions, ids: Ids) -> sparse.csr_array:
        return choices(train, ids, self.config.min_rating)

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
