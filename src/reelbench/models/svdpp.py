"""Model `svdpp`: SVD with what a user has rated, whatever the rating: the SVD++ of Surprise.

rating ≈ mean + b_u + b_i + q_i·(p_u + |N(u)|^-½ Σ_{j ∈ N(u)} y_j), Koren (2008), "Factorization
Meets the Neighborhood".

At every rating all y_j of what the user has rated take the same step, y ← (1 - γλ)·y + v. Each is
kept as scale · y + shift while a user's ratings are gone through: Surprise's results, in time that
grows with the number of ratings alone.
"""

import numpy as np
from pydantic import PositiveFloat, PositiveInt
from scipy import sparse

from reelbench.models.base import Features, Interactions
from reelbench.models.shared.factors import Factors, RidgeFoldIn
from reelbench.models.shared.surprise_base import DescentConfig, RatingsByUser
from reelbench.parallel import CSR, kernel


class SVDppConfig(DescentConfig):
    """As SVD, with the defaults of Surprise's SVD++."""

    factors: PositiveInt = 20  # length of the vectors of users and items
    learning_rate: PositiveFloat = 0.007  # step of the gradient descent


class SVDpp(RidgeFoldIn):
    """SVD++ on one thread; a cold or unknown user or item has no bias and no factors.

    N(u) is known once train is, so its sum is stored within the user's factors.
    """

    config: SVDppConfig
    stochastic = True

    def _factorise(self, train: Interactions, valid: Interactions, features: Features) -> Factors:
        config, ratings = self.config, RatingsByUser.of(train)
        random = np.random.RandomState(self.seed)
        mean = float(train.rating.mean(dtype=np.float64))
        user_bias, item_bias = np.zeros(len(ratings.users)), np.zeros(len(ratings.items))
        users, items, implicit = (
            random.normal(0.0, config.init_std, (len(index), config.factors))
            for index in (ratings.users, ratings.items, ratings.items)
        )
        steps = config.learning_rate, config.regularization
        for _ in range(config.epochs):
            _descend(ratings.matrix, mean, steps, user_bias, item_bias, users, items, implicit)
        starts, columns, _ = ratings.matrix
        rated = sparse.csr_array((np.ones(len(columns)), columns, starts), (len(users), len(items)))
        users += rated @ implicit / np.sqrt(np.diff(starts))[:, None]
        return ratings.in_catalogue(Factors(mean, user_bias, item_bias, users, items), features.ids)


@kernel
def _descend(
    ratings: CSR,
    mean: float,
    steps: tuple[float, float],
    user_bias: np.ndarray,
    item_bias: np.ndarray,
    users: np.ndarray,
    items: np.ndarray,
    implicit: np.ndarray,
) -> None:
    """One epoch of stochastic gradient descent, in place; steps: learning rate and penalty."""
    starts, columns, values = ratings
    rate, penalty = steps
    n_factors = users.shape[1]
    total, shift = np.empty(n_factors), np.empty(n_factors)
    for user in range(len(users)):
        own = columns[starts[user] : starts[user + 1]]
        root = np.sqrt(len(own))
        total[:] = 0.0
        for item in own:
            for f in range(n_factors):
                total[f] += implicit[item, f]
        scale = 1.0
        shift[:] = 0.0
        for entry in range(starts[user], starts[user + 1]):
            item, dot = columns[entry], 0.0
            for f in range(n_factors):
                feedback = (scale * total[f] + len(own) * shift[f]) / root
                dot += items[item, f] * (users[user, f] + feedback)
            error = values[entry] - (mean + user_bias[user] + item_bias[item] + dot)
            user_bias[user] += rate * (error - penalty * user_bias[user])
            item_bias[item] += rate * (error - penalty * item_bias[item])
            for f in range(n_factors):
                of_user, of_item = users[user, f], items[item, f]
                feedback = (scale * total[f] + len(own) * shift[f]) / root
                users[user, f] += rate * (error * of_item - penalty * of_user)
                items[item, f] += rate * (error * (of_user + feedback) - penalty * of_item)
                shift[f] += rate * (error * of_item / root - penalty * shift[f])
            scale -= rate * penalty * scale
        for item in own:
            for f in range(n_factors):
                implicit[item, f] = scale * implicit[item, f] + shift[f]
