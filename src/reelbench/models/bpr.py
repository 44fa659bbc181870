"""Model `bpr`: factors that put a rated movie before one that was not.

Rendle et al. (2009), "BPR: Bayesian Personalized Ranking from Implicit Feedback": stochastic
gradient steps on ln sigmoid(score of a rated movie - score of a random one), with a bias per movie.

The random movie is drawn from all ratings, as in the library `implicit`, so the popularity of a
movie cancels out; the logarithm of its number of ratings puts that back, as in noise-contrastive
estimation (Gutmann & Hyvärinen 2010).

Threads never move the same factors: at any time each block of users is at another group of movies
(Gemulla et al. 2011, "Large-Scale Matrix Factorization with Distributed Stochastic Gradient
Descent"). The number of blocks depends on that of ratings alone.

Fold-in minimises the mean of ln(1 + exp(-d)) + λ|p|²/2, d = p·(q_i - q_j) + b_i - b_j, over chosen
movies i and others j, drawn as often as they have ratings: convex in p, and solved to the end.
"""

from functools import partial
from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from scipy import sparse

from reelbench.models.base import Ids, Interactions
from reelbench.models.shared.factors import FactorRanker, RankerConfig
from reelbench.models.shared.user_items import NewUser, choices
from reelbench.parallel import CSR, for_row_blocks, kernel, parts

_OTHERS = 500  # movies that stand for all others in a fold-in: at even steps through choices
# blocks of users that can be learned from at the same time, at most, and ratings that each has
_BLOCKS = 4
_RATINGS_PER_BLOCK = 1_000_000
_DRAWN = 200_000  # movies to draw from, at most twice as many; popular ones are there often


class BPRConfig(RankerConfig):
    """Parameters; the defaults are those of `implicit`, without anything added for popularity."""

    epochs: PositiveInt = 100  # passes over the ratings
    learning_rate: PositiveFloat = 0.01  # step of the gradient descent
    regularization: NonNegativeFloat = 0.01  # L2 penalty of factors and biases, per step
    min_rating: float | None = None  # smallest rating that counts as a choice; None: every one
    #: weight of ln(1 + ratings of a movie) beside what is learned; 1 is the theory, 0 plain BPR
    popularity_weight: NonNegativeFloat = 0.0


class BPR(FactorRanker):
    """BPR, on up to four threads if there are more than a million ratings.

    The last factor of a movie is its bias, and that of a user is 1.
    """

    config: BPRConfig

    def _matrix(self, train: Interactions, ids: Ids) -> sparse.csr_array:
        return choices(train, ids, self.config.min_rating)

    def _learn(self, matrix: sparse.csr_array, bag: int) -> tuple[np.ndarray, np.ndarray]:
        users, items = super()._learn(matrix, bag)
        items[:, -1] += self._popularity()
        return users, items

    def _popularity(self) -> np.ndarray:
        """What is added to the learned biases, float64 (n_items,)."""
        return self.config.popularity_weight * np.log1p(self._count)

    def _learner(self, seed: int) -> "BPRLearner":
        return BPRLearner(self.config, seed, self.threads)

    def _fold_in(self, user: NewUser) -> Self:
        limit = -np.inf if self.config.min_rating is None else self.config.min_rating
        chosen = user.items[user.ratings >= limit]
        if not len(chosen):
            return self._copy()  # in which the unknown user is the mean user
        places = np.linspace(0, self._count.sum() - 1, _OTHERS).astype(np.int64)
        drawn = np.searchsorted(np.cumsum(self._count), places, side="right")
        others = drawn[~np.isin(drawn, chosen)]
        return self._with_user([self._solve(bag, chosen, others) for bag in self._bags])

    def _solve(self, bag: np.ndarray, chosen: np.ndarray, others: np.ndarray) -> np.ndarray:
        """The user's factors (f,) in one bag, the last of them 1."""
        from scipy.optimize import minimize  # 0.2 s that other models need not wait for
        from scipy.special import expit

        added, penalty = self._popularity(), self.config.regularization
        good, bad = bag[chosen], bag[others]
        good[:, -1] -= added[chosen]
        bad[:, -1] -= added[others]

        def loss(vector: np.ndarray) -> tuple[float, np.ndarray]:
            full = np.append(vector, 1.0)
            margin = (good @ full)[:, None] - bad @ full
            wrong = expit(-margin) / margin.size
            slope = wrong.sum(axis=0) @ bad - wrong.sum(axis=1) @ good
            value = np.logaddexp(0.0, -margin).mean() + penalty * vector @ vector / 2
            return float(value), slope[:-1] + penalty * vector

        start = np.zeros(bag.shape[1] - 1)
        found = minimize(loss, start, jac=True, method="L-BFGS-B").x if len(bad) else start
        return np.append(found, 1.0)


