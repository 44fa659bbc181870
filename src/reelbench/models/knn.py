"""Models `knn_item`, `knn_user`, …: residuals of similar items or users, on top of a baseline.

rating ≈ b_ui + Σ s·(r - b) / Σ s over the k most similar items that the user has rated (users that
have rated the item). With damped biases for b it is Koren (2010), "Factor in the Neighbors",
formula 3, Surprise's KNNBaseline; other baselines make its KNNBasic, KNNWithMeans, KNNWithZScore.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveInt
from scipy import sparse

from reelbench.models.base import Arrays, Features, Ids, Interactions, Recommender, Saved
from reelbench.models.shared.biases import (
    ROUNDS,
    Biases,
    DampingConfig,
    damped_biases,
    group_means,
)
from reelbench.models.shared.neighbours import means_of_items, means_of_pairs
from reelbench.models.shared.user_items import NewUser, for_every_user, with_unknown
from reelbench.parallel import CSR, for_row_blocks, kernel, parts, square_by_rows
from reelbench.params import ParamsError, Section

_USERS_AT_ONCE = 8  # users that a thread takes at a time
_SMALLEST = 1e-6  # standard deviation; below it is rounding, and all ratings are equal
_COSINE, _MSD, _PEARSON = range(3)
_MEASURES = {"cosine": _COSINE, "pearson_baseline": _COSINE, "msd": _MSD, "pearson": _PEARSON}


class KNNConfig(DampingConfig):
    """Parameters; the defaults are those of Surprise's KNNBaseline, of items."""

    #: whether residuals come from similar items that the user rated, or similar users of the item
    based_on: Literal["item", "user"] = "item"
    #: of the ratings in common 1 / (1 + mean squared difference), cosine or correlation, or the
    #: cosine of their residuals after the damped biases
    similarity: Literal["msd", "cosine", "pearson", "pearson_baseline"] = "pearson_baseline"
    k: PositiveInt = 40  # neighbours that a prediction takes at most, the most similar first
    min_k: PositiveInt = 1  # with fewer neighbours than this a prediction is that of the biases
    min_support: PositiveInt = 1  # ratings in common without which there is no similarity
    shrinkage: NonNegativeFloat = 100.0  # common ratings, minus one, for half of a similarity
    stored: PositiveInt = 500  # similar items (users) stored for each, whoever has rated them
    rounds: PositiveInt = ROUNDS  # of fitting biases of items and of users in turn; 10 in Surprise
    #: what neighbours' ratings are compared with: damped biases of users and items; the mean of
    #: train (a prediction is then the weighted mean of ratings); the neighbour's own mean, item or
    #: user; or that in the neighbour's own standard deviations
    baseline: Literal["biases", "mean", "own_mean", "z_score"] = "biases"


