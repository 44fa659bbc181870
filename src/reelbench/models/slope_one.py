"""Model `slope_one`: the user's mean, and by how much others rate this item above those they share.

rating ≈ mean_u + mean over the user's items j of dev(i, j), where dev(i, j) is the mean of
r_vi - r_vj over the users v of both: Lemire & Maclachlan (2005), "Slope One Predictors for Online
Rating-Based Collaborative Filtering". The same numbers as Surprise's SlopeOne where ratings are
whole; that one cuts half stars off (4.5 counts as 4).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import Arrays, Recommender
from reelbench.models.effects import group_means
from reelbench.models.matrices import matrix_of, matrix_state, refilled, slices


class SlopeOne(Recommender):
    """Slope One, quadratic in items: it keeps 8 bytes for every two items with a common user.

    That is 15 MB for MovieLens 100K, 100 MB for ml-latest-small and at most 8 · n_items² bytes. An
    item that shares no user with the user's items has the user's mean; where user or item is cold
    or unknown, the answer is the mean of train, as in Surprise.
    """

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        n_users, n_items = features.ids.n_users, features.ids.n_items
        self._mean = float(train.rating.mean(dtype=np.float64))
        self._user_mean = group_means(train.user_idx, train.rating, n_users + 1)
        # a last row without ratings for an unknown user, a last column for an unknown item
        self._rated = train.seen(n_users + 1, n_items + 1).astype(np.float32)
        ratings = sparse.csr_array(
            (train.rating.astype(np.float64), (train.user_idx, train.item_idx)),
            shape=self._rated.shape,
        )
        self._deviation = _deviations(ratings)

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        users, place = np.unique(user_idx, return_inverse=True)
        order = np.argsort(place, kind="stable")
        rating = np.empty(len(user_idx))
        for part in slices(len(users), self.ids.n_items):
            first, last = np.searchsorted(place[order], [part.start, part.stop])
            asked = order[first:last]
            rating[asked] = self._rows(users[part])[place[asked] - part.start, item_idx[asked]]
        return rating

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        return self._rows(user_idx)[:, :-1]

    def _rows(self, user_idx: np.ndarray) -> np.ndarray:
        """Predictions (n, n_items + 1), the last column for an unknown item."""
        deviation = self._deviation
        shared = refilled(deviation, np.ones_like(deviation.data))
        rated = self._rated[user_idx]
        count = (rated @ shared).toarray()
        # dev(i, j) = -dev(j, i)
        total = -(rated @ deviation).toarray().astype(np.float64)
        shift = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
        rows = self._user_mean[user_idx, None] + shift
        rows[:, shared.diagonal() == 0] = self._mean
        rows[np.diff(rated.indptr) == 0] = self._mean
        return rows

    def _state(self) -> Arrays:
        own = {"mean": np.array(self._mean), "user_mean": self._user_mean}
        rated, deviation = matrix_state("rated", self._rated), self._deviation
        return {**own, **rated, **matrix_state("deviation", deviation)}

    def _restore(self, state: Arrays) -> None:
        self._mean, self._user_mean = float(state["mean"]), state["user_mean"]
        self._rated, self._deviation = matrix_of("rated", state), matrix_of("deviation", state)


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