class BPRLearner:
    """The factors while they are learned, as a model of `implicit` would hold them.

    Float32 (n, factors + 1); the last column is 1 for users and for items the bias.
    """

    def __init__(self, config: BPRConfig, seed: int, threads: int) -> None:
        self._config, self._threads = config, threads
        self._random = np.random.default_rng(seed)

    def fit(self, matrix: sparse.csr_matrix, show_progress: bool = False) -> None:
        """Learn from the entries of a CSR matrix (n_users, n_items)."""
        self.user_factors, self.item_factors = map(self._initial, matrix.shape)
        self.user_factors[:, -1] = 1.0
        n_blocks = min(_BLOCKS, 1 + matrix.nnz // _RATINGS_PER_BLOCK)
        shares = np.linspace(0, matrix.nnz, n_blocks + 1)
        users = np.searchsorted(matrix.indptr, shares)  # where the blocks of users begin
        count = np.bincount(matrix.indices, minlength=matrix.shape[1])
        for _ in range(self._config.epochs):
            self._epoch(parts(matrix), users, count)

    def _initial(self, rows: int) -> np.ndarray:
        width = self._config.factors
        return ((self._random.random((rows, width + 1)) - 0.5) / width).astype(np.float32)

    def _epoch(self, chosen: CSR, users: np.ndarray, count: np.ndarray) -> None:
        """In every turn, steps for the ratings of each block of users in one group of movies."""
        n_blocks = len(users) - 1
        group = (self._random.permutation(len(count)) % n_blocks).astype(np.int8)
        order = np.argsort(group, kind="stable")
        # every movie of a group as often as it was rated, one group after the other
        drawn = np.repeat(order, count[order]).astype(np.int32)
        starts = np.append(0, np.cumsum(np.bincount(group, count, n_blocks))).astype(np.int64)
        seeds = self._random.integers(1, 2**62, (n_blocks, n_blocks))
        steps = np.float32(self._config.learning_rate), np.float32(self._config.regularization)
        factors = self.user_factors, self.item_factors

        def work(turn: int, block: slice) -> None:
            own = (block.start + turn) % n_blocks
            bounds = users[block.start], users[block.stop], own
            others = drawn[starts[own] : starts[own + 1]]
            # every n-th from a random one on: a list that stays in the cache
            step, seed = 1 + len(others) // _DRAWN, seeds[turn, block.start]
            others = np.ascontiguousarray(others[seed % step :: step])
            if len(others):
                _ascend(chosen, bounds, group, others, seed, steps, *factors)

        for turn in range(n_blocks):
            for_row_blocks(partial(work, turn), n_blocks, block=1, threads=self._threads)


@partial(kernel, reorder=True)
def _ascend(
    chosen: CSR,
    bounds: tuple[int, int, int],
    group: np.ndarray,
    drawn: np.ndarray,
    seed: int,
    steps: tuple[np.float32, np.float32],
    users: np.ndarray,
    items: np.ndarray,
) -> None:
    """A step for each rating of the users from the first bound to the second in a group, the third.

    A random movie that the user has rated takes no step, as in `implicit`.
    """
    starts, columns, _ = chosen
    rate, penalty = steps
    one, last = np.float32(1.0), users.shape[1] - 1
    rated_by = np.full(len(items), -1, np.int32)
    state, size = np.uint64(seed), np.uint64(len(drawn))
    for user in range(bounds[0], bounds[1]):
        own = users[user]
        for entry in range(starts[user], starts[user + 1]):
            rated_by[columns[entry]] = user
        for entry in range(starts[user], starts[user + 1]):
            if group[columns[entry]] != bounds[2]:
                continue
            # xorshift64, Marsaglia (2003): its upper half times the size, divided by 2^32
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            other = drawn[np.int64(((state >> np.uint64(32)) * size) >> np.uint64(32))]
            if rated_by[other] == user:
                continue
            good, bad = items[columns[entry]], items[other]
            margin = good[last] - bad[last]
            for f in range(last):
                margin += own[f] * (good[f] - bad[f])
            wrong = one / (one + np.exp(margin))
            for f in range(last):
                u, i, j = own[f], good[f], bad[f]
                own[f] = u + rate * (wrong * (i - j) - penalty * u)
                good[f] = i + rate * (wrong * u - penalty * i)
                bad[f] = j - rate * (wrong * u + penalty * j)
            good[last] += rate * (wrong - penalty * good[last])
            bad[last] -= rate * (wrong + penalty * bad[last])
