"""Model `ials`: factors of users and movies by weighted least squares in turn (`implicit`).

Hu, Koren & Volinsky (2008), "Collaborative Filtering for Implicit Feedback Datasets": every pair
counts, one that was rated as a 1 with a confidence that grows with the rating, any other as a 0
with confidence 1. The
penalty decides how good it is: Rendle et al. (2022), "Revisiting the Performance of iALS on Item
Recommendation Benchmarks".
"""

from __future__ import annotations

from typing import Any

from pydantic import NonNegativeFloat, PositiveFloat
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids
from reelbench.models.shared.factors import FactorRanker, FactorRankerConfig
from reelbench.models.shared.user_items import preferences


class IALSConfig(FactorRankerConfig):
    #: L2 penalty of the factors, in ratings
    regularization: NonNegativeFloat
    #: confidence in a pair with the highest rating, where one that was not rated has 1
    alpha: PositiveFloat
    #: how much more a high rating counts than a low one; 0: all have the confidence `alpha`
    rating_power: NonNegativeFloat


class IALS(FactorRanker):
    """Implicit ALS; rows of factors are solved for one by one, so threads do not show."""

    Config = IALSConfig

    def prepare(self) -> None:
        import implicit.cpu.als  # noqa: F401

    def _matrix(self, train: Interactions, ids: Ids) -> sparse.csr_array:
        return preferences(train, ids, self.config.rating_power)

    def _untrained(self, seed: int) -> Any:
        from implicit.cpu.als import AlternatingLeastSquares

        return AlternatingLeastSquares(
            factors=self.config.factors,
            regularization=self.config.regularization,
            alpha=self.config.alpha,
            iterations=self.config.epochs,
            num_threads=self.threads,
            random_state=seed,
        )
