"""Models that Surprise trains: ratings in its form, and its arrays in the order of our catalogue.

Surprise learns (`_learn`); its arrays are kept and scored by NumPy. The protocols name what is read
of Surprise's objects, which have no types of their own.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Generic, Protocol, TypeVar

import numpy as np
import pandas as pd
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from reelbench.columns import ITEM_IDX, RATING, USER_IDX
from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.shared.factors import FactorModel, Factors
from reelbench.params import Section


class Trainset(Protocol):
    """Surprise's own form of the ratings; `ur` holds (item, rating) pairs of each user."""

    global_mean: float
    ur: dict[int, list[tuple[int, float]]]

    def all_users(self) -> Iterable[int]:
        """Surprise's indices of the users."""

    def all_items(self) -> Iterable[int]:
        """Surprise's indices of the items."""

    def to_raw_uid(self, inner: int) -> int:
        """`user_idx` of an index of Surprise's."""

    def to_raw_iid(self, inner: int) -> int:
        """`item_idx` of an index of Surprise's."""


class Algorithm(Protocol):
    """A fitted algorithm."""

    trainset: Trainset


class Factorisation(Algorithm, Protocol):
    """Factors of users and items, in Surprise's order as all arrays."""

    pu: np.ndarray
    qi: np.ndarray


class BiasedFactorisation(Factorisation, Protocol):
    """The same with biases."""

    bu: np.ndarray
    bi: np.ndarray


Fitted = TypeVar("Fitted", bound=Algorithm)


class SurpriseModel(FactorModel, Generic[Fitted]):
    """Base of the models that Surprise trains, by the kind of its algorithm."""

    def prepare(self) -> None:
        """Import Surprise."""
        import surprise  # noqa: F401

    @abstractmethod
    def _learn(self, trainset: Trainset) -> Fitted:
        """Surprise's algorithm, fitted."""

    @abstractmethod
    def _factors_of(self, algorithm: Fitted) -> Factors:
        """What it learned, a row per user and item of train in Surprise's order."""

    def _factorise(self, train: Interactions, valid: Interactions, features: Features) -> Factors:
        algorithm = self._learn(trainset_of(train, features.ids))
        return _in_catalogue(self._factors_of(algorithm), algorithm.trainset, features.ids)


class KnownPairsModel(SurpriseModel[Fitted]):
    """Predicts where user and item are both in train, and the mean rating everywhere else.

    Two more factors do it: (b_u - mean)·1 and 1·b_i, with 0 for the 1 of those not in train.
    """

    _markers: ClassVar[int] = 2

    @staticmethod
    def _known_pairs(
        trainset: Trainset,
        user_bias: np.ndarray | float,
        item_bias: np.ndarray | float,
        user_factors: np.ndarray,
        item_factors: np.ndarray,
    ) -> Factors:
        """b_u + b_i + q_i·p_u of the pairs in train."""
        mean, n_users, n_items = float(trainset.global_mean), len(user_factors), len(item_factors)
        of_users = [user_factors, np.broadcast_to(user_bias - mean, n_users), np.ones(n_users)]
        of_items = [item_factors, np.ones(n_items), np.broadcast_to(item_bias, n_items)]
        users, items = np.column_stack(of_users), np.column_stack(of_items)
        return Factors(mean, np.zeros(n_users), np.zeros(n_items), users, items)


class DescentConfig(Section):
    """Parameters of Surprise's SVD and SVD++, which learn by stochastic gradient descent."""

    #: length of the vectors of users and items
    factors: PositiveInt = 100
    #: passes over the ratings
    epochs: PositiveInt = 20
    #: step of the gradient descent
    learning_rate: PositiveFloat = 0.005
    #: L2 penalty of biases and factors
    regularization: NonNegativeFloat = 0.02
    #: standard deviation of the factors before the first epoch
    init_std: NonNegativeFloat = 0.1

    def arguments(self, seed: int) -> dict[str, float]:
        """These parameters under the names that Surprise has for them."""
        return {
            "n_factors": self.factors,
            "n_epochs": self.epochs,
            "lr_all": self.learning_rate,
            "reg_all": self.regularization,
            "init_std_dev": self.init_std,
            "random_state": seed,
        }


def trainset_of(train: Interactions, ids: Ids) -> Trainset:
    """Surprise's own form of the ratings."""
    from surprise import Dataset, Reader

    columns = {USER_IDX: train.user_idx, ITEM_IDX: train.item_idx, RATING: train.rating}
    reader = Reader(rating_scale=(ids.rating_min, ids.rating_max))
    trainset: Trainset = Dataset.load_from_df(pd.DataFrame(columns), reader).build_full_trainset()
    return trainset


def biased_factors(
    algorithm: BiasedFactorisation, user_factors: np.ndarray | None = None
) -> Factors:
    """Mean + b_u + b_i + q_i·p_u; with other user factors in place of `pu` where they are given."""
    users = algorithm.pu if user_factors is None else user_factors
    mean = float(algorithm.trainset.global_mean)
    return Factors(mean, algorithm.bu, algorithm.bi, users, algorithm.qi)


def _in_catalogue(factors: Factors, trainset: Trainset, ids: Ids) -> Factors:
    """Rows in the order of the catalogue; zeros for the unknown and for those not in train."""
    users = [trainset.to_raw_uid(inner) for inner in trainset.all_users()]
    items = [trainset.to_raw_iid(inner) for inner in trainset.all_items()]

    def spread(values: np.ndarray, index: list[int], size: int) -> np.ndarray:
        found = np.zeros((size + 1, *values.shape[1:]))
        found[index] = values
        return found

    return Factors(
        factors.mean,
        spread(factors.user_bias, users, ids.n_users),
        spread(factors.item_bias, items, ids.n_items),
        spread(factors.user_factors, users, ids.n_users),
        spread(factors.item_factors, items, ids.n_items),
    )
