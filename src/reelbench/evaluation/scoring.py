"""What a model says about the test part, and how long it takes to say it."""

import logging
import time
from typing import Literal, NamedTuple

import numpy as np
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.evaluation import Flags, Floats, Ints
from reelbench.evaluation.top_k import Lists, rank_scores
from reelbench.models.base import Recommender

logger = logging.getLogger(__name__)

# bytes of scores held at a time: some hundred users of a large catalogue, all of a small one.
# Larger arrays, or twice their size in float64, would go back to the system each time
_SCORE_BYTES = 2**24
# ratings predicted at a time, for each of which a model may gather some hundred numbers
_RATINGS_AT_ONCE = 2**18
_SECONDS_BETWEEN_LINES = 5.0


class Ratings(NamedTuple):
    """Predictions of all test rows."""

    predicted: Floats | None  # float32 (n_test,), clipped to the scale; None if it only ranks
    seconds: float  # time in `predict`


class Rankings(NamedTuple):
    """The top of the catalogue for every test user, and the bottom where it is asked for."""

    users: Ints  # int (n_users,), sorted `user_idx`
    lists: Lists  # a row per user
    seconds: float  # time in `score`, without the search for the best


def predict(model: Recommender, test: Interactions) -> Ratings:
    """Predict every test rating, cold users and items included."""
    if not model.predicts_ratings:
        return Ratings(None, 0.0)
    model.predict(test.user_idx[:1], test.item_idx[:1])  # compiles a network outside the clock
    predicted = np.empty(len(test), dtype=np.float32)
    start = time.perf_counter()
    for first in range(0, len(test), _RATINGS_AT_ONCE):
        rows = slice(first, first + _RATINGS_AT_ONCE)
        predicted[rows] = model.predict(test.user_idx[rows], test.item_idx[rows])
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
    """Rank the whole catalogue for `users`, int (n_users,), a chunk of them at a time.

    `seen`, boolean CSR (n_users, n_items), has a row for each. `k` is the length of the lists; for
    `relevant`, `among`, `own` and `bottom` see `rank_scores`. By `prediction` ranks by predicted
    ratings, except a model that ranks another way.
    """
    relevant = sparse.csr_array(seen.shape, dtype=bool) if relevant is None else relevant
    step = max(1, _SCORE_BYTES // (4 * max(1, model.ids.n_items)))
    score_by(model, users[:1], by)  # compiles a network outside the clock
    blocks: list[Lists] = []
    seconds, said = 0.0, time.perf_counter()
    for first in range(0, max(1, len(users)), step):
        rows = slice(first, first + step)
        start = time.perf_counter()
        scores = score_by(model, users[rows], by)
        seconds += time.perf_counter() - start
        blocks.append(
            rank_scores(
                scores,
                seen[rows],
                k,
                relevant=relevant[rows],
                among=among,
                own=None if own is None else own[rows],
                bottom=bottom,
                threads=model.threads,
            )
        )
        del scores  # before the next block is there
        if time.perf_counter() - said > _SECONDS_BETWEEN_LINES:
            said = time.perf_counter()
            logger.info("ranked %d of %d users", min(first + step, len(users)), len(users))
    lists = Lists(*map(np.concatenate, zip(*blocks, strict=True)))
    return Rankings(users, lists, seconds)


def score_by(model: Recommender, users: Ints, by: Literal["score", "prediction"]) -> np.ndarray:
    """What to rank by, floats (len(users), n_items)."""
    if by == "score" or not model.scores_are_ratings:
        return model.score(users)
    n_items = model.ids.n_items
    every = np.tile(np.arange(n_items), len(users))
    return model.predict(np.repeat(users, n_items), every).reshape(len(users), n_items)
