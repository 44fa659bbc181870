"""Ratings in Surprise's form, and what Surprise learned in the order of our catalogue."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import pandas as pd
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from reelbench.columns import ITEM_IDX, RATING, USER_IDX
from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids
from reelbench.models.shared.factors import FactorModel, Factors
from reelbench.params import Section


class SurpriseModel(FactorModel):
    """Surprise learns (`_learn`); its arrays are kept and scored by NumPy."""

    def prepare(self) -> None:
        """Import Surprise."""
        import surprise  # noqa: F401

    @abstractmethod
    def _learn(self, trainset: Any) -> Any:
        """Surprise's algorithm, fitted."""

    def _factorise(self, train: Interactions, ids: Ids) -> Factors:
        return biased_factors(self._learn(trainset_of(train, ids)), ids)


class DescentConfig(Section):
    """What Surprise's SVD and SVD++ are told, which learn by stochastic gradient descent."""

    factors: PositiveInt
    epochs: PositiveInt
    learning_rate: PositiveFloat
    #: L2 penalty of biases and factors
    regularization: NonNegativeFloat
    #: standard deviation of the factors before the first epoch
    init_std: NonNegativeFloat

    def arguments(self, seed: int) -> dict[str, Any]:
        """These parameters under the names that Surprise has for them."""
        return {
            "n_factors": self.factors,
            "n_epochs": self.epochs,
            "lr_all": self.learning_rate,
            "reg_all": self.regularization,
            "init_std_dev": self.init_std,
            "random_state": seed,
        }


def trainset_of(train: Interactions, ids: Ids) -> Any:
    """Surprise's own form of the ratings."""
    from surprise import Dataset, Reader

    columns = {USER_IDX: train.user_idx, ITEM_IDX: train.item_idx, RATING: train.rating}
    reader = Reader(rating_scale=(ids.rating_min, ids.rating_max))
    return Dataset.load_from_df(pd.DataFrame(columns), reader).build_full_trainset()


def inner_order(trainset: Any) -> tuple[list[int], list[int]]:
    """Indices of the catalogue in the order in which Surprise numbers users and items."""
    users = [trainset.to_raw_uid(inner) for inner in trainset.all_users()]
    items = [trainset.to_raw_iid(inner) for inner in trainset.all_items()]
    return users, items


def spread(values: np.ndarray, index: list[int], size: int) -> np.ndarray:
    """Values put at `index` of an array with `size` rows, zeros elsewhere."""
    spread = np.zeros((size, *values.shape[1:]))
    spread[index] = values
    return spread


def biased_factors(algorithm: Any, ids: Ids, user_factors: np.ndarray | None = None) -> Factors:
    """mean + b_u + b_i + q_i·p_u; a cold or unknown user or item has no bias and no factors.

    Args:
        algorithm: fitted, with Surprise's `bu`, `bi`, `pu` and `qi`.
        user_factors: what to take for `pu`, in Surprise's order.
    """
    users, items = inner_order(algorithm.trainset)
    n_users, n_items = ids.n_users + 1, ids.n_items + 1
    return Factors(
        float(algorithm.trainset.global_mean),
        spread(algorithm.bu, users, n_users),
        spread(algorithm.bi, items, n_items),
        spread(algorithm.pu if user_factors is None else user_factors, users, n_users),
        spread(algorithm.qi, items, n_items),
    )


def known_pairs_only(
    algorithm: Any,
    ids: Ids,
    *,
    user_bias: np.ndarray | float,
    item_bias: np.ndarray | float,
    user_factors: np.ndarray,
    item_factors: np.ndarray,
) -> Factors:
    """b_u + b_i + q_i·p_u where user and item are both in train, the mean rating everywhere else.

    Two more factors do it: (b_u - mean)·1 and 1·b_i, with 0 for the 1 of who is not in train.

    Args:
        user_bias, item_bias, user_factors, item_factors: in Surprise's order.
    """
    users, items = inner_order(algorithm.trainset)
    mean = float(algorithm.trainset.global_mean)
    of_users = [user_factors, np.broadcast_to(user_bias - mean, len(users)), np.ones(len(users))]
    of_items = [item_factors, np.ones(len(items)), np.broadcast_to(item_bias, len(items))]
    n_users, n_items = ids.n_users + 1, ids.n_items + 1
    return Factors(
        mean,
        np.zeros(n_users),
        np.zeros(n_items),
        spread(np.column_stack(of_users), users, n_users),
        spread(np.column_stack(of_items), items, n_items),
    )
