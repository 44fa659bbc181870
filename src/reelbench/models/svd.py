"""Model `svd`: matrix factorisation with biases by stochastic gradient descent (Surprise's SVD).

rating ≈ mean + b_u + b_i + q_i·p_u, Koren, Bell & Volinsky (2009), "Matrix Factorization
Techniques for Recommender Systems".
"""

from typing import Any

from reelbench.models.shared.factors import Factors, RidgeFoldIn
from reelbench.models.shared.surprise_base import DescentConfig, SurpriseModel


class SVD(RidgeFoldIn, SurpriseModel):
    """Surprise's SVD; a cold or unknown user or item has no bias and no factors.

    >>> from reelbench.data.interactions import Interactions
    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [5, 3, 4, 2, 1])
    >>> model = SVD(factors=4, epochs=5, seed=1).fit(train)
    >>> model.predict([0, 2], [2, 0]).shape
    (2,)
    >>> model.item_vectors().shape
    (3, 4)
    """

    Config = DescentConfig
    config: DescentConfig

    def _learn(self, trainset: Any) -> Any:
        from surprise import SVD as SurpriseSVD

        return SurpriseSVD(
            n_factors=self.config.factors,
            n_epochs=self.config.epochs,
            lr_all=self.config.learning_rate,
            reg_all=self.config.regularization,
            init_std_dev=self.config.init_std,
            random_state=self.seed,
        ).fit(trainset)

    def _factors_of(self, algorithm: Any) -> Factors:
        mean = float(algorithm.trainset.global_mean)
        return Factors(mean, algorithm.bu, algorithm.bi, algorithm.pu, algorithm.qi)
