"""Model `nmf`: the product of two matrices without negative entries, as Surprise's NMF.

rating ≈ q_i·p_u, Luo et al. (2014), "An Efficient Non-Negative Matrix-Factorization-Based Approach
to Collaborative Filtering for Recommender Systems".
"""

from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from reelbench.models.base import Features, Interactions, Section
from reelbench.models.shared.factors import Factors
from reelbench.models.shared.surprise_base import KnownPairsModel, RatingsByUser
from reelbench.models.shared.user_items import NewUser
from reelbench.parallel import CSR, kernel


class NMFConfig(Section):
    """Parameters; the defaults are Surprise's."""

    factors: PositiveInt = 15  # length of the vectors of users and items
    epochs: PositiveInt = 50  # passes over the ratings
    user_regularization: NonNegativeFloat = 0.06  # L2 penalty of the factors of users
    item_regularization: NonNegativeFloat = 0.06  # L2 penalty of the factors of items
    init_max: PositiveFloat = 1.0  # factors start anywhere between 0 and this


class NMF(KnownPairsModel):
    """Surprise's NMF without biases; where user or item is cold or unknown, the mean of train.

    Fold-in: factors by least squares that are not negative, with the penalty per rating that
    Surprise's NMF has; close to those of training.
    """

    Config = NMFConfig
    config: NMFConfig
    stochastic = True

    def _factorise(self, train: Interactions, valid: Interactions, features: Features) -> Factors:
        config, ratings = self.config, RatingsByUser.of(train)
        random = np.random.RandomState(self.seed)
        users, items = (
            random.uniform(0.0, config.init_max, (len(index), config.factors))
            for index in (ratings.users, ratings.items)
        )
        penalties = config.user_regularization, config.item_regularization
        for _ in range(config.epochs):
            _update(ratings.matrix, users, items, penalties)
        mean = float(train.rating.mean(dtype=np.float64))
        return ratings.in_catalogue(self._known_pairs(mean, 0.0, 0.0, users, items), features.ids)

    def _fold_in(self, user: NewUser) -> Self:
        from scipy.optimize import nnls  # 0.2 s that other models need not wait for

        items = self._factors.item_factors[user.items, : -self._markers]
        ridge = np.sqrt(len(items) * self.config.user_regularization) * np.eye(items.shape[1])
        target = np.append(user.ratings, np.zeros(items.shape[1]))
        vector, _ = nnls(np.vstack([items, ridge]), target)
        return self._with_user(0.0, np.append(vector, [-self._factors.mean, 1.0]))


@kernel
def _update(
    ratings: CSR, users: np.ndarray, items: np.ndarray, penalties: tuple[float, float]
) -> None:
    """One multiplicative update of all factors, in place."""
    starts, columns, values = ratings
    up_users, down_users = np.zeros(users.shape), np.zeros(users.shape)
    up_items, down_items = np.zeros(items.shape), np.zeros(items.shape)
    for user in range(len(users)):
        for entry in range(starts[user], starts[user + 1]):
            item, rating, dot = columns[entry], values[entry], 0.0
            for f in range(users.shape[1]):
                dot += items[item, f] * users[user, f]
            for f in range(users.shape[1]):
                up_users[user, f] += items[item, f] * rating
                # the penalty counts once per rating
                down_users[user, f] += items[item, f] * dot + penalties[0] * users[user, f]
                up_items[item, f] += users[user, f] * rating
                down_items[item, f] += users[user, f] * dot + penalties[1] * items[item, f]
    # a factor that is 0 stays 0
    users *= np.where(users != 0, up_users / np.where(users != 0, down_users, 1.0), 0.0)
    items *= np.where(items != 0, up_items / np.where(items != 0, down_items, 1.0), 0.0)
