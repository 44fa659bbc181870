"""What models are evaluated on: everything that is the same for each of them, computed once."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from scipy import sparse

from reelbench import seeds
from reelbench.data.interactions import Ids, Interactions, Parts
from reelbench.evaluation import EvaluateConfig, Floats, Ints, metrics
from reelbench.evaluation import beyond_accuracy as beyond
from reelbench.evaluation.cohorts import cohorts_of, cold
from reelbench.evaluation.ranking_metrics import graded_gains, inverse_propensities
from reelbench.evaluation.scoring import Lists
from reelbench.faults import Fault
from reelbench.machine import memory_bytes
from reelbench.models.base import Recommender
from reelbench.params import ParamsError

# memory that an evaluation takes for each rating: its columns, five error terms, and copies
_BYTES_PER_RATING = 200


class Task:
    """The test part and what belongs to it, for n test users.

    Attributes:
        test: the rows that errors are computed on.
        users: test users, ascending (n,).
        n_all_users: number of test users of which `users` are a sample.
        row_of_rating: place in `users` of the user of every test row.
        relevant: what each user is to be recommended, boolean CSR (n, n_items).
        gains: what each of these items counts where they count differently, float64 CSR (n,
            n_items): `rating` (`graded_gains`) and `propensity` (`inverse_propensities`).
        seen: what each user has in train, valid or profile, boolean CSR (n, n_items).
        own: the items that a fault ranks for each user, boolean CSR (n, n_items); None: all.
        among: items that may be recommended, bool (n_items,); None for all.
        counts: ratings per item in train, int64 (n_items,).
        information, profile: see `RecommendedLists`.
        cold_users: which users have no row in train or profile, bool (n,).
        cold_user_rows, cold_item_rows: the test rows of cold users and items, bool (n_test,).
        cohorts: see `cohorts_of`.
    """

    def __init__(
        self,
        parts: Parts,
        ids: Ids,
        config: EvaluateConfig,
        movies: beyond.Movies,
        seed: int = 0,
        faults: Collection[Fault] = (),
    ) -> None:
        """Arguments as of `evaluate`; a ParamsError if test is empty or lists are too long."""
        if len(parts.test) == 0:
            raise ParamsError("the test part is empty: make `split` leave some ratings for it")
        config.check(ids.n_items)
        self.parts, self.ids, self.config, self.movies = parts, ids, config, movies
        self.seed, self.faults = seed, faults
        train, given, size = parts.train, parts.given, (ids.n_users, ids.n_items)
        rows_of_user = np.bincount(given.user_idx, minlength=ids.n_users)
        rows = parts.test
        if Fault.SCORE_FILLED_MATRIX in faults:
            rows = filled_rows(train)
        if Fault.SCORE_TRAIN_ROWS in faults:
            rows = Interactions.concat(known_rows(parts), rows)
        if Fault.DROP_COLD_ITEMS in faults:
            rows = rows.select(~cold(rows.item_idx, train.item_idx))
        self.test, self.n_all_users = _sample(rows, rows_of_user, self)
        self.users, self.row_of_rating = np.unique(self.test.user_idx, return_inverse=True)
        profile = [] if parts.profile is None else [parts.profile]
        self.seen = Interactions.concat(known_rows(parts), *profile).seen(*size)[self.users]
        only_own = Fault.OWN_TEST_ITEMS_ONLY in faults
        self.own = parts.test.seen(*size)[self.users] if only_own else None
        self.counts = beyond.popularity(train, ids.n_items)
        self.want(parts.test, self.users)
        self.among = None if config.candidates == "catalogue" else self.counts > 0
        n_train_users = int(np.count_nonzero(np.bincount(train.user_idx)))
        self.information = beyond.self_information(self.counts, n_train_users)
        self.profile = beyond.profile_popularity(given, self.counts, ids.n_users)[self.users]
        self.cold_users = rows_of_user[self.users] == 0
        self.cold_user_rows = cold(self.test.user_idx, given.user_idx)
        self.cold_item_rows = cold(self.test.item_idx, train.item_idx)
        self.cohorts = list(cohorts_of(rows_of_user, self.counts, movies))

    def want(self, test: Interactions, users: Ints) -> None:
        """Set what these users (n,) are to be recommended, and what each item counts."""
        ids, rows = self.ids, _relevant_rows(test, self.config)
        self.relevant = relevant_items(test, self, self.config)[users]
        by_item = inverse_propensities(self.counts, self.config.propensity_power)
        columns = (by_item[self.relevant.indices], self.relevant.indices, self.relevant.indptr)
        rare = sparse.csr_array(columns, shape=self.relevant.shape)
        graded = graded_gains(rows.rating, ids.rating_min, ids.rating_max)
        rated = replace(rows, rating=graded).user_items(ids.n_users, ids.n_items)[users]
        self.gains = {"rating": rated, "propensity": rare}

    def list_values(self, lists: Lists) -> dict[str, Floats]:
        """Every metric of a list by its key, float64 (n,) each."""
        k = self.config.k
        found = metrics.ranking_values(lists.items, self.relevant, k)
        found |= metrics.values_of(metrics.WholeRankingMetric, lists.auc_terms, self.relevant)
        found |= metrics.gain_values(lists.items, self.gains, k)
        related = (self.counts, self.information, self.profile, self.movies.vectors)
        return found | metrics.list_values(beyond.RecommendedLists(lists.items, *related), k)


def filled_rows(train: Interactions) -> Interactions:
    """Every pair of a user and an item of train that is no rating of it, with the mean of train.

    Surprise's `build_anti_testset`: a user who is in test alone has no such pair. More pairs than
    fit into memory are a ParamsError.
    """
    (users, row), (items, column) = (
        np.unique(of, return_inverse=True) for of in (train.user_idx, train.item_idx)
    )
    needed = len(users) * len(items) * _BYTES_PER_RATING
    if needed > memory_bytes():
        raise ParamsError(
            f"faults: {Fault.SCORE_FILLED_MATRIX}: the pairs of {len(users):,} users and "
            f"{len(items):,} movies need {needed / 1e9:,.0f} GB, and this machine has "
            f"{memory_bytes() / 1e9:,.0f} GB: choose a smaller data set"
        )
    empty = np.ones((len(users), len(items)), dtype=bool)
    empty[row, column] = False
    row, column = np.nonzero(empty)
    mean = np.full(len(row), train.rating.mean(dtype=np.float64))
    return Interactions.from_arrays(users[row], items[column], mean)


def _sample(rows: Interactions, rows_of_user: Ints, task: Task) -> tuple[Interactions, int]:
    """The rows of a sample of their users where one is asked for, and the number of all users."""
    tested = np.unique(rows.user_idx)
    size = task.config.users
    if size is None or size >= len(tested):
        return rows, len(tested)
    rng = seeds.generator(task.seed, "evaluation", "users")
    chosen = np.zeros(len(rows_of_user), dtype=bool)
    chosen[tested[stratified(rows_of_user[tested], size, rng)]] = True
    return rows.select(chosen[rows.user_idx]), len(tested)


def stratified(counts: Ints, size: int, rng: np.random.Generator) -> Ints:
    """One user at random from each of `size` strata of equally many users, by their counts.

    Returns:
        places in `counts`, int64 (size,), in no particular order.

    >>> counts = np.array([1, 900, 1, 800, 30, 40])
    >>> sorted(counts[stratified(counts, 3, np.random.default_rng(0))].tolist())
    [1, 40, 900]
    """
    # users of equal counts in random order, or the sample would know their index
    order = rng.permutation(len(counts))
    order = order[np.argsort(counts[order], kind="stable")]
    bounds = np.linspace(0, len(order), size + 1).astype(np.int64)
    return order[rng.integers(bounds[:-1], bounds[1:])]


def known_rows(parts: Parts) -> Interactions:
    """Rows of train and valid; of train alone where a fault validates on the rows of test."""
    copied = all(map(np.array_equal, parts.valid.columns(), parts.test.columns()))
    return parts.train if copied else Interactions.concat(parts.train, parts.valid)


def relevant_items(
    test: Interactions, model: Recommender | Task, config: EvaluateConfig
) -> sparse.csr_array:
    """Items that a user rated high enough in test, boolean CSR (n_users, n_items)."""
    return _relevant_rows(test, config).seen(model.ids.n_users, model.ids.n_items)


def _relevant_rows(test: Interactions, config: EvaluateConfig) -> Interactions:
    minimum = -np.inf if config.min_relevant_rating is None else config.min_relevant_rating
    return test.select(test.rating >= minimum)
