"""Weights of models, found on pairs that they have not been fitted to.

Of ratings they come from a ridge regression, from the ratings that members predict to the rating.
For rankings, scores of two models are on scales of their own, so each user's are standardised
first. nDCG is a step function of the weights: it has no gradient, and a search along one weight at
a time over a coarse grid finds what a few hundred users can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from reelbench.models.base import Ids, Interactions
from reelbench.parallel import for_row_blocks, kernel

# L2 penalties that leave-one-out error chooses from; columns have deviation 1
_PENALTIES = np.logspace(-3, 4, 29)
# a regression on fewer rows per column than this is not to be trusted
_MIN_ROWS_PER_COLUMN = 3
# weights beside that of the best member, which is 1: first these, then around the winner
_GRID = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
_AROUND = (0.8, 1.25)
_MAX_ROUNDS = 10
_ROWS_AT_ONCE = 64


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
        """Stacked ratings, not clipped, of an array per member.

        Log-counts of users and items have shapes that broadcast to that of the predictions.
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
        """Weights from n ratings that the members have not been fitted to.

        Predictions of each member, log-counts and true ratings are (n,). Without `weights_by_count`
        u_m and i_m are 0. Where n is too small for a regression, it is the mean of the members.
        """
        n_members = len(predictions)
        counts = np.stack([np.ones(len(rating)), user, item])
        columns = np.stack([*predictions, np.ones(len(rating))])[:, None, :] * counts
        learned = np.full((n_members + 1, 3), weights_by_count)
        learned[:, 0] = learned[-1] = True
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


def standardised(scores: np.ndarray) -> np.ndarray:
    """Each user's scores with mean 0 and deviation 1, float32 (n, n_items); 0 if all are equal."""
    mean = np.mean(scores, axis=1, keepdims=True, dtype=np.float64)
    centred = scores - mean
    deviation = np.sqrt(np.mean(centred**2, axis=1, keepdims=True))
    # rounding leaves a deviation of its own size to a row of equal numbers
    varies = deviation > 1e-6 * np.maximum(np.abs(mean), np.finfo(np.float32).tiny)
    scaled = np.divide(centred, deviation, out=np.zeros_like(centred), where=varies)
    return scaled.astype(np.float32)


def ranking_weights(
    members: Sequence[np.ndarray],
    relevant: sparse.csr_array,
    seen: sparse.csr_array,
    k: int,
    threads: int = 1,
) -> np.ndarray:
    """Weights whose weighted sum of scores has the highest mean nDCG@k.

    The member that is best alone (the first of equals) has weight 1. The others start at 0, and
    once more at 1, and are chosen in turn from a grid, then from factors around what they have,
    until a round changes nothing; of the two ends the better is taken, of equals that from 0. Only
    a strictly better nDCG moves a weight, and of equally good values the smallest wins, so a member
    that adds nothing has 0.

    Args:
        members: standardised scores, float (n_users, n_items) each, of models fitted without
            the relevant pairs; all are held at once.
        relevant: boolean CSR (n_users, n_items), pairs held out. Users without one do not count.
        seen: boolean CSR (n_users, n_items), what must not be recommended.
        k: length of the lists.
        threads: number of threads; the weights do not depend on it.

    Returns:
        float64 (n_members,), not negative, one of them 1; all of them 1 where no member alone has
        a relevant item in any list, since nothing tells them apart.

    Raises:
        ValueError: there is no member, or shapes disagree.
    """
    if not members:
        raise ValueError("ranking_weights needs at least one member")
    if {m.shape for m in members} != {relevant.shape} or seen.shape != relevant.shape:
        raise ValueError(
            f"members are {sorted({m.shape for m in members})}, relevant {relevant.shape} and seen "
            f"{seen.shape}: shapes must agree"
        )
    judge = _Judge(members, relevant, seen, k, threads)
    alone = [judge.ndcg(weights) for weights in np.eye(len(members))]
    if max(alone) == 0:
        return np.ones(len(members))
    first = int(np.argmax(alone))
    free = [member for member in range(len(members)) if member != first]
    ends = []
    for start in (np.eye(len(members))[first], np.ones(len(members))):
        coarse = _search(judge, start, free, lambda weight: _GRID)
        ends.append(_search(judge, coarse, free, lambda weight: [weight * by for by in _AROUND]))
    return max(ends, key=judge.ndcg)


class _Judge:
    """Mean nDCG@k of weighted sums, over the users with a relevant item."""

    def __init__(
        self,
        members: Sequence[np.ndarray],
        relevant: sparse.csr_array,
        seen: sparse.csr_array,
        k: int,
        threads: int,
    ) -> None:
        users = np.flatnonzero(np.diff(relevant.indptr))
        self._members = np.stack([member[users] for member in members]).astype(np.float32)
        self._relevant = relevant[users].toarray().astype(bool)
        self._seen = seen[users].toarray().astype(bool)
        self._k = min(k, relevant.shape[1])
        self._threads = threads
        self._gain = 1.0 / np.log2(np.arange(2, self._k + 2))
        wanted = np.minimum(self._relevant.sum(axis=1), self._k)
        self._ideal = np.cumsum(self._gain)[wanted - 1]

    def ndcg(self, weights: np.ndarray) -> float:
        """Mean nDCG@k of the sum; 0.0 without users."""
        if len(self._relevant) == 0:
            return 0.0
        gained = np.zeros(len(self._relevant))
        used = np.flatnonzero(weights)
        given = used, weights[used].astype(np.float32), self._gain

        def work(rows: slice) -> None:
            bounds = rows.start, rows.stop
            _gain_of(self._members, self._relevant, self._seen, given, bounds, gained)

        for_row_blocks(work, len(gained), block=_ROWS_AT_ONCE, threads=self._threads)
        return float(np.mean(gained / self._ideal))


@kernel
def _gain_of(
    members: np.ndarray,
    relevant: np.ndarray,
    seen: np.ndarray,
    given: tuple[np.ndarray, np.ndarray, np.ndarray],
    users: tuple[int, int],
    gained: np.ndarray,
) -> None:
    """Discounted hits of the first places, of sums with the given members, weights and gains.

    Of equals the first: ties go to the lower item, as in the evaluation.
    """
    used, weights, gain = given
    best, where = np.empty(len(gain), np.float32), np.empty(len(gain), np.int64)
    for user in range(*users):
        size = 0
        for item in range(relevant.shape[1]):
            if seen[user, item]:
                continue
            total = np.float32(0.0)
            for m in range(len(used)):
                total += weights[m] * members[used[m], user, item]
            if size == len(gain) and total <= best[-1]:
                continue
            size = min(size + 1, len(gain))
            place = size - 1
            while place > 0 and total > best[place - 1]:
                best[place], where[place] = best[place - 1], where[place - 1]
                place -= 1
            best[place], where[place] = total, item
        for place in range(size):
            if relevant[user, where[place]]:
                gained[user] += gain[place]


def _search(
    judge: _Judge,
    weights: np.ndarray,
    free: Sequence[int],
    values: Callable[[float], Iterable[float]],
) -> np.ndarray:
    """Change one free weight at a time to the best of `values`, which ascend, while it helps."""
    weights, best = weights.copy(), judge.ndcg(weights)
    for _ in range(_MAX_ROUNDS):
        before = best
        for member in free:
            for value in values(float(weights[member])):
                tried = weights.copy()
                tried[member] = value
                if (found := judge.ndcg(tried)) > best:
                    weights, best = tried, found
        if best == before:
            break
    return weights
