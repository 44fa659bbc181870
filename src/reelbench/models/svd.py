"""Model `svd`: matrix factorisation with biases by stochastic gradient descent (Surprise's SVD).

rating ≈ mean + b_u + b_i + q_i·p_u, Koren, Bell & Volinsky (2009), "Matrix Factorization
Techniques for Recommender Systems". Surprise learns; its arrays are kept and scored by NumPy.
"""

from __future__ import annotations

from typing import Any

from reelbench.models.shared.surprise_base import DescentConfig, SurpriseModel


class SVD(SurpriseModel):
    """Surprise's SVD; a cold or unknown user or item has no bias and no factors."""

    Config = DescentConfig

    def _learn(self, trainset: Any) -> Any:
        from surprise import SVD as SurpriseSVD

        return SurpriseSVD(**self.config.arguments(self.seed)).fit(trainset)
