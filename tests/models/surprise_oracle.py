"""A small data set, and what Surprise itself predicts on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids
from reelbench.models.shared.surprise_base import trainset_of

N_USERS, N_ITEMS = 40, 30
IDS = Ids(N_USERS, N_ITEMS, 1.0, 5.0)
#: every pair of the catalogue, the last two users and items being cold, and then an unknown one
USERS, ITEMS = (grid.ravel() for grid in np.indices((N_USERS + 1, N_ITEMS + 1)))


def ratings(seed: int = 0) -> Interactions:
    """A third of the warm pairs, whole stars, with tastes to find; in no order."""
    rng = np.random.default_rng(seed)
    pairs = rng.permutation((N_USERS - 2) * (N_ITEMS - 2))[: N_USERS * N_ITEMS // 3]
    users, items = np.divmod(pairs, N_ITEMS - 2)
    taste = rng.normal(size=(N_USERS, 2)) @ rng.normal(size=(2, N_ITEMS))
    stars = np.clip(np.round(3.3 + taste + rng.normal(0, 0.5, taste.shape)), 1, 5)
    return Interactions.from_arrays(users, items, stars[users, items])


TRAIN = ratings()


def unseen(train: Interactions = TRAIN) -> np.ndarray:
    """Which of the pairs have no rating, bool (n,)."""
    return ~train.seen(N_USERS + 1, N_ITEMS + 1).toarray().ravel()


def predictions(algorithm: Any) -> np.ndarray:
    """Of a fitted algorithm for all pairs: float64 (n,), clipped to its scale."""
    return np.array([algorithm.predict(u, i).est for u, i in zip(USERS, ITEMS, strict=True)])


def trainset(train: Interactions = TRAIN) -> Any:
    return trainset_of(train, IDS)
