"""Damped user and item means: the baseline that most models here start from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids


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


def _damped(index: np.ndarray, residual: np.ndarray, size: int, damping: float) -> np.ndarray:
    total = np.bincount(index, residual, minlength=size + 1)
    count = np.bincount(index, minlength=size + 1)
    # a group without rows keeps 0 even when the damping is 0
    return np.divide(total, count + damping, out=np.zeros(size + 1), where=count > 0)
