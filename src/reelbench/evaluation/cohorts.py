"""Every metric again for parts of the users and of the items.

A cohort of users takes their ratings and their lists. A cohort of items takes the test ratings of
these items, and looks for these items alone in lists that are still of the whole catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from reelbench.columns import COHORT, COHORT_BY, GENRES, N_ITEMS, N_TEST, N_USERS
from reelbench.data.interactions import Interactions
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.metrics import (
    ranking_values,
    rating_keys,
    rating_values,
    whole_ranking_values,
)
from reelbench.evaluation.rating_metrics import error_sums, rmse, total

# lowest number of ratings in train of every bin but the cold
_STEPS = (1, 10, 30, 100, 300, 1000)


class Cohort(NamedTuple):
    """Some of the users or some of the items.

    Attributes:
        by: what divides, such as `genre`.
        name: which part, such as `Drama`.
        of_users: whether `member` is over users, else over items.
        member: bool (n_users,) or (n_items,), of the whole catalogue.
    """

    by: str
    name: str
    of_users: bool
    member: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """What the metrics of any cohort are made of.

    Attributes:
        test: the test part.
        predicted: float (n_test,); None for a model that only ranks.
        users: int (n,), sorted `user_idx` of the test users: the rows of what follows.
        lists: int (n, k_max) recommended items.
        relevant: boolean CSR (n, n_items).
        auc_terms: float64, one per stored entry of `relevant`.
        per_user: key → float64 (n,), the metrics over all items.
        cutoffs: of the ranking metrics.
    """

    test: Interactions
    predicted: np.ndarray | None
    users: np.ndarray
    lists: np.ndarray
    relevant: sparse.csr_array
    auc_terms: np.ndarray
    per_user: dict[str, np.ndarray]
    cutoffs: Sequence[int]


def cohorts_of(train: Interactions, n_users: int, n_items: int, movies: Movies) -> Iterator[Cohort]:
    """Cold and warm, by number of ratings in train, by genre, by decade; some may be empty."""
    for noun, of_users, index, size in (
        ("users", True, train.user_idx, n_users),
        ("items", False, train.item_idx, n_items),
    ):
        count = np.bincount(index, minlength=size)
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
    yield from _decades(movies.year)


def _range(low: float, high: float) -> str:
    """Such as `10-29 ratings`."""
    if high == low + 1:
        return f"{low:.0f} ratings"
    return f"{low:.0f}+ ratings" if np.isinf(high) else f"{low:.0f}-{high - 1:.0f} ratings"


def _decades(year: np.ndarray) -> Iterator[Cohort]:
    decade = np.floor(year / 10) * 10
    for first in np.unique(decade[~np.isnan(decade)]):
        yield Cohort("decade", f"{first:.0f}s", False, decade == first)
    yield Cohort("decade", "unknown", False, np.isnan(decade))


def breakdown(cohorts: Iterator[Cohort], outcome: Outcome) -> pd.DataFrame:
    """A row per cohort that has a test rating: its size, the errors, then the ranking metrics.

    What cannot be said of a cohort is NaN: how varied the whole list is says nothing of the items
    of a genre in it. Ranking metrics are means over the users who have a relevant item there.
    """
    rows = []
    for cohort in cohorts:
        index = outcome.test.user_idx if cohort.of_users else outcome.test.item_idx
        chosen = cohort.member[index]
        if chosen.any():
            rows.append(_size(cohort, outcome, chosen) | _errors(outcome, chosen))
            rows[-1] |= {key: _mean(values) for key, values in _ranking(cohort, outcome).items()}
    return pd.DataFrame(rows)


def _size(cohort: Cohort, outcome: Outcome, chosen: np.ndarray) -> dict[str, str | int | float]:
    return {
        COHORT_BY: cohort.by,
        COHORT: cohort.name,
        N_TEST: int(chosen.sum()),
        N_USERS: len(np.unique(outcome.test.user_idx[chosen])),
        N_ITEMS: len(np.unique(outcome.test.item_idx[chosen])),
    }


def _errors(outcome: Outcome, chosen: np.ndarray) -> dict[str, str | int | float]:
    if outcome.predicted is None:
        return dict.fromkeys(rating_keys(), float("nan"))
    one_group = np.zeros(int(chosen.sum()), dtype=np.int64)
    sums = error_sums(one_group, 1, outcome.test.rating[chosen], outcome.predicted[chosen])
    return {key: float(value) for key, value in rating_values(total(sums)).items()}


def _ranking(cohort: Cohort, outcome: Outcome) -> dict[str, np.ndarray]:
    if cohort.of_users:
        rows = cohort.member[outcome.users]
        return {key: values[rows] for key, values in outcome.per_user.items()}
    kept = cohort.member[outcome.relevant.indices]
    relevant = _only(outcome.relevant, kept)
    found = ranking_values(outcome.lists, relevant, outcome.cutoffs)
    return found | whole_ranking_values(outcome.auc_terms[kept], relevant)


def _only(matrix: sparse.csr_array, kept: np.ndarray) -> sparse.csr_array:
    """The chosen stored entries of a CSR matrix, in its shape and order."""
    before = np.concatenate([[0], np.cumsum(kept)])
    parts = (matrix.data[kept], matrix.indices[kept], before[matrix.indptr])
    return sparse.csr_array(parts, shape=matrix.shape)


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def cold(test_idx: np.ndarray, train_idx: np.ndarray) -> np.ndarray:
    """Which test rows have a user (or an item) without any row in train: bool (n_test,)."""
    return ~np.isin(test_idx, train_idx)


def cohorts(train: Interactions, test: Interactions) -> dict[str, np.ndarray]:
    """Groups of test rows by user and by item, bool (n_test,) each."""
    cold_users = cold(test.user_idx, train.user_idx)
    cold_items = cold(test.item_idx, train.item_idx)
    return {
        "warm_users": ~cold_users,
        "cold_users": cold_users,
        "warm_items": ~cold_items,
        "cold_items": cold_items,
    }


def describe(
    groups: dict[str, np.ndarray], test: Interactions, predicted: np.ndarray | None
) -> dict[str, dict[str, Any]]:
    """Size and error of every cohort.

    Args:
        groups: name → bool (n_test,).
        predicted: float (n_test,); None for a model that only ranks.

    Returns:
        name → number of ratings, users and items, and the RMSE (None where nothing is predicted or
        the cohort is empty).
    """
    return {
        name: {
            "ratings": int(member.sum()),
            "users": len(np.unique(test.user_idx[member])),
            "items": len(np.unique(test.item_idx[member])),
            "rmse": None if predicted is None else _rmse(test.rating[member], predicted[member]),
        }
        for name, member in groups.items()
    }


def _rmse(actual: np.ndarray, predicted: np.ndarray) -> float | None:
    if len(actual) == 0:
        return None
    one_group = np.zeros(len(actual), dtype=np.int64)
    return float(rmse(total(error_sums(one_group, 1, actual, predicted))))
