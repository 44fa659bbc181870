"""Protocols with the past in train and the future in test."""

from datetime import UTC, date, datetime
from typing import Annotated, ClassVar, Literal, Self

import ibis
import numpy as np
from pydantic import Field, NonNegativeInt, PlainValidator, PositiveInt, model_validator

from reelbench.columns import ITEM_IDX, PART, TIMESTAMP, USER_IDX
from reelbench.splits.base import (
    TEST,
    TRAIN,
    VALID,
    HoldsOut,
    Protocol,
    Repeated,
    Share,
    SplitInput,
    floor_share,
    last_of_each,
    need_times,
)

_TIE, _PRIME = "_tie", 2**31 - 1
_SPAN = 1 << 16  # seconds counted together; few spans, and few seconds in each


Ties = Literal["item_idx", "random"]


class TemporalUser(HoldsOut):
    """Each user's last ratings are test, those before them valid; one at least is train."""

    clock = "user"

    method: Literal["temporal_user"]
    #: order of ratings of a user in the same second: the greatest `item_idx` is last, or any is
    ties: Ties = "item_idx"

    def assign(self, given: SplitInput) -> ibis.Table:
        return _last_of_users(given, self.name, self.test, self.valid, self.ties)


class LeaveOneOut(Protocol):
    """Each user's last rating is test, the one before it valid.

    As in `temporal_user`, of two ratings the later is test, and a single one stays in train.
    """

    clock = "user"

    method: Literal["leave_one_out"]
    ties: Ties = "item_idx"  # as in `temporal_user`

    def assign(self, given: SplitInput) -> ibis.Table:
        return _last_of_users(given, self.name, 1, 1, self.ties)


def _last_of_users(
    given: SplitInput, split: str, test: float, valid: float, ties: Ties
) -> ibis.Table:
    need_times(given, split)
    rows, order = given.ratings, [TIMESTAMP, ITEM_IDX]
    if ties == "random":  # of the pair, so that the order of the rows does not matter
        first, second, start = (int(n) for n in given.rng.integers(1, _PRIME, 3))
        mixed = rows[USER_IDX].cast("int64") * first % _PRIME + start
        mixed = (mixed + rows[ITEM_IDX].cast("int64") * second) % _PRIME
        mixed = mixed * mixed % _PRIME * mixed % _PRIME
        rows, order = rows.mutate(**{_TIE: mixed}), [TIMESTAMP, _TIE, ITEM_IDX]
    return rows.mutate(**{PART: last_of_each(rows, USER_IDX, order, test, valid)})


def _share_or_date(value: object) -> float | date:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1:
        return float(value)
    try:
        return value if isinstance(value, date) else date.fromisoformat(str(value))
    except ValueError:
        expected = "a share from 0 to below 1, or a date such as 2018-01-31, is expected"
        raise ValueError(expected) from None


Since = Annotated[float | date, PlainValidator(_share_or_date)]


class _Timeline(Protocol):
    """One point in time for all users: test begins there, and valid at an earlier one.

    `test` and `valid` are shares of all ratings, so that the points are quantiles of their times,
    or dates (midnight UTC). Ratings of the same second stay together in the later part, which can
    thus exceed its share.
    """

    clock: ClassVar[Literal["everybody", "user"] | None] = "everybody"

    test: Since
    valid: Since

    @model_validator(mode="after")
    def _leave_something_to_train(self) -> Self:
        test, valid = self.test, self.valid
        if test == 0:
            raise ValueError("a share of 0 leaves nothing for test")
        if isinstance(test, float) and isinstance(valid, float) and test + valid >= 1:
            raise ValueError(f"test {test} and valid {valid} leave nothing for train")
        if isinstance(test, date) and isinstance(valid, date) and valid > test:
            raise ValueError(f"valid from {valid} begins after test from {test}")
        return self

    def assign(self, given: SplitInput) -> ibis.Table:
        need_times(given, self.name)
        test_from, valid_from = self._points(given)
        time = given.ratings[TIMESTAMP]
        codes = ibis.cases((time >= test_from, TEST), (time >= valid_from, VALID), else_=TRAIN)
        return given.ratings.mutate(**{PART: codes})

    def _points(self, given: SplitInput) -> tuple[int, int]:
        """Unix seconds at which test and valid begin."""
        time = given.ratings[TIMESTAMP]
        n = given.engine.number(time.count())
        if isinstance(self.test, date):
            test_from = _midnight(self.test)
            n_test = given.engine.number((time >= test_from).sum())
        else:
            n_test = max(1, floor_share(self.test, n))
            test_from = _at_place(given, n - n_test)
        if isinstance(self.valid, date):
            return test_from, _midnight(self.valid)
        n_valid = floor_share(self.valid, n)
        return test_from, _at_place(given, max(n - n_test - n_valid, 0)) if n_valid else test_from


