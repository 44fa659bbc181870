"""What a model says about the test part, and how long it takes to say it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.evaluation.ranking import NO_ITEM, top_k
from reelbench.models.base import Recommender

logger = logging.getLogger(__name__)

# scores held at a time: a few hundred users of a large catalogue, all users of a small one
_SCORES_AT_ONCE = 4_000_000
_SECONDS_BETWEEN_LINES = 5.0


@dataclass(frozen=True)
class Ratings:
    """Predictions of all test rows.

    Attributes:
        predicted: float32 (n_test,), clipped to the rating scale; None for a model that only ranks.
        seconds: time in `predict`.
    """

    predicted: np.ndarray | None
    seconds: float


@dataclass(frozen=True)
class Rankings:
    """The top of the catalogue for every test user.

    Attributes:
        users: int (n_users,), sorted `user_idx`.
        items: int32 (n_users, k), -1 for an empty place.
        scores: float32 (n_users, k), NaN for an empty place.
        seconds: time in `score`, without the search for the best.
    """

    users: np.ndarray
    items: np.ndarray
    scores: np.ndarray
    seconds: float


def predict(model: Recommender, test: Interactions) -> Ratings:
    """Predict every test rating, cold users and items included."""
    if not model.predicts_ratings:
        return Ratings(None, 0.0)
    model.predict(test.user_idx[:1], test.item_idx[:1])  # compiles a network outside the clock
    start = time.perf_counter()
    predicted = model.predict(test.user_idx, test.item_idx)
    return Ratings(predicted, time.perf_counter() - start)


def rank(model: Recommender, users: np.ndarray, seen: sparse.csr_array, k: int) -> Rankings:
    """Rank the whole catalogue for `users`, a chunk of them at a time.

    Args:
        users: int (n_users,).
        seen: boolean CSR (n_users, n_items), a row per element of `users`.
        k: length of the lists.
    """
    items = np.full((len(users), k), NO_ITEM, dtype=np.int32)
    scores = np.full((len(users), k), np.nan, dtype=np.float32)
    step = max(1, _SCORES_AT_ONCE // max(1, model.ids.n_items))
    model.score(users[:1])
    seconds, said = 0.0, time.perf_counter()
    for first in range(0, len(users), step):
        rows = slice(first, first + step)
        start = time.perf_counter()
        chunk = model.score(users[rows])
        seconds += time.perf_counter() - start
        items[rows] = top_k(chunk, seen[rows], k)
        best = np.take_along_axis(chunk, np.maximum(items[rows], 0), axis=1)
        scores[rows] = np.where(items[rows] == NO_ITEM, np.nan, best)
        if time.perf_counter() - said > _SECONDS_BETWEEN_LINES:
            said = time.perf_counter()
            logger.info("ranked %d of %d users", min(first + step, len(users)), len(users))
    return Rankings(users, items, scores, seconds)
