"""Every metric again for parts of the users and of the items.

A cohort of users is measured on their ratings and their lists. A cohort of items is measured on the
test ratings of these items, and on where these items alone are in lists of the whole catalogue.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from reelbench.columns import COHORT, COHORT_BY, GENRES, N_ITEMS, N_TEST, N_USERS
from reelbench.data.interactions import Interactions
from reelbench.evaluation import Flags, Floats, Ints, metrics
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.ranking_metrics import hits_of
from reelbench.evaluation.rating_metrics import ErrorSums, error_terms
from reelbench.evaluation.scoring import Rankings

_STEPS = (1, 10, 30, 100, 300, 1000)  # smallest number of train ratings of every bin but the cold


class Cohort(NamedTuple):
    """Some of the users or some of the items."""

    by: str  # what divides, such as `genre`
    name: str  # which part, such as `Drama`
    of_users: bool  # whether `member` is over users, else over items
    member: Flags  # bool (n_users,) or (n_items,), of the whole catalogue


@dataclass(frozen=True)
class Outcome:
    """What the metrics of any cohort are computed from."""

    test: Interactions  # the test rows
    predicted: Floats | None  # float (n_test,); None for a model that only ranks
    rankings: Rankings  # of the n test users
    relevant: sparse.csr_array  # boolean CSR (n, n_items)
    per_user: Mapping[str, Floats]  # key → float64 (n,), the metrics over all items
    cutoffs: Sequence[int]  # of the ranking metrics
    #: user of every test row where `test.user_idx` is the number of one of the user's lists
    user_of_row: Ints | None = None

    @cached_property
    def hits(self) -> Flags:
        """Which places of the lists have a relevant item, bool (n, k_max)."""
        return hits_of(self.rankings.lists.items, self.relevant)

    @cached_property
    def row_of_relevant(self) -> Ints:
        """Row of every stored entry of `relevant`."""
        return np.repeat(np.arange(self.relevant.shape[0]), np.diff(self.relevant.indptr))

    @cached_property
    def errors(self) -> Floats | None:
        """What the sums over any test rows are made of, float64 (5, n_test); see `ErrorSums`."""
        if self.predicted is None:
            return None
        return np.stack(error_terms(self.test.rating, self.predicted))


def cold(test_idx: Ints, train_idx: Ints) -> Flags:
    """Which test rows have a user (or an item) without any row in train: bool (n_test,).

    >>> cold(np.array([0, 2, 1]), np.array([0, 1, 1]))
    array([False,  True, False])
    """
    return ~np.isin(test_idx, train_idx)


def warm_and_cold(table: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """Sizes and `rmse`, or None, of warm and cold users and items, from `breakdown`."""
    rows = {row[COHORT]: row for row in table.to_dict("records")}
    found = {}
    for name in ("warm users", "cold users", "warm items", "cold items"):
        row = rows.get(name, {N_TEST: 0, N_USERS: 0, N_ITEMS: 0, "rmse": None})
        sizes = {"ratings": row[N_TEST], "users": row[N_USERS], "items": row[N_ITEMS]}
        found[name.replace(" ", "_")] = {**sizes, "rmse": row["rmse"]}
    return found


def cohorts_of(by_user: Ints, by_item: Ints, movies: Movies) -> Iterator[Cohort]:
    """Cold and warm, by number of known ratings, by genre, by decade; some may be empty."""
    for noun, of_users, count in (("users", True, by_user), ("items", False, by_item)):
        yield Cohort(noun, f"warm {noun}", of_users, count > 0)
        yield Cohort(noun, f"cold {noun}", of_users, count == 0)
        by = "user activity" if of_users else "item popularity"
        for low, high in zip((0, *_STEPS), (*_STEPS, np.inf), strict=True):
            yield Cohort(by, _range(low, high), of_users, (count >= low) & (count < high))
    for genre, member in movies.genres.items():
        yield Cohort("genre", genre, False, member)
    if movies.genres:
        without = ~np.any(list(movies.genres.values()), axis=0)
        yield Cohort("genre", f"no {GENRES}", False, without)
    decade = np.floor(movies.year / 10) * 10
    for first in np.unique(decade[~np.isnan(decade)]):
        yield Cohort("decade", f"{first:.0f}s", False, decade == first)
    yield Cohort("decade", "unknown", False, np.isnan(decade))


def breakdown(cohorts: Iterable[Cohort], outcome: Outcome) -> pd.DataFrame:
    """A row per cohort with a test rating: its size, the errors, then the ranking metrics.

    Ranking metrics are means over the users with a relevant item in the cohort. A metric that is
    not defined for a cohort is NaN: the diversity of a whole list has none by genre.
    """
    rows = []
    users = outcome.test.user_idx if outcome.user_of_row is None else outcome.user_of_row
    for cohort in cohorts:
        index = outcome.test.user_idx if cohort.of_users else outcome.test.item_idx
        chosen = cohort.member[index]
        if chosen.any():
            ranking = {key: _mean(values) for key, values in _ranking(cohort, outcome).items()}
            size = {
                COHORT_BY: cohort.by,
                COHORT: cohort.name,
                N_TEST: int(chosen.sum()),
                N_USERS: len(np.unique(users[chosen])),
                N_ITEMS: np.count_nonzero(np.bincount(outcome.test.item_idx[chosen])),
            }
            rows.append({**size, **_errors(outcome, chosen), **ranking})
    return pd.DataFrame(rows)


def _range(low: float, high: float) -> str:
    """Such as `10-29 ratings`."""
    if high == low + 1:
        return f"{low:.0f} ratings"
    return f"{low:.0f}+ ratings" if np.isinf(high) else f"{low:.0f}-{high - 1:.0f} ratings"


def _errors(outcome: Outcome, chosen: Flags) -> Mapping[str, float | None]:
    if outcome.errors is None:
        return dict.fromkeys(metrics.keys_of(metrics.RatingMetric))
    sums = ErrorSums(chosen.sum(), *(outcome.errors @ chosen.astype(np.float64)))
    found = metrics.values_of(metrics.RatingMetric, sums)
    return {key: float(value) for key, value in found.items()}


def _ranking(cohort: Cohort, outcome: Outcome) -> dict[str, Floats]:
    if cohort.of_users:
        rows = cohort.member[outcome.rankings.users]
        return {key: values[rows] for key, values in outcome.per_user.items()}
    lists, n_users = outcome.rankings.lists, len(outcome.rankings.users)
    kept = np.flatnonzero(cohort.member[outcome.relevant.indices])
    n_relevant = np.bincount(outcome.row_of_relevant[kept], minlength=n_users)
    rows = n_relevant > 0
    # an empty place has no hit to begin with
    hits = outcome.hits[rows] & cohort.member[lists.items[rows]]
    sizes, cutoffs = n_relevant[rows], outcome.cutoffs
    found = metrics.values_of(metrics.RankingMetric, hits, sizes, cutoffs=cutoffs)
    start = np.concatenate([[0], np.cumsum(n_relevant)])
    parts = (outcome.relevant.data[kept], outcome.relevant.indices[kept], start)
    relevant = sparse.csr_array(parts, shape=outcome.relevant.shape)
    return found | metrics.values_of(metrics.WholeRankingMetric, lists.auc_terms[kept], relevant)


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
