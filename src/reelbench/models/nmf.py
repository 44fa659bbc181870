"""Model `nmf`: the product of two matrices without negative entries (Surprise's NMF).

rating ≈ q_i·p_u, Luo et al. (2014), "An Efficient Non-Negative Matrix-Factorization-Based Approach
to Collaborative Filtering for Recommender Systems".
"""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from reelbench.models.shared.factors import Factors
from reelbench.models.shared.surprise_base import Factorisation, KnownPairsModel, Trainset
from reelbench.models.shared.user_items import NewUser
from reelbench.params import Section


class NMFConfig(Section):
    """Parameters; the defaults are Surprise's."""

    #: length of the vectors of users and items
    factors: PositiveInt = 15
    #: passes over the ratings
    epochs: PositiveInt = 50
    #: L2 penalty of the factors of users
    user_regularization: NonNegativeFloat = 0.06
    #: L2 penalty of the factors of items
    item_regularization: NonNegativeFloat = 0.06
    #: factors start anywhere between 0 and this
    init_max: PositiveFloat = 1.0


class NMF(KnownPairsModel[Factorisation]):
    """Surprise's NMF without biases; where user or item is cold or unknown, the mean of train.

    Fold-in: factors by least squares that are not negative, with the penalty per rating that
    Surprise's NMF has; close to those of training.
    """

    Config = NMFConfig
    config: NMFConfig

    def _learn(self, trainset: Trainset) -> Factorisation:
        from surprise import NMF as SurpriseNMF

        algorithm: Factorisation = SurpriseNMF(
            n_factors=self.config.factors,
            n_epochs=self.config.epochs,
            reg_pu=self.config.user_regularization,
            reg_qi=self.config.item_regularization,
            init_high=self.config.init_max,
            random_state=self.seed,
        ).fit(trainset)
        return algorithm

    def _factors_of(self, algorithm: Factorisation) -> Factors:
        return self._known_pairs(algorithm.trainset, 0.0, 0.0, algorithm.pu, algorithm.qi)

    def _fold_in(self, user: NewUser) -> Self:
        from scipy.optimize import nnls  # 0.2 s that other models need not wait for

        items = self._factors.item_factors[user.items, : -self._markers]
        ridge = np.sqrt(len(items) * self.config.user_regularization) * np.eye(items.shape[1])
        target = np.append(user.ratings, np.zeros(items.shape[1]))
        vector, _ = nnls(np.vstack([items, ridge]), target)
        return self._with_user(0.0, np.append(vector, [-self._factors.mean, 1.0]))