class KNN(Recommender):
    """Weighted mean over neighbours, of positive similarity alone.

    A cold or unknown user or item has no neighbours: the biases answer, or with another baseline
    the mean of train. Of equally similar neighbours that of the lower index counts first. Training
    takes the sum of squares of the users' numbers of ratings (based on users: the items'); up to
    `stored` similarities of 8 bytes are kept for every item (user), and the ratings. Fold-in is
    exact; based on users it is so for a user who is not in train, while one of train meets
    themselves.

    Attributes:
        biases: the baseline, whichever it is.
        spread: float64, standard deviations of items (users) for `z_score`, otherwise ones; the
            last is that of all ratings.
        residual: CSR (n_users + 1, n_items + 1), of the ratings after the biases, over the spread.
        similar: square CSR over items (users), a row's entries from the most similar on.

    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 1, 1], [5, 4, 2, 1, 4])
    >>> model = KNN(shrinkage=0).fit(train)
    >>> model.similar_items(1).round(2)
    array([0.75, 0.  ])
    >>> model.predict([2], [0]).round(1)
    array([4.2], dtype=float32)
    """

    config: KNNConfig
    biases: Saved[Biases]
    spread: Saved[np.ndarray]
    residual: Saved[sparse.csr_array]
    similar: Saved[sparse.csr_array]

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        config, ids = self.config, features.ids
        index, size = train.item_idx, ids.n_items + 1
        if config.based_on == "user":
            index, size = train.user_idx, ids.n_users + 1
        self.biases = self._baseline(train, ids, index, size)
        residual = train.rating - self.biases.predict(train.user_idx, train.item_idx)
        self.spread = np.ones(size)
        if config.baseline == "z_score":
            overall = train.rating.std(dtype=np.float64) or 1.0
            own = np.sqrt(group_means(index, residual**2, size))
            self.spread = np.where(own > _SMALLEST, own, overall)
            self.spread[-1] = overall
        compared = train.rating
        if config.similarity == "pearson_baseline":
            damped = self.biases if config.baseline == "biases" else self._damped(train, ids)
            compared = train.rating - damped.predict(train.user_idx, train.item_idx)
        values = with_unknown(train, compared, ids)
        self.residual = with_unknown(train, (residual / self.spread[index]).astype(np.float32), ids)
        compared_rows = values if config.based_on == "user" else values.T.tocsr()
        self.similar = similar_rows(compared_rows, config, threads=self.threads)
        self._turn()

    @property
    def _own(self) -> bool:
        """Whether the baseline is that of the user or the item alone."""
        return self.config.baseline in ("own_mean", "z_score")

    def _damped(self, train: Interactions, ids: Ids) -> Biases:
        return damped_biases(train, ids, self.config, rounds=self.config.rounds)

    def _baseline(self, train: Interactions, ids: Ids, index: np.ndarray, size: int) -> Biases:
        if self.config.baseline == "biases":
            return self._damped(train, ids)
        mean = float(train.rating.mean(dtype=np.float64))
        biases = Biases(mean, np.zeros(ids.n_users + 1), np.zeros(ids.n_items + 1))
        if self._own:
            of = biases.user if self.config.based_on == "user" else biases.item
            of[:] = group_means(index, train.rating, size) - mean
        return biases

    def _turn(self) -> None:
        """What is known of an item: items that have it in their list, or users that rated it."""
        turned = self.similar if self.config.based_on == "item" else self.residual
        self._of_item = parts(turned.T.tocsr())

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        means = self._means(user_idx, item_idx, self.threads)
        rating = self.biases.predict(user_idx, item_idx) + means
        return np.where(self._alone(user_idx, item_idx), self.biases.mean, rating)

    def _means(self, user_idx: np.ndarray, item_idx: np.ndarray, threads: int) -> np.ndarray:
        """What the k most similar neighbours of every pair add to the biases, float64 (n,)."""
        # -1 is the last row, also for a kernel
        users, items = user_idx % (self.ids.n_users + 1), item_idx % (self.ids.n_items + 1)
        keys, rows, rated = users, items, parts(self.residual)
        if self.config.based_on == "user":
            keys, rows, rated = items, users, self._of_item
        k, min_k = self.config.k, self.config.min_k
        similar = parts(self.similar)
        means = means_of_pairs(keys, rows, rated, similar, k=k, min_k=min_k, threads=threads)
        return means * self.spread[rows]

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        users, items = user_idx % (self.ids.n_users + 1), np.arange(self.ids.n_items)
        ratings = np.zeros((len(users), len(items)))
        rated, of_users = parts(self.residual), self.config.based_on == "user"
        fill: Callable[..., None] = _means_of_users if of_users else means_of_items
        others = parts(self.similar) if of_users else self._of_item

        def work(rows: slice) -> None:
            part = ratings[rows]
            fill(users[rows], rated, others, self.config.k, self.config.min_k, part)
            part *= self.spread[users[rows], None] if of_users else self.spread[:-1]
            more = np.nonzero(np.isnan(part))
            if len(more[0]):
                part[more] = self._means(users[rows][more[0]], more[1], threads=1)
            part += self.biases.score(users[rows])
            part[:] = np.where(self._alone(users[rows, None], items), self.biases.mean, part)

        for_row_blocks(work, len(users), block=_USERS_AT_ONCE, threads=self.threads)
        return ratings

    def _alone(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        """Whether a baseline of their own has nothing of the users (based on users: the items)."""
        if self.config.based_on == "user":
            return self._own & (np.diff(self._of_item[0])[item_idx] == 0)
        return self._own & (np.diff(self.residual.indptr)[user_idx] == 0)

    def _similar_items(self, item_idx: int) -> np.ndarray:
        if self.config.based_on == "user":
            return super()._similar_items(item_idx)
        return self.similar[[item_idx]].toarray()[0, :-1]

    def _fold_in(self, user: NewUser) -> Self:
        biases, spread = self.biases, self.spread
        if self.config.baseline == "biases":
            biases, residual = biases.fold_in(user, self.config.user_damping)
        elif self._own and self.config.based_on == "user":
            residual = user.ratings - user.ratings.mean()
            bias = for_every_user(user.ratings.mean() - biases.mean, self.ids.n_users)
            biases = Biases(biases.mean, bias, biases.item)
            if self.config.baseline == "z_score" and residual.std() > _SMALLEST:
                spread = for_every_user(residual.std(), self.ids.n_users)
        else:
            residual = user.ratings - biases.mean - biases.item[user.items]
        if self.config.based_on == "item":
            rows = user.last_row(residual / spread[user.items], self.residual.shape)
            return self._copy(biases=biases, residual=rows)
        return self._copy(biases=biases, spread=spread, similar=self._similar_users(user, residual))

    def _similar_users(self, user: NewUser, residual: np.ndarray) -> sparse.csr_array:
        """The users most similar to a new one, in the last row, as `similar_rows` finds them."""
        values, own = self.residual, residual
        if (self.config.similarity, self.config.baseline) != ("pearson_baseline", "biases"):
            # ratings again, from their residuals
            users = np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))
            ratings = values.data * self.spread[users] + self.biases.predict(users, values.indices)
            own = user.ratings
            if self.config.similarity == "pearson_baseline":
                train = Interactions.from_arrays(users, values.indices, ratings)
                damped = self._damped(train, self.ids)
                ratings -= damped.predict(users, values.indices)
                _, own = damped.fold_in(user, self.config.user_damping)
            values = sparse.csr_array((ratings, values.indices, values.indptr), values.shape)
        return similar_rows(values, self.config, user.last_row(own, values.shape), self.threads)

    def _restore(self, state: Arrays) -> None:
        super()._restore(state)
        self.similar = largest_first(self.similar)  # columns of a row are stored in ascending order
        self._turn()


