"""Model `markov`: what is rated soon after what, counted. The yardstick for sequential models.

C[a, b] adds up over all users decay^(gap - 1) for each rating of b that comes `gap` places after
one of a, up to `window` places, and `backward` times as much for each that comes before. A user's
score of b follows from the latest ratings:

    score(b) = Σ_a memory^age(a) · (C[a, b] + λ · share(b)) / (C[a] + λ)^normalization / count(b)^p

where C[a] is the sum of row a and p is `popularity_power`. With the defaults this is the chance of
b after the last rating, shrunk to popularity by λ pseudo-counts: a Markov chain of order one, as in
Rendle et al. (2010), "Factorizing Personalized Markov Chains".
"""

from typing import Self

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from scipy import sparse

from reelbench.models.base import Features, Ids, Interactions, NewUser, Saved, Section
from reelbench.models.shared.fold_in import ProfileRanker
from reelbench.models.shared.user_items import age, in_order

_LEAST = 1e-6  # weight below which an early rating of a user is forgotten


class MarkovConfig(Section):
    """Parameters; the defaults are a Markov chain of order one."""

    window: PositiveInt = 1  # places up to which one rating is counted as coming after another
    decay: float = Field(1.0, gt=0, le=1)  # factor on the count with every place between
    backward: float = Field(0.0, ge=0, le=1)  # weight of the other direction; 1: there is no order
    memory: float = Field(0.0, ge=0, le=1)  # factor on a user's rating with every later one
    shrinkage: PositiveFloat = 10.0  # λ, pseudo-counts by popularity in every row
    normalization: float = Field(1.0, ge=0, le=1)  # exponent on the sum of a row
    popularity_power: NonNegativeFloat = 0.0  # exponent on the recommended item's count
    min_rating: float | None = None  # smallest rating that is a part of the sequence; None: any


class Markov(ProfileRanker):
    """Closed form; memory: 12 bytes per pair of items that are within the window, twice in a fit.

    An item without ratings has the lowest score, 0. The order of a new user's ratings counts.

    >>> users, items, times = [0, 0, 0, 1, 1], [0, 1, 2, 2, 0], [1, 2, 3, 1, 2]
    >>> train = Interactions.from_arrays(users, items, [5] * 5, times)
    >>> model = Markov(shrinkage=0.1).fit(train)
    >>> [int(model.fold_in(liked, [5, 5]).score([-1]).argmax()) for liked in ([2, 0], [2, 1])]
    [1, 2]
    """

    config: MarkovConfig
    _transitions: Saved[sparse.csr_array]  # float32 (n_items, n_items)
    _weight: Saved[np.ndarray]  # float32 (n_items,), what the popularity counts for each a
    _popular: Saved[np.ndarray]  # float32 (n_items,)

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        super()._fit(train, valid, features)
        config, ids = self.config, features.ids
        rows = in_order(train, config.min_rating)
        counts = self._counts(rows, ids.n_items)
        ratings = np.bincount(rows.item_idx, minlength=ids.n_items)
        weight = (np.asarray(counts.sum(axis=1)) + config.shrinkage) ** -config.normalization
        lift = np.maximum(ratings, 1.0) ** -config.popularity_power
        counts.data *= np.repeat(weight, np.diff(counts.indptr)) * lift[counts.indices]
        self._transitions, self._weight = counts, weight.astype(np.float32)
        self._popular = (config.shrinkage / len(rows) * ratings * lift).astype(np.float32)

    def _counts(self, rows: Interactions, n_items: int) -> sparse.csr_array:
        """C, float32 CSR (n_items, n_items)."""
        user, item = rows.user_idx, rows.item_idx
        counts = sparse.csr_array((n_items, n_items), dtype=np.float32)
        for gap in range(1, min(self.config.window, len(rows) - 1) + 1):
            same = np.flatnonzero(user[:-gap] == user[gap:])
            value = np.full(len(same), self.config.decay ** (gap - 1), np.float32)
            counts += sparse.csr_array((value, (item[same], item[same + gap])), counts.shape)
        if self.config.backward:
            counts += np.float32(self.config.backward) * counts.T.tocsr()
        return counts

    def _rows(self, ratings: Interactions, ids: Ids) -> sparse.csr_array:
        rows = in_order(ratings, self.config.min_rating)
        value = np.power(self.config.memory, age(rows.user_idx), dtype=np.float64)
        kept = value >= _LEAST
        pairs = rows.user_idx[kept], rows.item_idx[kept]
        return sparse.csr_array((value[kept], pairs), shape=(ids.n_users, ids.n_items))

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        rows = self._profiles.rows(user_idx)
        scores: np.ndarray = (rows @ self._transitions).toarray()
        return scores + (rows @ self._weight)[:, None] * self._popular

    def _fold_in(self, user: NewUser) -> Self:
        least = self.config.min_rating
        if least is not None and user.ratings.max() < least:
            return self._copy()  # in which the unknown user is the mean user
        return super()._fold_in(user)
