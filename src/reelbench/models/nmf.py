"""Model `nmf`: the product of two matrices without negative entries (Surprise's NMF).

rating ≈ q_i·p_u, Luo et al. (2014), "An Efficient Non-Negative Matrix-Factorization-Based Approach
to Collaborative Filtering for Recommender Systems".
"""

from __future__ import annotations

from typing import Any

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids
from reelbench.models.shared.factors import Factors
from reelbench.models.shared.surprise_base import SurpriseModel, known_pairs_only, trainset_of
from reelbench.params import Section


class NMFConfig(Section):
    factors: PositiveInt
    epochs: PositiveInt
    #: L2 penalty of the factors of users; of items
    user_regularization: NonNegativeFloat
    item_regularization: NonNegativeFloat
    #: factors start anywhere between 0 and this
    init_max: PositiveFloat


class NMF(SurpriseModel):
    """Surprise's NMF without biases; where user or item is cold or unknown, the mean of train."""

    Config = NMFConfig

    def _factorise(self, train: Interactions, ids: Ids) -> Factors:
        algorithm = self._learn(trainset_of(train, ids))
        return known_pairs_only(
            algorithm,
            ids,
            user_bias=0.0,
            item_bias=0.0,
            user_factors=algorithm.pu,
            item_factors=algorithm.qi,
        )

    def _learn(self, trainset: Any) -> Any:
        from surprise import NMF as SurpriseNMF

        algorithm = SurpriseNMF(
            n_factors=self.config.factors,
            n_epochs=self.config.epochs,
            reg_pu=self.config.user_regularization,
            reg_qi=self.config.item_regularization,
            init_high=self.config.init_max,
            random_state=self.seed,
        )
        return algorithm.fit(trainset)
