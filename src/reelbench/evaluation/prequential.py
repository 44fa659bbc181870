"""Prequential evaluation: every test rating is predicted from all before it, and then learned.

Vinagre, Jorge and Gama (2014), "Evaluation of recommender systems in streaming environments". What
learning means, and how the dampings λ are chosen on valid, is in docs/protocols.md. The ratings of
one user in one second are a group: it is predicted, and a list made for it, by calls of its own,
since a product of another shape may round differently. An offset of all users lowered the RMSE of
valid by 0.0001 at most, and is left out.
"""

import time
from collections.abc import Iterable
from copy import copy
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from threadpoolctl import threadpool_limits

from reelbench.columns import USER_IDX
from reelbench.data.interactions import Ids, Interactions, Parts
from reelbench.evaluation import Flags, Floats, Ints
from reelbench.evaluation.cohorts import Outcome, breakdown, cohorts_of
from reelbench.evaluation.scoring import Lists, Rankings, Ratings, rank_scores, score_by
from reelbench.evaluation.task import Task
from reelbench.faults import Fault
from reelbench.features.block import Features
from reelbench.models.base import Recommender
from reelbench.parallel import kernel
from reelbench.params import ParamsError

Answers = tuple[Ratings, Rankings, dict[str, Floats], pd.DataFrame]
# to choose from, the most careful first
_DAMPINGS = (np.inf, 256.0, 128.0, 64.0, 32.0, 16.0, 8.0, 4.0, 2.0)
_USERS_KEPT = 64  # whose scores are kept for their next group


class Stream(Task):
    """A task whose test ratings are learned in turn; what it calls train is all before test.

    Attributes:
        rows: all ratings by user, time and movie.
        trained: which of them are in train, bool (n_rows,).
        groups: of valid and test in the order of time, with `user_idx`, `time`, whether they are
            of `test`, and `ranked`; the user's rows before are `begin` to `first` of `rows`, those
            of the group `first` to `stop`.
        places: of the test rows in `rows`.
        lists: the task of which every ranked group is a user.
        row_of_list: place in `users` of every ranked group.
    """

    def __init__(self, parts: Parts, *arguments: Any) -> None:
        """As `Task`; ParamsError also where a fault changes what is tested."""
        before = Interactions.concat(parts.train, parts.valid)
        super().__init__(Parts(before, Interactions.empty(), parts.test), *arguments)
        if wrong := sorted(set(self.faults) - {Fault.ENCODER_ON_ALL_ROWS}):
            raise ParamsError(f"faults: split prequential has no {wrong[0]}: choose another split")
        self.moments = parts.moments or ()
        rows = Interactions.concat(before, parts.test)
        order = np.lexsort((rows.item_idx, rows.timestamp, rows.user_idx))
        self.rows, self.trained = rows.select(order), order < len(parts.train)
        self.places = np.argsort(order)[len(before) :][np.isin(parts.test.user_idx, self.users)]
        user, seconds = self.rows.user_idx, self.rows.timestamp
        new = np.append(True, (np.diff(user) != 0) | (np.diff(seconds) != 0))
        first = np.flatnonzero(new)
        groups = pd.DataFrame({USER_IDX: user[first], "time": seconds[first], "first": first})
        groups["begin"] = np.searchsorted(user, user[first])
        groups["stop"] = np.append(first[1:], len(user))
        groups["test"] = order[first] >= len(before)
        groups["ranked"] = groups["test"] & groups[USER_IDX].isin(self.users)
        self.groups = groups[~self.trained[first]].sort_values(["time", USER_IDX])
        number = np.zeros(len(first), dtype=np.int32)
        number[self.groups.index] = np.cumsum(self.groups["ranked"]) - 1
        self._see(self.groups[self.groups["ranked"]], number[np.cumsum(new) - 1][self.places])

    def _see(self, ranked: pd.DataFrame, list_of_row: Ints) -> None:
        """Set what the lists are evaluated with, and what is cold: unknown before its row."""
        self.row_of_list = np.searchsorted(self.users, ranked[USER_IDX])
        known, number = (ranked["first"] - ranked["begin"]).to_numpy(), np.arange(len(ranked))
        self.lists = copy(self)
        self.lists.ids = replace(self.ids, n_users=len(ranked))
        self.lists.test = replace(self.test, user_idx=list_of_row)
        self.lists.want(self.lists.test, number)
        self.lists.profile = self.profile[self.row_of_list]
        self.lists.cohorts = list(cohorts_of(known, self.counts, self.movies))
        self.cold_user_rows = known[list_of_row] == 0
        since = np.full(self.ids.n_items, np.iinfo(np.int64).max)
        np.minimum.at(since, self.rows.item_idx, self.rows.timestamp)
        self.cold_item_rows = self.test.timestamp == since[self.test.item_idx]