def similar_rows(
    values: sparse.csr_array,
    config: KNNConfig,
    of: sparse.csr_array | None = None,
    threads: int = 1,
) -> sparse.csr_array:
    """The rows most like each row, by the similarity of the config over common columns, shrunk.

    With n columns in common the cosine is Σ x·y / sqrt(Σ x² Σ y²) · (n - 1) / (n - 1 + shrinkage),
    Koren (2010), section 2.2. Memory beside the result: 60 bytes per row of `values` and thread.

    Args:
        values: (n, m); an entry of zero is an entry.
        config: which similarity, and its `min_support`, `shrinkage` and `stored`.
        of: rows (n, m) in place of `values` whose similar rows among `values` are wanted.

    Returns:
        float32 CSR (n, n), positive similarities alone, in the order of `largest_first`; no row is
        similar to that of the same number.
    """
    # residuals of a single rating in common mean nothing
    fewest = 2 if config.similarity == "pearson_baseline" else 1
    settings = max(fewest, config.min_support), config.shrinkage, config.stored
    entries, columns = parts(values if of is None else of), parts(values.T.tocsr())
    nearest = partial(_nearest, entries, columns, _MEASURES[config.similarity], *settings)
    return square_by_rows(nearest, values.shape[0], threads)


def largest_first(matrix: sparse.csr_array) -> sparse.csr_array:
    """Entries of every row, the largest first; of equal ones the left first."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, row))
    entries = matrix.data[order], matrix.indices[order], matrix.indptr
    return sparse.csr_array(entries, matrix.shape)


@kernel
def _nearest(
    rows: CSR,
    columns: CSR,
    measure: int,
    min_common: int,
    shrinkage: float,
    kept: int,
    first: int,
    last: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of `similar_rows`, for the rows from `first` to `last`: int64 (n,), int32 and float32.

    These are numbers of similar rows, and the rows and similarities one after the other.
    """
    starts, indices, data = rows
    column_starts, others, values = columns
    n_others = len(starts) - 1
    counts = np.zeros(last - first, np.int64)
    near = np.empty((last - first) * min(kept, n_others), np.int32)
    weights = np.empty(len(near), np.float32)
    end = 0
    sums = np.zeros((n_others, 6 if measure == _PEARSON else 4))
    keys = np.empty(n_others, np.int64)
    similarity = np.zeros(1, np.float32)
    for row in range(first, last):
        if starts[row] == starts[row + 1]:
            continue
        sums[:] = 0.0
        for entry in range(starts[row], starts[row + 1]):
            x = data[entry]
            for place in range(column_starts[indices[entry]], column_starts[indices[entry] + 1]):
                y, sum_ = values[place], sums[others[place]]
                sum_[0] += x * y
                sum_[1] += x * x
                sum_[2] += y * y
                sum_[3] += 1.0
                if measure == _PEARSON:
                    sum_[4] += x
                    sum_[5] += y
        n_found = 0
        for other in range(n_others):
            common, product, xx, yy = sums[other, 3], sums[other, 0], sums[other, 1], sums[other, 2]
            if common < min_common or other == row:
                continue
            norm = xx * yy
            if measure == _MSD:
                product, norm = common, (common + max(xx + yy - 2.0 * product, 0.0)) ** 2
            elif measure == _PEARSON:
                product = common * product - sums[other, 4] * sums[other, 5]
                left_x = common * xx - sums[other, 4] ** 2
                left_y = common * yy - sums[other, 5] ** 2
                # of equal ratings rounding is left
                varied = left_x > 1e-12 * common * xx and left_y > 1e-12 * common * yy
                norm = left_x * left_y if varied else 0.0
            if norm <= 0.0 or product <= 0.0:
                continue
            # a single common column has no weight, unless nothing is shrunk
            weight = (common - 1) / (common - 1 + shrinkage) if common - 1 + shrinkage > 0 else 1.0
            similarity[0] = product / np.sqrt(norm) * weight
            if similarity[0] > 0.0:
                # in the order of the similarities, then from the right: bits of positive floats
                # are ordered as the floats are
                bits = np.int64(similarity.view(np.int32)[0])
                keys[n_found] = (bits << 32) + n_others - other
                n_found += 1
        best = keys[:n_found]
        if n_found > kept:
            best = np.partition(best, n_found - kept)[n_found - kept :]
        best = np.sort(best)[::-1]
        counts[row - first] = len(best)
        for key in best:
            near[end] = n_others - (key & 0xFFFFFFFF)
            weights[end : end + 1].view(np.int32)[0] = key >> 32
            end += 1
    return counts, near[:end], weights[:end]


