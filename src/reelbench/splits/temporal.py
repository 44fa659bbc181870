"""Protocols that put the past into train and the future into test."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, ClassVar, Literal

import ibis
import numpy as np
from pydantic import PlainValidator, model_validator

from reelbench.columns import ITEM_IDX, PART, TIMESTAMP, USER_IDX
from reelbench.splits.base import (
    TEST,
    TRAIN,
    VALID,
    OfEachUser,
    Protocol,
    SplitInput,
    floor_share,
    last_of_each,
    need_times,
)

_LATER = (
    "Test ratings are the last of each user, but not later than everybody's train ratings: "
    "train holds ratings that other users gave later than a test rating, so a model may know "
    "what became popular afterwards."
)


class TemporalUser(OfEachUser):
    """Each user's last ratings are test, those before them valid; equal times go by movie."""

    leak: ClassVar[str] = _LATER
    clock: ClassVar[Literal["everybody", "user"] | None] = "user"

    method: Literal["temporal_user"]

    def assign(self, given: SplitInput) -> ibis.Table:
        need_times(given, self.name)
        order = [TIMESTAMP, ITEM_IDX]
        codes = last_of_each(given.ratings, USER_IDX, order, self.test, self.valid)
        return given.ratings.mutate(**{PART: codes})


class LeaveOneOut(Protocol):
    """Each user's last rating is test, the one before it valid.

    As `temporal_user` has it, of two ratings the later is test, and a single one stays in train.
    """

    leak: ClassVar[str] = _LATER
    clock: ClassVar[Literal["everybody", "user"] | None] = "user"

    method: Literal["leave_one_out"]

    def assign(self, given: SplitInput) -> ibis.Table:
        need_times(given, self.name)
        codes = last_of_each(given.ratings, USER_IDX, [TIMESTAMP, ITEM_IDX], test=1, valid=1)
        return given.ratings.mutate(**{PART: codes})


def _share_or_date(value: Any) -> float | date:
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    elif isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1:
        return float(value)
    raise ValueError("a share from 0 to below 1, or a date such as 2018-01-31, is expected")


Since = Annotated[float | date, PlainValidator(_share_or_date)]


class TemporalGlobal(Protocol):
    """One point in time for everybody: test is from it on, valid from an earlier one.

    `test` and `valid` are shares of all ratings, which make the points quantiles of their times,
    or dates (midnight UTC) from which the part begins. Ratings of one second stay together, in the
    later part, so parts can be larger than their share.
    """

    leak: ClassVar[str] = (
        "No train rating is later than a test rating. The catalogue and its metadata are those of "
        "the day the data set was published: movies that nobody had rated by then can be "
        "recommended, and titles and genres are as they became known later."
    )
    clock: ClassVar[Literal["everybody", "user"] | None] = "everybody"

    method: Literal["temporal_global"]
    test: Since
    valid: Since

    @model_validator(mode="after")
    def _leave_something_to_train(self) -> TemporalGlobal:
        test, valid = self.test, self.valid
        if test == 0:
            raise ValueError("a share of 0 leaves nothing to test")
        if isinstance(test, float) and isinstance(valid, float) and test + valid >= 1:
            raise ValueError(f"test {test} and valid {valid} leave nothing to train")
        if isinstance(test, date) and isinstance(valid, date) and valid > test:
            raise ValueError(f"valid from {valid} on comes after test from {test} on")
        return self

    def assign(self, given: SplitInput) -> ibis.Table:
        need_times(given, self.name)
        times = given.engine.arrow(given.ratings.select(TIMESTAMP))[TIMESTAMP].to_numpy()
        test_from, valid_from = self._points(np.sort(times))
        time = given.ratings[TIMESTAMP]
        codes = ibis.cases((time >= test_from, TEST), (time >= valid_from, VALID), else_=TRAIN)
        return given.ratings.mutate(**{PART: codes})

    def _points(self, times: np.ndarray) -> tuple[int, int]:
        """Seconds in which test and valid begin, from all times in order."""
        n = len(times)
        if isinstance(self.test, date):
            test_from = _midnight(self.test)
            n_test = n - int(np.searchsorted(times, test_from))
        else:
            n_test = max(1, floor_share(self.test, n))
            test_from = int(times[n - n_test])
        if isinstance(self.valid, date):
            return test_from, _midnight(self.valid)
        n_valid = floor_share(self.valid, n)
        return test_from, int(times[max(n - n_test - n_valid, 0)]) if n_valid else test_from


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
