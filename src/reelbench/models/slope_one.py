"""Model `slope_one`: the user's mean, and how far others rate this item above those they share.

rating ≈ mean_u + mean over the user's items j of dev(i, j), where dev(i, j) is the mean of
r_vi - r_vj over the users v of both: Lemire & Maclachlan (2005), "Slope One Predictors for Online
Rating-Based Collaborative Filtering". The same numbers as Surprise's SlopeOne where ratings are
whole; that one cuts half stars off (4.5 counts as 4).
"""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import Recommender
from reelbench.models.shared.biases import group_means
from reelbench.models.shared.state import Saved
from reelbench.models.shared.user_items import (
    NewUser,
    for_every_user,
    groups,
    refilled,
    slices,
    with_unknown,
)


class SlopeOne(Recommender):
    """Slope One, quadratic in items: it keeps 8 bytes for every two items with a common user.

    That is 13 MB for MovieLens 100K, 141 MB for ml-latest-small and at most 8 · n_items² bytes. An
    item that shares no user with the user's items has the user's mean; where user or item is cold
    or unknown, the answer is the mean of train, as in Surprise. Fold-in is exact.
    """

    _mean: Saved[float]
    _user_mean: Saved[np.ndarray]
    _rated: Saved[sparse.csr_array]
    _deviation: Saved[sparse.csr_array]

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        n_users, n_items = features.ids.n_users, features.ids.n_items
        self._mean = float(train.rating.mean(dtype=np.float64))
        self._user_mean = group_means(train.user_idx, train.rating, n_users + 1)
        self._rated = train.seen(n_users + 1, n_items + 1).astype(np.float32)
        ratings = with_unknown(train, train.rating.astype(np.float64), features.ids)
        self._deviation = _deviations(ratings)

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        rating = np.empty(len(user_idx))
        for user, rows in groups(user_idx):
            deviation = self._deviation[item_idx[rows]]
            rated = np.zeros(deviation.shape[1], dtype=bool)
            rated[self._rated[[user]].indices] = True
            own = np.flatnonzero(rated[deviation.indices])
            place = np.repeat(np.arange(len(rows)), np.diff(deviation.indptr))[own]
            total = np.bincount(place, deviation.data[own], minlength=len(rows))
            count = np.bincount(place, minlength=len(rows))
            rating[rows] = self._user_mean[user] + _mean(total, count)
        known = self._known_users[user_idx] & self._known_items[item_idx]
        return np.where(known, rating, self._mean)

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        rated, deviation = self._rated[user_idx], self._deviation
        count = (rated @ refilled(deviation, np.ones_like(deviation.data))).toarray()
        total = -(rated @ deviation).toarray()  # dev(i, j) = -dev(j, i)
        rating = self._user_mean[user_idx, None] + _mean(total, count)
        known = self._known_users[user_idx, None] & self._known_items
        return np.where(known, rating, self._mean)[:, :-1]

    def _fold_in(self, user: NewUser) -> Self:
        other = self._copy()
        other._rated = user.last_row(np.ones(len(user.items)), self._rated.shape)
        other._user_mean = for_every_user(user.ratings.mean(), self.ids.n_users)
        return other

    @property
    def _known_users(self) -> np.ndarray:
        return np.diff(self._rated.indptr) > 0

    @property
    def _known_items(self) -> np.ndarray:
        return np.diff(self._deviation.indptr) > 0


def _mean(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Total over count, 0 where there is nothing: float64."""
    return np.divide(total, count, out=np.zeros(total.shape), where=count > 0)


def _deviations(ratings: sparse.csr_array) -> sparse.csr_array:
    """dev(i, j), float32 (n, n) with an entry wherever a user rated both, zeros included."""
    rated = refilled(ratings, np.ones_like(ratings.data))
    by_item, rated_by = ratings.T.tocsr(), rated.T.tocsr()
    n_items = ratings.shape[1]
    pieces = []
    for part in slices(n_items, n_items):
        count = (rated_by[part] @ rated).toarray()
        total = (by_item[part] @ rated - rated_by[part] @ ratings).toarray()
        row, column = np.nonzero(count)
        values = (total[row, column] / count[row, column]).astype(np.float32)
        pieces.append(sparse.csr_array((values, (row, column)), shape=count.shape))
    return sparse.vstack(pieces, format="csr")
