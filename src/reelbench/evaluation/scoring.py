"""What a model says about the test part, and how long it takes to say it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.evaluation import Flags, Floats, Ints
from reelbench.evaluation.ranking_metrics import auc_terms
from reelbench.evaluation.top_k import NO_ITEM, Items, best, candidates_only, last
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

    predicted: Floats | None
    seconds: float


@dataclass(frozen=True)
class Rankings:
    """The top of the catalogue for every test user, and the bottom where it is asked for.

    Attributes:
        users: int (n_users,), sorted `user_idx`.
        items: int32 (n_users, k), -1 for an empty place.
        scores: float32 (n_users, k), NaN for an empty place.
        seconds: time in `score`, without the search for the best.
        auc_terms: float64, share of the user's irrelevant candidates below each stored entry of
            `relevant` (see `ranking_metrics.auc_terms`); empty where nothing is relevant.
        last_items, last_scores: as `items` and `scores`, from the last place upwards.
        candidates: int32 (n_users,), length of the whole ranking; with it come the last places,
            else all three have none.
    """

    users: Ints
    items: Items
    scores: Floats
    seconds: float
    auc_terms: Floats
    last_items: Items
    last_scores: Floats
    candidates: Items


def predict(model: Recommender, test: Interactions) -> Ratings:
    """Predict every test rating, cold users and items included."""
    if not model.predicts_ratings:
        return Ratings(None, 0.0)
    model.predict(test.user_idx[:1], test.item_idx[:1])  # compiles a network outside the clock
    start = time.perf_counter()
    predicted = model.predict(test.user_idx, test.item_idx)
    return Ratings(predicted, time.perf_counter() - start)


def rank(
    model: Recommender,
    users: Ints,
    seen: sparse.csr_array,
    k: int,
    *,
    relevant: sparse.csr_array | None = None,
    among: Flags | None = None,
    own: sparse.csr_array | None = None,
    by: Literal["score", "prediction"] = "score",
    bottom: int = 0,
) -> Rankings:
    """Rank the whole catalogue for `users`, a chunk of them at a time.

    Args:
        users: int (n_users,).
        seen: boolean CSR (n_users, n_items), a row per element of `users`.
        k: length of the lists.
        relevant: boolean CSR (n_users, n_items), what to find the places of; None: nothing.
        among: bool (n_items,), the items that may be recommended; None: all.
        own: boolean CSR (n_users, n_items), the same for each user; None: all.
        by: `prediction` ranks by predicted ratings, except a model that ranks another way.
        bottom: length of the lists from the last place upwards; 0: none.
    """
    relevant = sparse.csr_array(seen.shape, dtype=bool) if relevant is None else relevant
    items, scores = _empty(len(users), k)
    last_items, last_scores = _empty(len(users), bottom)
    candidates = np.zeros(len(users), dtype=np.int32)
    step = max(1, _SCORES_AT_ONCE // max(1, model.ids.n_items))
    _scores(model, users[:1], by)
    terms = []
    seconds, said = 0.0, time.perf_counter()
    for first in range(0, len(users), step):
        rows = slice(first, first + step)
        start = time.perf_counter()
        chunk = _scores(model, users[rows], by)
        seconds += time.perf_counter() - start
        allowed = candidates_only(chunk, seen[rows], among, None if own is None else own[rows])
        items[rows] = best(allowed, k)
        scores[rows] = _scores_of(items[rows], chunk)
        if bottom:
            last_items[rows] = last(allowed, bottom)
            last_scores[rows] = _scores_of(last_items[rows], chunk)
            candidates[rows] = np.count_nonzero(allowed > -np.inf, axis=1)
        terms.append(auc_terms(allowed, relevant[rows]))
        if time.perf_counter() - said > _SECONDS_BETWEEN_LINES:
            said = time.perf_counter()
            logger.info("ranked %d of %d users", min(first + step, len(users)), len(users))
    bottom_lists = (last_items, last_scores, candidates)
    return Rankings(users, items, scores, seconds, np.concatenate(terms), *bottom_lists)


def _empty(n_users: int, k: int) -> tuple[Items, Floats]:
    """Lists without items, and their scores."""
    items = np.full((n_users, k), NO_ITEM, dtype=np.int32)
    return items, np.full((n_users, k), np.nan, dtype=np.float32)


def _scores_of(items: Items, scores: Floats) -> Floats:
    """Scores of the items of every list, NaN for an empty place."""
    own = np.take_along_axis(scores, np.maximum(items, 0), axis=1)
    return np.where(items == NO_ITEM, np.nan, own)


def _scores(model: Recommender, users: Ints, by: Literal["score", "prediction"]) -> np.ndarray:
    """What to rank by, floats (len(users), n_items)."""
    if by == "score" or not model.scores_are_ratings:
        return model.score(users)
    n_items = model.ids.n_items
    every = np.tile(np.arange(n_items), len(users))
    return model.predict(np.repeat(users, n_items), every).reshape(len(users), n_items)
