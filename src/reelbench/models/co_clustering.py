"""Model `co_clustering`: clusters of users and of items (Surprise's CoClustering).

rating ≈ mean of the co-cluster + how far the user (item) is above its cluster's mean: George &
Merugu (2005), "A Scalable Collaborative Filtering Framework Based on Co-Clustering".
"""

from dataclasses import replace

import numpy as np
from pydantic import PositiveInt

from reelbench.models.base import Features, Interactions, Section
from reelbench.models.shared.factors import FactorModel, Factors
from reelbench.models.shared.surprise_base import RatingsByUser, known_pairs, trainset_of

# Surprise cuts a rating down to a whole number here: 4.5 stars count as 4. Times one of these, the
# ratings of a usual scale are whole; the last rounds to four decimals
_SCALES = (1, 2, 10, 100, 1000, 10_000)


class CoClusteringConfig(Section):
    """Parameters; the defaults are Surprise's."""

    user_clusters: PositiveInt = 3  # number of clusters of users
    item_clusters: PositiveInt = 3  # number of clusters of items
    epochs: PositiveInt = 20  # rounds of assigning users and items to clusters


class CoClustering(FactorModel):
    """Surprise's CoClustering, with half stars counted as such.

    Where user or item is cold or unknown it answers the mean of train, as Surprise's code does.
    """

    config: CoClusteringConfig
    stochastic = True
    _markers = 2  # see `known_pairs`

    def prepare(self) -> None:
        import surprise  # noqa: F401

    def _factorise(self, train: Interactions, valid: Interactions, features: Features) -> Factors:
        from surprise import CoClustering as SurpriseCoClustering

        scale = _scale(train.rating)
        whole = replace(train, rating=np.round(train.rating * scale))
        learned = SurpriseCoClustering(
            n_cltr_u=self.config.user_clusters,
            n_cltr_i=self.config.item_clusters,
            n_epochs=self.config.epochs,
            random_state=self.seed,
        ).fit(trainset := trainset_of(whole, features.ids))
        users, items = learned.cltr_u, learned.cltr_i
        factors = known_pairs(
            float(trainset.global_mean),
            user_bias=learned.user_mean - learned.avg_cltr_u[users],
            item_bias=learned.item_mean - learned.avg_cltr_i[items],
            user_factors=learned.avg_cocltr[users],
            item_factors=np.eye(self.config.item_clusters)[items],
        )
        # what a co-clustering knows is all in the factors of users, and the mean
        mean, of_users = factors.mean * (1 / scale), factors.user_factors * (1 / scale)
        factors = replace(factors, mean=mean, user_factors=of_users)
        return RatingsByUser.of(train).in_catalogue(factors, features.ids)


def _scale(rating: np.ndarray) -> int:
    """Smallest of the scales that makes all ratings whole numbers, else the largest."""
    scaled = ((scale, rating.astype(np.float64) * scale) for scale in _SCALES)
    whole = (n for n, x in scaled if np.allclose(x, np.round(x), rtol=0.0, atol=1e-4))
    return next(whole, _SCALES[-1])
