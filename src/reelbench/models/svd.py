"""Model `svd`: matrix factorisation with biases by stochastic gradient descent (Surprise's SVD).

rating ≈ mean + b_u + b_i + q_i·p_u, Koren, Bell & Volinsky (2009), "Matrix Factorization
Techniques for Recommender Systems". Surprise learns; its arrays are kept and scored by NumPy.
"""

from __future__ import annotations

from typing import Any

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from reelbench.models.parts.surprise_data import SurpriseModel
from reelbench.params import Section


class SVDConfig(Section):
    factors: PositiveInt
    epochs: PositiveInt
    learning_rate: PositiveFloat
    #: L2 penalty of biases and factors
    regularization: NonNegativeFloat
    #: standard deviation of the factors before the first epoch
    init_std: NonNegativeFloat


class SVD(SurpriseModel):
    """Surprise's SVD; a cold or unknown user or item has no bias and no factors."""

    Config = SVDConfig

    def _learn(self, trainset: Any) -> Any:
        from surprise import SVD as SurpriseSVD

        algorithm = SurpriseSVD(
            n_factors=self.config.factors,
            n_epochs=self.config.epochs,
            lr_all=self.config.learning_rate,
            reg_all=self.config.regularization,
            init_std_dev=self.config.init_std,
            random_state=self.seed,
        )
        return algorithm.fit(trainset)