@kernel
def _means_of_users(
    users: np.ndarray, rated: CSR, others: CSR, k: int, min_k: int, means: np.ndarray
) -> None:
    """Mean residual of the k most similar users (`others`) that have rated the item."""
    starts, items, residuals = rated
    sums = np.zeros((means.shape[1], 4))
    for row, user in enumerate(users):
        sums[:] = 0.0
        for near in range(others[0][user], others[0][user + 1]):
            weight, other = np.float64(others[2][near]), others[1][near]
            for entry in range(starts[other], starts[other + 1]):
                sum_ = sums[items[entry]]
                if sum_[2] < k:
                    sum_[0] += weight * residuals[entry]
                    sum_[1] += weight
                sum_[2] += 1.0
        for item in range(means.shape[1]):
            if sums[item, 1] > 0.0 and sums[item, 2] >= min_k:
                means[row, item] = sums[item, 0] / sums[item, 1]


class FilledKNNConfig(Section):
    """Parameters, as published."""

    k: PositiveInt = 100  # most similar users that are averaged, whether or not they rated it
    #: cells of the matrix of users and movies, 8 bytes each; with more a fit is refused
    most_cells: PositiveInt = 100_000_000


class FilledKNN(Recommender):
    """Mean of the k most similar users' filled rows, weighted by the cosine of those rows.

    A cold or unknown movie is a gap of every user; a cold or unknown user has the mean of all rows.
    A matrix of more than `most_cells` cells is a ParamsError.
    """

    config: FilledKNNConfig
    means: Saved[np.ndarray]  # float32 (n_users + 1, n_items + 1)

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        shape = features.ids.n_users + 1, features.ids.n_items + 1
        if shape[0] * shape[1] > self.config.most_cells:
            raise ParamsError(
                f"the filled matrix has {shape[0]:,} by {shape[1]:,} cells, more than most_cells = "
                f"{self.config.most_cells:,}: leave out users and movies with few ratings (filter)"
            )
        warm = np.unique(train.user_idx)
        filled = np.empty(shape, np.float32)
        filled[:] = group_means(train.user_idx, train.rating, shape[0])[:, None]
        filled[train.user_idx, train.item_idx] = train.rating
        filled = filled[warm]
        unit = filled[:, np.unique(train.item_idx)]
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        self.means = np.tile(filled.mean(axis=0), (shape[0], 1))
        for row, user in enumerate(warm[: len(warm) if len(warm) > 1 else 0]):
            similar = unit @ unit[row]
            similar[row] = -np.inf
            near = np.argsort(-similar, kind="stable")[: min(self.config.k, len(warm) - 1)]
            self.means[user] = np.average(filled[near], axis=0, weights=similar[near])

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return self.means[user_idx, item_idx]
