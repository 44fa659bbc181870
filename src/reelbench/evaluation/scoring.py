"""What a model says about the test part, and both ends of the ranking of the whole catalogue.

The full catalogue is ranked, never a sample of it: sampled metrics order models differently
(Krichene and Rendle, KDD 2020). Candidates are the items that a user has not seen, by descending
score, ties by ascending item index. A score of -inf is never recommended.
"""

import logging
import time
from typing import Any, Literal, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.evaluation import NO_ITEM, Flags, Floats, Ints, Items
from reelbench.models.base import Recommender
from reelbench.parallel import for_row_blocks

logger = logging.getLogger(__name__)

# bytes of scores held at a time: some hundred users of a large catalogue, all of a small one.
# Larger arrays, or twice their size in float64, would go back to the system each time
_SCORE_BYTES = 2**24
# ratings predicted at a time, for each of which a model may gather some hundred numbers
_RATINGS_AT_ONCE = 2**18
_SECONDS_BETWEEN_LINES = 5.0
_ROWS = 16  # rows that a thread takes at a time
# scores of which those that may enter a list are counted: faster than a search, and most have none
_TILE = 512


class Lists(NamedTuple):
    """What is kept of the rankings of n users."""

    items: Items  # int32 (n, k), the first places; -1 for an empty one
    scores: Floats  # float32 (n, k), NaN for an empty place
    #: the same from the last place upwards: of equal scores, the greater item index comes first
    last_items: Items
    last_scores: Floats
    candidates: Items  # int32 (n,), length of the whole ranking
    #: float64, one per stored entry of `relevant`: share of the user's irrelevant candidates that
    #: score lower, ties half. 0 for an item that is no candidate, since it ranks below all; NaN for
    #: a user without irrelevant candidates
    auc_terms: Floats


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
    options: Any = {"among": among, "bottom": bottom, "threads": model.threads}
    step = max(1, _SCORE_BYTES // (4 * max(1, model.ids.n_items)))
    score_by(model, users[:1], by)  # compiles a network outside the clock
    blocks: list[Lists] = []
    seconds, said = 0.0, time.perf_counter()
    for first in range(0, max(1, len(users)), step):
        rows = slice(first, first + step)
        start = time.perf_counter()
        scores = score_by(model, users[rows], by)
        seconds += time.perf_counter() - start
        options["own"] = None if own is None else own[rows]
        blocks.append(rank_scores(scores, seen[rows], k, relevant=relevant[rows], **options))
        del scores  # before the next block is there
        if time.perf_counter() - said > _SECONDS_BETWEEN_LINES:
            said = time.perf_counter()
            logger.info("ranked %d of %d users", min(first + step, len(users)), len(users))
    return Rankings(users, Lists(*map(np.concatenate, zip(*blocks, strict=True))), seconds)


def score_by(model: Recommender, users: Ints, by: Literal["score", "prediction"]) -> np.ndarray:
    """What to rank by, floats (len(users), n_items)."""
    if by == "score" or not model.scores_are_ratings:
        return model.score(users)
    n_items = model.ids.n_items
    every = np.tile(np.arange(n_items), len(users))
    return model.predict(np.repeat(users, n_items), every).reshape(len(users), n_items)


def top_k(scores: ArrayLike, seen: sparse.csr_array, k: int) -> Items:
    """The first k items of every user, int32 (n, k); see `rank_scores`."""
    return rank_scores(np.asarray(scores), seen, k).items


def rank_scores(
    scores: Floats,
    seen: sparse.csr_array,
    k: int,
    *,
    relevant: sparse.csr_array | None = None,
    among: Flags | None = None,
    own: sparse.csr_array | None = None,
    bottom: int = 0,
    threads: int = 1,
) -> Lists:
    """Rank the catalogue for n users.

    Args:
        scores: floats (n, n_items); left as they are.
        seen: boolean CSR (n, n_items), the items that each user must not be recommended.
        k: length of the lists, at least 1.
        relevant: boolean CSR (n, n_items), what to find the places of; None: nothing.
        among: bool (n_items,), the items that may be recommended; None: all.
        own: boolean CSR (n, n_items), the same for each user; None: all.
        bottom: length of the lists from the last place upwards; 0: none.
        threads: the result does not depend on their number.

    Raises:
        ValueError: a score is NaN (it has no place in an order), or the shapes disagree.
    """
    if scores.shape != seen.shape:
        raise ValueError(f"scores are {scores.shape} but seen is {seen.shape}: shapes must agree")
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    n_users, n_items = scores.shape
    scores = np.ascontiguousarray(scores)
    relevant = sparse.csr_array(scores.shape, dtype=bool) if relevant is None else relevant
    among = np.ones(n_items, dtype=bool) if among is None else among
    if own is not None:
        # what is not a number stays, and is refused
        scores = np.where(own.toarray() | np.isnan(scores), scores, scores.dtype.type(-np.inf))
    # one dtype, whatever their number: other dtypes would be compiled anew
    hidden, wanted = (
        (m.indptr.astype(np.int64), m.indices.astype(np.int64)) for m in (seen, relevant)
    )
    lists = (*_empty(n_users, k), *_empty(n_users, bottom))
    found = Lists(*lists, np.zeros(n_users, dtype=np.int32), np.empty(relevant.nnz))

    def work(rows: slice) -> None:
        if not _rank_rows(rows.start, rows.stop, scores, among, hidden, wanted, found):
            raise ValueError("scores contain NaN, which has no place in a ranking")

    for_row_blocks(work, n_users, block=_ROWS, threads=threads)
    return found


def _empty(n_users: int, k: int) -> tuple[Items, Floats]:
    items = np.full((n_users, k), NO_ITEM, dtype=np.int32)
    return items, np.full((n_users, k), np.nan, dtype=np.float32)


# -- compiled: one user at a time, whose scores stay in the processor's cache


@njit(nogil=True, cache=True)
def _rank_rows(
    first: int,
    stop: int,
    scores: Floats,
    among: Flags,
    hidden: tuple[Ints, Ints],
    wanted: tuple[Ints, Ints],
    found: Lists,
) -> bool:
    """Fill rows [first, stop) of the results; False where a score is NaN."""
    n_items = scores.shape[1]
    allowed, turned = np.empty(n_items, scores.dtype), np.empty(n_items, scores.dtype)
    for row in range(first, stop):
        if not _copy(scores[row], among, allowed):
            return False
        start, items = hidden
        allowed[items[start[row] : start[row + 1]]] = -np.inf
        n_candidates = _count(allowed, -np.inf)[0]
        found.candidates[row] = n_candidates
        _best(allowed, scores[row], found.items[row], found.scores[row])
        last = found.last_items[row]
        if len(last):
            _turn(allowed, turned)
            _best(turned, scores[row, ::-1], last, found.last_scores[row])
            for place in range(min(len(last), int(n_candidates))):
                last[place] = n_items - 1 - last[place]
        start, items = wanted
        part = slice(start[row], start[row + 1])
        _auc_terms(allowed, items[part], found.auc_terms[part])
    return True


@njit(nogil=True, cache=True)
def _copy(scores: Floats, among: Flags, allowed: Floats) -> bool:
    """Copy the scores of one user, -inf for what is not in `among`; False where one is NaN."""
    unknown = np.int32(0)
    nothing = allowed.dtype.type(-np.inf)
    for item in range(len(scores)):
        unknown = np.int32(unknown + (scores[item] != scores[item]))
        allowed[item] = scores[item] if among[item] else nothing
    return unknown == 0


@njit(nogil=True, cache=True)
def _turn(allowed: Floats, turned: Floats) -> None:
    """The same ranking from its end: scores and order of items reversed, -inf stays -inf."""
    nothing = allowed.dtype.type(-np.inf)
    lowest = np.finfo(allowed.dtype).min  # a score of +inf is last here, and still a candidate
    for item in range(len(allowed)):
        score = -allowed[item]
        score = lowest if score == nothing else score
        turned[len(allowed) - 1 - item] = nothing if score == -nothing else score


@njit(nogil=True, cache=True)
def _count(scores: Floats, bound: float) -> tuple[np.int32, np.int32]:
    """How many scores are above the bound, and how many equal it."""
    above, level = np.int32(0), np.int32(0)
    for item in range(len(scores)):
        # in the width of a score, or the compiler halves the number of scores per instruction
        above = np.int32(above + (scores[item] > bound))
        level = np.int32(level + (scores[item] == bound))
    return above, level


@njit(nogil=True, cache=True)
def _best(allowed: Floats, scores: Floats, items: Items, item_scores: Floats) -> None:
    """Put the best of what is allowed into a list, and their scores beside them."""
    values = np.full(len(items), -np.inf, allowed.dtype)
    for first in range(0, len(allowed), _TILE):
        tile = allowed[first : first + _TILE]
        if _count(tile, values[0])[0] == 0:
            continue
        for place in range(len(tile)):
            # an equal score comes later in the order of items
            if tile[place] > values[0]:
                _replace_worst(items, values, first + place, tile[place])
    for size in range(len(items) - 1, 0, -1):
        item, value = items[0], values[0]
        _replace_worst(items[:size], values[:size], items[size], values[size])
        items[size], values[size] = item, value
    for place in range(len(items)):
        if items[place] != NO_ITEM:
            item_scores[place] = scores[items[place]]


@njit(nogil=True, cache=True)
def _replace_worst(items: Items, values: Floats, item: int, value: float) -> None:
    """Put an item into a heap in place of its root, which is the worst of the heap."""
    place, child = 0, 1
    while child < len(items):
        other = child + 1
        if other < len(items) and _worse(values[other], items[other], values[child], items[child]):
            child = other
        if not _worse(values[child], items[child], value, item):
            break
        items[place], values[place] = items[child], values[child]
        place, child = child, 2 * child + 1
    items[place], values[place] = item, value


@njit(nogil=True, cache=True)
def _worse(value: float, item: int, other_value: float, other_item: int) -> bool:
    return value < other_value or (value == other_value and item > other_item)


@njit(nogil=True, cache=True)
def _auc_terms(allowed: Floats, relevant: Ints, terms: Floats) -> None:
    """Terms of one user; takes the relevant items out of `allowed`."""
    scores = allowed[relevant]
    allowed[relevant] = -np.inf
    irrelevant = _count(allowed, -np.inf)[0]
    for place in range(len(relevant)):
        above, level = _count(allowed, scores[place])
        below = irrelevant - above - level / 2 if scores[place] > -np.inf else 0.0
        terms[place] = below / irrelevant if irrelevant else np.nan
