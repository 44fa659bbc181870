"""Model `slope_one`: the user's mean, and how far others rate this item above those they share.

rating ≈ mean_u + mean over the user's items j of dev(i, j), the mean of r_vi - r_vj over the users
v of both: Lemire & Maclachlan (2005), "Slope One Predictors for Online Rating-Based Collaborative
Filtering". The numbers are those of Surprise, which cuts half stars off (4.5 counts as 4).
"""

from functools import partial
from typing import Self

import numpy as np
from scipy import sparse

from reelbench.models.base import Features, Interactions, NewUser, Recommender, Saved
from reelbench.models.shared.biases import group_means
from reelbench.models.shared.neighbours import means_of_items, means_of_pairs
from reelbench.models.shared.user_items import for_every_user, with_unknown
from reelbench.parallel import CSR, for_row_blocks, kernel, parts, square_by_rows

_USERS_AT_ONCE = 32  # users that a thread takes at a time


class SlopeOne(Recommender):
    """Slope One, quadratic in items: it keeps 8 bytes for every two items with a common user.

    An item that shares no user with the user's items has the user's mean; where user or item is
    cold or unknown, the answer is the mean of train, as in Surprise. Fold-in is exact.
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
        # dev(i, j) has an entry wherever a user rated both, zeros included
        ratings = with_unknown(train, train.rating.astype(np.float64), features.ids)
        differences = partial(_differences, parts(ratings.T.tocsr()), parts(ratings))
        self._deviation = square_by_rows(differences, n_items + 1, self.threads)

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        # -1 is the last row, also for a kernel
        users, items = user_idx % (self.ids.n_users + 1), item_idx % (self.ids.n_items + 1)
        ones, deviation, k = parts(self._rated), parts(self._deviation), self.ids.n_items + 1
        means = means_of_pairs(
            users, items, ones, deviation, k=k, weighted=False, threads=self.threads
        )
        n_rated, n_near = np.diff(self._rated.indptr)[users], np.diff(self._deviation.indptr)[items]
        return np.where((n_rated > 0) & (n_near > 0), self._user_mean[users] + means, self._mean)

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        users = user_idx % (self.ids.n_users + 1)
        rating = np.zeros((len(users), self.ids.n_items))
        # dev(i, j) = -dev(j, i)
        arrays = parts(-self._rated), parts(self._deviation), self.ids.n_items, 1

        def work(rows: slice) -> None:
            means_of_items(users[rows], *arrays, rating[rows], False)

        for_row_blocks(work, len(users), block=_USERS_AT_ONCE, threads=self.threads)
        rating += self._user_mean[users, None]
        rating[np.diff(self._rated.indptr)[users] == 0] = self._mean
        rating[:, np.diff(self._deviation.indptr)[:-1] == 0] = self._mean
        return rating

    def _fold_in(self, user: NewUser) -> Self:
        rated = user.last_row(np.ones(len(user.items)), self._rated.shape)
        mean = for_every_user(user.ratings.mean(), self.ids.n_users)
        return self._copy(_rated=rated, _user_mean=mean)


@kernel
def _differences(
    by_item: CSR, by_user: CSR, first: int, last: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number of entries in the rows from `first` to `last`, their columns, and their dev(i, j)."""
    starts, users, own = by_item
    user_starts, items, ratings = by_user
    n_items = len(starts) - 1
    counts = np.zeros(last - first, np.int64)
    columns = np.empty((last - first) * n_items, np.int32)
    values = np.empty(len(columns), np.float32)
    sums = np.zeros((n_items, 2))
    end = 0
    for item in range(first, last):
        sums[:] = 0.0
        for entry in range(starts[item], starts[item + 1]):
            for place in range(user_starts[users[entry]], user_starts[users[entry] + 1]):
                sum_ = sums[items[place]]
                sum_[0] += own[entry] - ratings[place]
                sum_[1] += 1.0
        for other in range(n_items):
            if sums[other, 1] > 0.0:
                columns[end] = other
                values[end] = sums[other, 0] / sums[other, 1]
                counts[item - first] += 1
                end += 1
    return counts, columns[:end], values[:end]
