"""Model `rerank`: the first places of another model, in an order that is more than accurate.

The `pool` best items of the base for a user, without those of train and valid, are put in order;
all others stay below. docs/models.md has the formula of each `method`: `mmr` (Carbonell and
Goldstein, SIGIR 1998), `calibrated` (Steck, RecSys 2018) and `popularity_floor`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator
from scipy import sparse
from threadpoolctl import threadpool_limits

from reelbench import paths
from reelbench.data.interactions import Ids, Interactions
from reelbench.features.matrices import dense_columns, unit_vectors
from reelbench.models.base import Features, ModelEntry, NewUser, Ranker, Recommender, Saved
from reelbench.models.shared.fold_in import FoldedIn
from reelbench.parallel import for_row_blocks
from reelbench.params import ParamsError, Section

_BASE = "base"
_ROWS = 64  # users at a time: cosines of all pairs of a pool of 100 take 40 KB per user
_MIXED = 0.01  # of Steck: share of the wanted distribution in the list's, which may lack a genre
_TINY = 1e-30  # a genre that is in neither of both has a logarithm


def mmr(relevance: np.ndarray, vectors: np.ndarray, weight: float) -> np.ndarray:
    """Order by relevance less the cosine with the closest before: int64 (n, p), the first first.

    Equals stay in their order; places for which there is no candidate mean nothing.

    Args:
        relevance: floats (n, p), -inf for no candidate.
        vectors: floats (n, p, d) of the same items; one of zeros is similar to none.
        weight: of the cosine, from 0, the order by relevance, to below 1.

    >>> vectors = np.array([[[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]])
    >>> mmr(np.array([[1.0, 0.9, 0.4]]), vectors, 0.5)
    array([[0, 2, 1]])
    """
    unit = unit_vectors(vectors)
    cosines = unit @ unit.transpose(0, 2, 1)
    closest = np.full(relevance.shape, -np.inf)

    def cost(rows: np.ndarray, picked: np.ndarray) -> np.ndarray:
        return np.maximum(closest, cosines[rows, picked], out=closest)

    return _in_turn(relevance, weight, np.zeros(relevance.shape), cost)


def calibrated(
    relevance: np.ndarray, shares: np.ndarray, wanted: np.ndarray, weight: float
) -> np.ndarray:
    """Order in which the genres of every beginning of the list are close to what is wanted.

    As `mmr`, from shares of genres: of the items (n, p, g), and those that are wanted (n, g). An
    item without any changes nothing, and a user without any keeps the order.

    >>> shares = np.array([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    >>> calibrated(np.array([[1.0, 0.9, 0.4]]), shares, np.array([[0.5, 0.5]]), 0.5)
    array([[0, 2, 1]])
    """
    listed, goal = np.zeros_like(shares[:, :1]), wanted[:, None]

    def divergence() -> np.ndarray:
        """But for what is the same for all items of a user."""
        mixed = (1 - _MIXED) * shares_of(listed + shares) + _MIXED * goal
        return -np.asarray((goal * np.log(mixed + _TINY)).sum(axis=2))

    def cost(rows: np.ndarray, picked: np.ndarray) -> np.ndarray:
        listed[:, 0] += shares[rows, picked]
        return divergence()

    return _in_turn(relevance, weight, divergence(), cost)


def _in_turn(
    relevance: np.ndarray,
    weight: float,
    first: np.ndarray,
    cost: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Take the best item again and again, given the costs (n, p) at the first place.

    `cost` finds them for the next one from rows (n,) and the items just picked (n,).
    """
    rows, order = np.arange(len(relevance)), np.empty(relevance.shape, dtype=np.int64)
    left, costs = (1 - weight) * relevance, first
    for place in range(relevance.shape[1]):
        order[:, place] = picked = (left - weight * costs).argmax(axis=1)
        left[rows, picked] = -np.inf
        costs = cost(rows, picked)
    return order


def shares_of(numbers: np.ndarray) -> np.ndarray:
    """Each row of numbers from 0 up over its sum, or all 0; rows are along the last axis."""
    total = numbers.sum(axis=-1, keepdims=True)
    return np.divide(numbers, total, out=np.zeros_like(numbers), where=total > 0)


class RerankConfig(Section):
    """Parameters."""

    #: the model whose lists are put in order: one entry of `models` under its name
    base: dict[str, ModelEntry] = Field(
        {"ials": ModelEntry(_target_="reelbench.models.ials.IALS")}, min_length=1, max_length=1
    )
    method: Literal["mmr", "calibrated", "popularity_floor"] = "mmr"  # what the new order is for
    #: weight of the cost, 0 for the base's order; a floor has none
    weight: float = Field(default=0.3, ge=0, lt=1)
    pool: PositiveInt = 100  # number of first places that are put in order
    #: feature block with the vectors, or the genres, of items; a floor reads none
    block: str = "genres"
    #: smallest number of ratings in train for a place above the others
    min_ratings: NonNegativeInt = 20

    @model_validator(mode="after")
    def _base_is_sound(self) -> Self:
        for name, entry in self.base.items():
            entry.check(f"base.{name}", paths.CONF / "models" / "_reranked.yaml")
        return self


class Rerank(Ranker):
    """Scores are the base's, dealt out anew among the pool: the highest to the first place.

    Equal ones are told apart by the smallest step of float32, so ties decide nothing. The base has
    the seed of this model. It only ranks. To calibrate to negative numbers is a ParamsError.
    """

    config: RerankConfig
    #: items of train and valid, CSR (n_users + 1, n_items); nothing for an unknown user
    _seen: Saved[sparse.csr_array]
    #: vector, shares of genres, or number of ratings of every item, float32 (n_items, d)
    _columns: Saved[np.ndarray]
    #: shares of genres of what a user has in train, float32 (n_users + 1, d)
    _wanted: Saved[np.ndarray]

    def prepare(self) -> None:
        self._create().prepare()

    @property
    def stochastic(self) -> bool:  # type: ignore[override]
        return self._create().stochastic

    def _create(self) -> Recommender:
        ((name, entry),) = self.config.base.items()
        return entry.create(name, seed=self.seed, threads=self.threads)

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        super()._fit(train, valid, features)
        ids, (entry,) = features.ids, self.config.base.values()
        blocks = {name: features[name] for name in entry.features}
        self._base = self._create().fit(train, valid, Features(ids, blocks))
        if self.config.method == "popularity_floor":
            columns = np.bincount(train.item_idx, minlength=ids.n_items)[:, None]
        else:
            columns = dense_columns(features[self.config.block], ids.n_items)
        if self.config.method == "calibrated":
            if columns.min(initial=0) < 0:
                raise ParamsError(f"block {self.config.block} is no shares: choose block: genres")
            columns = shares_of(columns)
        self._columns, size = columns.astype(np.float32), (ids.n_users + 1, ids.n_items)
        self._seen = Interactions.concat(train, valid).seen(*size).astype(np.float32)
        self._wanted = self._profile(train.seen(*size).astype(np.float32))

    def _profile(self, user_items: sparse.csr_array) -> np.ndarray:
        return shares_of(user_items @ np.maximum(self._columns, 0))

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        scores = self._base.score(user_idx).copy()
        rows = np.where(user_idx < 0, self.ids.n_users, user_idx)

        def work(block: slice) -> None:
            self._deal_out(scores[block], rows[block])

        # BLAS must not divide up what is divided up already
        with threadpool_limits(1, "blas"):
            for_row_blocks(work, len(scores), block=_ROWS, threads=self.threads)
        return scores

    def _deal_out(self, scores: np.ndarray, users: np.ndarray) -> None:
        """Put the pool of users (n,) in order, in their scores (n, n_items)."""
        size, rows = self.config.pool, np.arange(len(scores))
        candidates = np.where(self._seen[users].toarray() > 0, np.float32(-np.inf), scores)
        best = np.argsort(-candidates, axis=1, kind="stable")[:, : size + 1]
        values = np.take_along_axis(candidates, best, axis=1)
        # what all of the pool must exceed: the best item below it
        bound = values[:, size] if values.shape[1] > size else np.full_like(values[:, 0], -np.inf)
        values, pool = values[:, :size], np.sort(best[:, :size])
        own = np.take_along_axis(candidates, pool, axis=1)
        order = self._order(own, self._columns[pool], self._wanted[users])
        items = np.take_along_axis(pool, order, axis=1)
        for place in reversed(range(items.shape[1])):
            some = values[:, place] > -np.inf
            raised = np.maximum(values[:, place], np.nextafter(bound, np.float32(np.inf)))
            bound = np.where(some, raised, bound)
            scores[rows[some], items[some, place]] = bound[some]

    def _order(self, scores: np.ndarray, columns: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        low = np.where(scores > -np.inf, scores, np.inf).min(axis=1, keepdims=True)
        width = np.maximum(scores.max(axis=1, keepdims=True) - low, 1e-12)
        # what rounding alone tells apart stays in the order of items
        relevance = np.where(scores > -np.inf, ((scores - low) / width).round(5), -np.inf)
        if self.config.method == "popularity_floor":
            few = columns[:, :, 0] < self.config.min_ratings
            return np.lexsort((-relevance, few, relevance == -np.inf))
        if self.config.method == "mmr":
            return mmr(relevance, columns, self.config.weight)
        return calibrated(relevance, columns, wanted, self.config.weight)

    @property
    def can_fold_in(self) -> bool:
        return self._create().can_fold_in

    def _fold_in_users(self, profiles: Interactions, ids: Ids) -> Self:
        seen = profiles.seen(ids.n_users + 1, ids.n_items).astype(np.float32)
        base, wanted = FoldedIn(self._base, profiles), self._profile(seen)
        return self._copy(_ids=ids, _base=base, _seen=seen, _wanted=wanted)

    def _fold_in(self, user: NewUser) -> Self:
        seen = user.last_row(np.ones(len(user.items)), (self.ids.n_users + 1, self.ids.n_items))
        base = self._base.fold_in(user.items, user.ratings)
        return self._copy(_base=base, _seen=seen, _wanted=self._profile(seen))

    def _similar_items(self, item_idx: int) -> np.ndarray:
        return self._base.similar_items(item_idx)

    def _save_extra(self, folder: Path) -> None:
        self._base.save(folder / _BASE)

    def _load_extra(self, folder: Path) -> None:
        self._base = Recommender.load(folder / _BASE)
