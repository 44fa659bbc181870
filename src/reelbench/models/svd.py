"""Model `svd`: matrix factorisation with biases by stochastic gradient descent (Surprise's SVD).

rating ≈ mean + b_u + b_i + q_i·p_u, Koren, Bell & Volinsky (2009), "Matrix Factorization
Techniques for Recommender Systems".
"""

from reelbench.models.base import Features, Interactions
from reelbench.models.shared.factors import Factors, RidgeFoldIn
from reelbench.models.shared.surprise_base import DescentConfig, RatingsByUser, trainset_of


class SVD(RidgeFoldIn):
    """Surprise's SVD; a cold or unknown user or item has no bias and no factors.

    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [5, 3, 4, 2, 1])
    >>> model = SVD(factors=4, epochs=5, seed=1).fit(train)
    >>> model.predict([0, 2], [2, 0]).shape
    (2,)
    >>> model.item_vectors().shape
    (3, 4)
    """

    config: DescentConfig
    stochastic = True

    def prepare(self) -> None:
        import surprise  # noqa: F401

    def _factorise(self, train: Interactions, valid: Interactions, features: Features) -> Factors:
        from surprise import SVD as SurpriseSVD

        learned = SurpriseSVD(
            n_factors=self.config.factors,
            n_epochs=self.config.epochs,
            lr_all=self.config.learning_rate,
            reg_all=self.config.regularization,
            init_std_dev=self.config.init_std,
            random_state=self.seed,
        ).fit(trainset := trainset_of(train, features.ids))
        mean = float(trainset.global_mean)
        factors = Factors(mean, learned.bu, learned.bi, learned.pu, learned.qi)
        return RatingsByUser.of(train).in_catalogue(factors, features.ids)