class TemporalGlobal(_Timeline):
    """Models learn once, from train."""

    method: Literal["temporal_global"]


class Prequential(_Timeline):
    """Each test rating is predicted from all before it, then learned (`evaluation/prequential.py`).

    `retrain` is the number of moments within test at which models are trained again. They cut the
    test ratings into blocks of equal size, but ratings of one second stay together, in the later
    block; where a block would be empty, its moment is left out.
    """

    method: Literal["prequential"]
    retrain: NonNegativeInt

    @model_validator(mode="after")
    def _keep_test_unknown(self) -> Self:
        if self.valid_rows == "test":
            raise ValueError("valid_rows: test has no sense where test ratings are learned in turn")
        return self

    def moments(self, test: SplitInput) -> list[int]:
        """Unix seconds at which models learn all ratings before, ascending."""
        n, blocks = test.engine.number(test.ratings.count()), self.retrain + 1
        found = {_at_place(test, block * n // blocks) for block in range(1, blocks)}
        return sorted(found - {_at_place(test, 0)})


class Windows(Repeated):
    """The timeline cut at several points: the ratings from one to the next are a test part.

    What comes before it is train, and its end valid: everything (`expanding`), or as many ratings
    as before the first cut (`sliding`). Other ratings are in no part. Ratings of the same second
    stay together in the later part. All tests together are all ratings from the first cut.
    """

    clock: ClassVar[Literal["everybody", "user"] | None] = "everybody"

    method: Literal["windows"]
    #: number of cuts after equal shares of the ratings, or their dates (midnight UTC)
    cuts: Annotated[int, Field(ge=3)] | Annotated[tuple[date, ...], Field(min_length=3)]
    start: Share  # of the ratings, before the first cut; not read where `cuts` are dates
    valid: Share  # of the ratings before a cut, the last ones
    kind: Literal["expanding", "sliding"]
    window: PositiveInt | Literal["last"]  # the one that the pipeline divides

    @property
    def numbered(self) -> tuple[str, int, int]:
        n = self.cuts if isinstance(self.cuts, int) else len(self.cuts)
        return "window", n if self.window == "last" else self.window, n

    def assign(self, given: SplitInput) -> ibis.Table:
        need_times(given, self.name)
        time, cuts, number = given.ratings[TIMESTAMP], self._cuts(given), self.numbered[1]
        ends = cuts[0], cuts[number - 1]
        n_first, n_before = (given.engine.number((time < cut).sum()) for cut in ends)
        n_left_out = n_before - n_first if self.kind == "sliding" else 0
        n_valid = floor_share(self.valid, n_before - n_left_out)
        test_from, test_to = cuts[number - 1], [*cuts, None][number]
        valid_from = _at_place(given, n_before - n_valid) if n_valid else test_from
        codes = ibis.cases((time >= test_from, TEST), (time >= valid_from, VALID), else_=TRAIN)
        rows = given.ratings.filter(time >= _at_place(given, n_left_out)).mutate(**{PART: codes})
        return rows if test_to is None else rows.filter(rows[TIMESTAMP] < test_to)

    def _cuts(self, given: SplitInput) -> list[int]:
        """Unix seconds at which the tests begin, ascending."""
        if isinstance(self.cuts, tuple):
            return [_midnight(day) for day in sorted(self.cuts)]
        n = given.engine.number(given.ratings.count())
        first, cuts = floor_share(self.start, n), range(self.cuts)
        return [_at_place(given, first + number * (n - first) // self.cuts) for number in cuts]


def _at_place(given: SplitInput, place: int) -> int:
    """The time at a place, from 0, of all times in order: first its span, then the second in it."""
    first, times = 0, given.ratings.select(TIMESTAMP)
    for span in (_SPAN, 1):
        times = times.filter(times[TIMESTAMP] // _SPAN == first) if span == 1 else times
        keys = times.select(key=times[TIMESTAMP] // span)
        found = given.engine.arrow(keys.group_by("key").agg(n=keys.count()).order_by("key"))
        ends = np.cumsum(found["n"].to_numpy())
        at = int(np.searchsorted(ends, place, side="right"))
        first, place = found["key"][at].as_py(), place - int(ends[at - 1] if at else 0)
    return int(first)


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
