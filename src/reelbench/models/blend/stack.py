"""Ridge regression from the ratings that members predict to the rating."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids

# L2 penalties that leave-one-out error chooses from; columns have deviation 1
_PENALTIES = np.logspace(-3, 4, 29)
# a regression on fewer rows per column than this is not to be trusted
_MIN_ROWS_PER_COLUMN = 3


@dataclass(frozen=True)
class Counts:
    """log(1 + number of ratings) in the part that the members were fitted to."""

    #: float64 (n_users + 1,), the last row, of the unknown, is 0 like that of the cold
    user: np.ndarray
    item: np.ndarray  # float64 (n_items + 1,), likewise

    @classmethod
    def of(cls, part: Interactions, ids: Ids) -> Counts:
        """Counts of one part."""
        user = np.bincount(part.user_idx, minlength=ids.n_users + 1)
        item = np.bincount(part.item_idx, minlength=ids.n_items + 1)
        return cls(np.log1p(user), np.log1p(item))


@dataclass(frozen=True)
class Stack:
    """c + a·user_count + b·item_count + Σ_m (w_m + u_m·user_count + i_m·item_count)·p_m."""

    #: float64 (n_members + 1, 3): w_m, u_m, i_m of every member m, and last c, a, b
    weights: np.ndarray

    def combine(
        self, predictions: Sequence[np.ndarray], user: np.ndarray, item: np.ndarray
    ) -> np.ndarray:
        """Stacked ratings, not clipped.

        Args:
            predictions: an array per member, all of one shape.
            user: log-counts of users, of a shape that broadcasts to that of the predictions.
            item: log-counts of items, likewise.
        """
        base, by_user, by_item = self.weights[-1]
        total = base + by_user * user + by_item * item
        for (base, by_user, by_item), predicted in zip(self.weights, predictions, strict=False):
            total = total + (base + by_user * user + by_item * item) * predicted
        return np.asarray(total)

    @classmethod
    def learn(
        cls,
        predictions: Sequence[np.ndarray],
        user: np.ndarray,
        item: np.ndarray,
        rating: np.ndarray,
        weights_by_count: bool,
    ) -> Stack:
        """Weights from ratings that the members have not been fitted to.

        Args:
            predictions: an array (n,) per member.
            user: log-counts of the users (n,).
            item: log-counts of the items (n,).
            rating: true ratings (n,).
            weights_by_count: whether u_m and i_m are learned; they are 0 otherwise.

        Returns:
            The mean of the members where n is too small for a regression.
        """
        n_members = len(predictions)
        counts = np.stack([np.ones(len(rating)), user, item])
        columns = np.stack([*predictions, np.ones(len(rating))])[:, None, :] * counts
        learned = np.zeros((n_members + 1, 3), dtype=bool)
        learned[:, 0] = learned[-1] = True
        if weights_by_count:
            learned[:] = True
        learned[-1, 0] = False  # the intercept, which has no penalty
        design = columns[learned].T
        weights = np.zeros((n_members + 1, 3))
        if len(rating) < _MIN_ROWS_PER_COLUMN * design.shape[1]:
            weights[:-1, 0] = 1 / n_members
            return cls(weights)
        weights[learned], weights[-1, 0] = _ridge(design, rating)
        return cls(weights)


def _ridge(design: np.ndarray, rating: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients of the columns as they are and intercept, with the best of the penalties."""
    from sklearn.linear_model import RidgeCV

    mean, deviation = design.mean(axis=0), design.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    found = RidgeCV(_PENALTIES).fit((design - mean) / scale, rating.astype(np.float64))
    coefficients = found.coef_ / scale
    return coefficients, float(found.intercept_ - coefficients @ mean)
