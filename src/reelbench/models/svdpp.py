"""Model `svdpp`: SVD with what a user has rated, whatever the rating (Surprise's SVD++).

rating ≈ mean + b_u + b_i + q_i·(p_u + |N(u)|^-½ Σ_{j ∈ N(u)} y_j), Koren (2008), "Factorization
Meets the Neighborhood". An epoch takes the sum of squares of the users' numbers of ratings.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids
from reelbench.models.shared.factors import Factors
from reelbench.models.shared.surprise_base import (
    DescentConfig,
    SurpriseModel,
    biased_factors,
    trainset_of,
)


class SVDpp(SurpriseModel):
    """Surprise's SVD++; a cold or unknown user or item has no bias and no factors.

    N(u) is known once train is, so its sum is stored within the user's factors.
    """

    Config = DescentConfig

    def _factorise(self, train: Interactions, ids: Ids) -> Factors:
        algorithm = self._learn(trainset_of(train, ids))
        return biased_factors(algorithm, ids, algorithm.pu + _implicit(algorithm))

    def _learn(self, trainset: Any) -> Any:
        from surprise import SVDpp as SurpriseSVDpp

        algorithm = SurpriseSVDpp(**self.config.arguments(self.seed), cache_ratings=True)
        return algorithm.fit(trainset)


def _implicit(algorithm: Any) -> np.ndarray:
    """|N(u)|^-½ Σ y_j per user, float64 (users of train, f)."""
    trainset = algorithm.trainset
    rated = ([item for item, _ in trainset.ur[user]] for user in trainset.all_users())
    return np.stack([algorithm.yj[items].sum(axis=0) / np.sqrt(len(items)) for items in rated])
