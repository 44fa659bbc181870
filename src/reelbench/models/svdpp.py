"""Model `svdpp`: SVD with what a user has rated, whatever the rating (Surprise's SVD++).

rating ≈ mean + b_u + b_i + q_i·(p_u + |N(u)|^-½ Σ_{j ∈ N(u)} y_j), Koren (2008), "Factorization
Meets the Neighborhood". An epoch takes the sum of squares of the users' numbers of ratings.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from reelbench.models.shared.factors import Factors, RidgeFoldIn
from reelbench.models.shared.surprise_base import (
    BiasedFactorisation,
    DescentConfig,
    SurpriseModel,
    Trainset,
    biased_factors,
)


class SVDppConfig(DescentConfig):
    """As SVD, with the defaults of Surprise's SVD++."""

    #: length of the vectors of users and items
    factors: PositiveInt = 20
    #: step of the gradient descent
    learning_rate: PositiveFloat = 0.007


class _Algorithm(BiasedFactorisation, Protocol):
    """SVD++: `yj` is what the rating of an item says of its user."""

    yj: np.ndarray


class SVDpp(RidgeFoldIn, SurpriseModel[_Algorithm]):
    """Surprise's SVD++; a cold or unknown user or item has no bias and no factors.

    N(u) is known once train is, so its sum is stored within the user's factors.
    """

    Config = SVDppConfig
    config: SVDppConfig

    def _learn(self, trainset: Trainset) -> _Algorithm:
        from surprise import SVDpp as SurpriseSVDpp

        settings = self.config.arguments(self.seed)
        algorithm: _Algorithm = SurpriseSVDpp(**settings, cache_ratings=True).fit(trainset)
        return algorithm

    def _factors_of(self, algorithm: _Algorithm) -> Factors:
        return biased_factors(algorithm, algorithm.pu + _implicit(algorithm))


def _implicit(algorithm: _Algorithm) -> np.ndarray:
    """|N(u)|^-½ Σ y_j per user, float64 (users of train, f)."""
    trainset = algorithm.trainset
    rated = ([item for item, _ in trainset.ur[user]] for user in trainset.all_users())
    return np.stack([algorithm.yj[items].sum(axis=0) / np.sqrt(len(items)) for items in rated])