def follow(stream: Stream, model: Recommender, features: Features | None = None) -> Answers:
    """Let a model that was fitted on train answer and learn, one group after the other.

    `features` are what it was fitted with, for when it is trained again; blocks stay as they are. A
    score that is NaN is a ValueError.

    Returns:
        predictions of the test rows; the last list of each user; every metric of a list by its
        key, as the mean over the lists of each user that have a value; and the breakdown, where a
        user is in the cohort of what was known before each list.
    """
    run, since = _Run(stream, model), stream.groups["time"]
    for low, high in pairwise([-np.inf, *stream.moments, np.inf]):
        known = stream.trained
        if low > -np.inf:
            known = stream.rows.timestamp < low
            model = model.refitted(stream.rows.select(known), features or Features(model.ids))
        with threadpool_limits(1, "blas"):  # small products take longer on more
            run.block(model, known, stream.groups[(since >= low) & (since < high)])
    return run.answers()


class _Run:
    def __init__(self, stream: Stream, model: Recommender) -> None:
        self._stream, self._rates = stream, model.predicts_ratings
        self._predicted = np.zeros(len(stream.rows), dtype=np.float32)
        self._dampings: tuple[float, float] | None = None
        self._lists: list[Lists] = []
        self._seconds = np.zeros(2)  # of predictions and of scores

    def block(self, model: Recommender, known: Flags, groups: pd.DataFrame) -> None:
        """Go through groups, with a model that has learned the rows `known`."""
        rows, ids, by = self._stream.rows, self._stream.ids, self._stream.config.rank_by
        spans = map(np.arange, groups["first"], groups["stop"])
        errors = _Errors(rows.select(np.concatenate([np.arange(0), *spans])), ids)
        kept = lru_cache(_USERS_KEPT)(lambda user: score_by(model, np.array([user]), by))
        stop = 0
        every: Iterable[Any] = groups.itertuples()
        for group in every:
            start, stop = stop, stop + group.stop - group.first
            if group.test and self._dampings is None:
                self._dampings = errors.best_dampings(start)
            mine, clock = slice(group.first, group.stop), [time.perf_counter()]
            folded = None
            if model.can_fold_in and group.begin < group.first and not known[group.first - 1]:
                past = slice(group.begin, group.first)
                folded = model.fold_in(rows.item_idx[past], rows.rating[past])
            if self._rates:
                items = rows.item_idx[mine]
                rater = (
                    (folded, -1) if folded and model.folded_in_predicts else (model, group.user_idx)
                )
                answer = rater[0].predict(np.full(len(items), rater[1]), items).astype(float)
                errors.given[start:stop] = rows.rating[mine] - answer
                if self._dampings:
                    answer += errors.offsets(self._dampings, start, stop)
                    self._predicted[mine] = np.clip(answer, ids.rating_min, ids.rating_max)
            clock.append(time.perf_counter())
            if group.ranked and self._dampings:
                scores = score_by(folded, np.array([-1]), by) if folded else kept(group.user_idx)
                if model.scores_are_ratings:
                    scores = (scores + errors.of_items(self._dampings)).astype(np.float32)
                clock.append(time.perf_counter())
                self._rank(rows.item_idx[group.begin : group.first], scores)
            self._seconds[: len(clock) - 1] += np.diff(clock)

    def _rank(self, known: Ints, scores: Floats) -> None:
        stream, place = self._stream, len(self._lists)
        columns = np.ones(len(known), dtype=bool), known, [0, len(known)]
        seen = sparse.csr_array(columns, shape=scores.shape)
        k, wanted = max(stream.config.k), stream.lists.relevant[place : place + 1]
        found = rank_scores(scores, seen, k, relevant=wanted, among=stream.among, bottom=k)
        self._lists.append(found)

    def answers(self) -> Answers:
        stream, task, row = self._stream, self._stream.lists, self._stream.row_of_list
        predicted = self._predicted[stream.places] if self._rates else None
        columns: list[Any] = [np.concatenate(of) for of in zip(*self._lists, strict=True)]
        lists, number = Lists(*columns), np.arange(len(row))
        values = task.list_values(lists)
        means = pd.DataFrame(values).groupby(row).mean()
        of_all = (Rankings(number, lists, 0.0), task.relevant, values, stream.config.k)
        outcome = Outcome(task.test, predicted, *of_all, stream.test.user_idx)
        last = np.zeros(len(stream.users), dtype=np.int64)
        np.maximum.at(last, row, number)
        columns[:-1] = (of[last] for of in columns[:-1])
        predicting, scoring = self._seconds.tolist()
        final = Rankings(stream.users, Lists(*columns), scoring)
        by_cohort = breakdown(task.cohorts, outcome)
        per_user = {str(key): column.to_numpy() for key, column in means.items()}
        return Ratings(predicted, predicting), final, per_user, by_cohort


