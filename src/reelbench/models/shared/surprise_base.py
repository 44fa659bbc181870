"""Models of Surprise: ratings in its order, and its arrays in the order of our catalogue."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from reelbench.columns import ITEM_IDX, RATING, USER_IDX
from reelbench.models.base import Ids, Interactions, Section
from reelbench.models.shared.factors import Factors
from reelbench.models.shared.user_items import spread
from reelbench.parallel import CSR


def known_pairs(
    mean: float,
    user_bias: np.ndarray | float,
    item_bias: np.ndarray | float,
    user_factors: np.ndarray,
    item_factors: np.ndarray,
) -> Factors:
    """b_u + b_i + q_i·p_u where user and item are both in train, the mean everywhere else.

    Two more factors do it: (b_u - mean)·1 and 1·b_i, with 0 for the 1 of those not in train.
    """
    n_users, n_items = len(user_factors), len(item_factors)
    of_users = [user_factors, np.broadcast_to(user_bias - mean, n_users), np.ones(n_users)]
    of_items = [item_factors, np.ones(n_items), np.broadcast_to(item_bias, n_items)]
    users, items = np.column_stack(of_users), np.column_stack(of_items)
    return Factors(mean, np.zeros(n_users), np.zeros(n_items), users, items)


class DescentConfig(Section):
    """Parameters of Surprise's SVD and SVD++, which learn by stochastic gradient descent."""

    factors: PositiveInt = 100  # length of the vectors of users and items
    epochs: PositiveInt = 20  # passes over the ratings
    learning_rate: PositiveFloat = 0.005  # step of the gradient descent
    regularization: NonNegativeFloat = 0.02  # L2 penalty of biases and factors
    init_std: NonNegativeFloat = 0.1  # standard deviation of the factors before the first epoch


@dataclass(frozen=True)
class RatingsByUser:
    """Ratings in the order in which Surprise goes through them: users and items as they appear."""

    users: np.ndarray  # `user_idx` of the rows, and
    items: np.ndarray  # `item_idx` of the columns, in the order in which they first appear in train
    matrix: CSR  # starts of the rows, columns and float64 ratings of all rows, one after the other

    @classmethod
    def of(cls, train: Interactions) -> Self:
        """The ratings of train."""
        row, users = pd.factorize(train.user_idx)
        column, items = pd.factorize(train.item_idx)
        order = np.argsort(row, kind="stable")
        starts = np.append(0, np.cumsum(np.bincount(row)))
        values = train.rating[order].astype(np.float64)
        return cls(users, items, (starts, column[order].astype(np.int32), values))

    def in_catalogue(self, factors: Factors, ids: Ids) -> Factors:
        """Rows in the order of the catalogue; zeros for the unknown and for those not in train."""
        return Factors(
            factors.mean,
            spread(factors.user_bias, self.users, ids.n_users),
            spread(factors.item_bias, self.items, ids.n_items),
            spread(factors.user_factors, self.users, ids.n_users),
            spread(factors.item_factors, self.items, ids.n_items),
        )


def trainset_of(train: Interactions, ids: Ids) -> Any:
    """Surprise's own form of the ratings."""
    from surprise import Dataset, Reader

    columns = {USER_IDX: train.user_idx, ITEM_IDX: train.item_idx, RATING: train.rating}
    reader = Reader(rating_scale=(ids.rating_min, ids.rating_max))
    return Dataset.load_from_df(pd.DataFrame(columns), reader).build_full_trainset()
