"""Damped user and item means, bare or around a prior: the baseline that most models here start from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids

# of fitting users and items in turn: more change the valid RMSE by less than 0.0005
_ROUNDS = 3


@dataclass(frozen=True)
class Effects:
    """rating ≈ mean + item[i] + user[u].

    Attributes:
        mean: mean rating of train.
        user: float64 (n_users + 1,), the last and every cold user 0.
        item: float64 (n_items + 1,), the last and every cold item 0.
    """

    mean: float
    user: np.ndarray
    item: np.ndarray

    def predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        """Predictions float64 (n,); index -1 is an unknown user or item."""
        return self.mean + self.user[user_idx] + self.item[item_idx]

    def state(self) -> dict[str, np.ndarray]:
        """Arrays to store, prefixed so that they mix with a model's own."""
        return {
            "effect_mean": np.float64(self.mean),
            "effect_user": self.user,
            "effect_item": self.item,
        }

    @classmethod
    def from_state(cls, state: dict[str, np.ndarray]) -> Effects:
        """Inverse of `state`."""
        return cls(float(state["effect_mean"]), state["effect_user"], state["effect_item"])


def damped_means(
    train: Interactions, ids: Ids, user_damping: float, item_damping: float
) -> Effects:
    """Item effects first, then user effects on what is left (Koren 2010, section 2.1).

    An effect is the sum of residuals over (count + damping), so that few ratings say little.
    """
    rating = train.rating.astype(np.float64)
    mean = float(rating.mean())
    item = _damped(train.item_idx, rating - mean, ids.n_items, item_damping)
    user = _damped(train.user_idx, rating - mean - item[train.item_idx], ids.n_users, user_damping)
    return Effects(mean, user, item)


def effects_around_prior(
    train: Interactions,
    ids: Ids,
    columns: np.ndarray,
    *,
    user_damping: float,
    item_damping: float,
    regularization: float,
) -> Effects:
    """Damped effects that shrink towards what an item's features say, and not towards zero.

    The prior of an item is a ridge regression from its features to the mean residual of the items in
    train, an item with n ratings weighing n / (n + item_damping): the precision of its mean where
    the damping is the ratio of the variances within and between items. An item's effect is then
    (sum of residuals + item_damping · prior) / (n + item_damping), so a cold item has its prior.
    User and item effects are fitted in turn, three times, since each is what the other leaves.

    Args:
        columns: features, float64 (n_items, d), d may be 0.
        regularization: L2 penalty of the ridge; its intercept has none.
    """
    rating = train.rating.astype(np.float64)
    mean = float(rating.mean())
    count = np.bincount(train.item_idx, minlength=ids.n_items)
    user = np.zeros(ids.n_users + 1)
    item = np.zeros(ids.n_items + 1)
    for _ in range(_ROUNDS):
        residual = rating - mean - user[train.user_idx]
        total = np.bincount(train.item_idx, residual, minlength=ids.n_items)
        prior = _prior(columns, total, count, item_damping, regularization)
        item[:-1] = (total + item_damping * prior) / np.maximum(count + item_damping, 1e-12)
        user = _damped(
            train.user_idx, rating - mean - item[train.item_idx], ids.n_users, user_damping
        )
    return Effects(mean, user, item)


def _prior(
    columns: np.ndarray, total: np.ndarray, count: np.ndarray, damping: float, regularization: float
) -> np.ndarray:
    """Expected effect of every item from its features, float64 (n_items,)."""
    design = np.hstack([columns, np.ones((len(columns), 1))])
    mean = np.divide(total, count, out=np.zeros(len(count)), where=count > 0)
    weighted = design * (count / (count + damping + 1e-12))[:, None]
    penalty = np.full(design.shape[1], regularization)
    penalty[-1] = 0.0
    return design @ np.linalg.solve(weighted.T @ design + np.diag(penalty), weighted.T @ mean)


def _damped(index: np.ndarray, residual: np.ndarray, size: int, damping: float) -> np.ndarray:
    total = np.bincount(index, residual, minlength=size + 1)
    count = np.bincount(index, minlength=size + 1)
    # a group without rows keeps 0 even when the damping is 0
    return np.divide(total, count + damping, out=np.zeros(size + 1), where=count > 0)