class _Errors:
    """Errors of predictions of rows in the order of time, and what is learned of them."""

    def __init__(self, rows: Interactions, ids: Ids) -> None:
        self._rows, self._ids = rows, ids
        self.given = np.zeros(len(rows))  # rating minus prediction, set as the predictions are made
        self._forget()

    def _forget(self) -> None:
        # sums and numbers of errors by user and by item, and the number of rows learned
        ids, learned = self._ids, np.zeros(1, dtype=np.int64)
        self._state = np.zeros((ids.n_users, 2)), np.zeros((ids.n_items, 2)), learned

    def offsets(self, dampings: tuple[float, float], start: int, stop: int) -> Floats:
        """What moves predictions of rows (stop - start,), from all rows of earlier times."""
        offset = np.zeros(stop - start)
        _follow(*self._rows.columns(), self.given, *self._state, dampings, start, offset)
        return offset

    def of_items(self, dampings: tuple[float, float]) -> Floats:
        """The share of the items in it, float64 (n_items,), at the time last asked for."""
        total, n = self._state[1].T
        return np.asarray(total / (n + dampings[1]))

    def best_dampings(self, n: int) -> tuple[float, float]:
        """Those with the lowest RMSE on the first n rows; of equals, the more careful."""
        rating = self._rows.rating[:n].astype(float)
        predicted, scale = rating - self.given[:n], (self._ids.rating_min, self._ids.rating_max)

        def loss(dampings: tuple[float, float]) -> float:
            self._forget()
            moved = predicted + self.offsets(dampings, 0, n)
            return float(np.sum((np.clip(moved, *scale) - rating) ** 2))

        best = min(product(_DAMPINGS, _DAMPINGS), key=loss)
        self._forget()
        return best


@kernel
def _follow(
    user: Ints,
    item: Ints,
    _: Floats,
    seconds: Ints,
    error: Floats,
    of_user: Floats,
    of_item: Floats,
    learned: Ints,
    dampings: tuple[float, float],
    start: int,
    offset: Floats,
) -> None:
    for row in range(start, start + len(offset)):
        while True:
            past = learned[0]
            now = past if seconds[past] < seconds[row] else row
            own, its = of_user[user[now]], of_item[item[now]]
            by_user, by_item = own[0] / (own[1] + dampings[0]), its[0] / (its[1] + dampings[1])
            if now == row:
                break
            own[0] += error[past] - by_item
            its[0] += error[past] - by_user
            own[1] += 1.0
            its[1] += 1.0
            learned[0] += 1
        offset[row - start] = by_user + by_item
