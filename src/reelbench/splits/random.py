"""Protocols that ignore time; the same seed gives the same parts for any order of the input."""

from fractions import Fraction
from math import ceil
from typing import Annotated, ClassVar, Literal, Self

import ibis
import numpy as np
import pyarrow as pa
from pydantic import Field, PositiveInt, model_validator

from reelbench.columns import ITEM_IDX, PART, SOURCE_ROW, USER_IDX
from reelbench.data import DataError
from reelbench.data.engine import Engine
from reelbench.data.parquet import Stored
from reelbench.splits.base import (
    COLUMNS,
    PARTS,
    PROFILE,
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
)

_DRAW, _COUNT = "_draw", "_count"
_PAIR = (USER_IDX, ITEM_IDX)


class Random(Protocol):
    """A share of all ratings is test, and a share of the rest valid."""

    method: Literal["random"]
    test: Annotated[Share, Field(gt=0)]
    valid: Share

    def assign(self, given: SplitInput) -> ibis.Table:
        rows = _rows(given, self.name)
        n_test = max(1, floor_share(self.test, len(rows)))
        return _drawn(given, rows, n_test, floor_share(self.valid, len(rows) - n_test))


class KFold(Repeated):
    """All ratings are divided into `folds` folds of equal size; `fold` (from 1) is test.

    Without `shuffle` they are consecutive rows by user and movie, as scikit-learn's: a fold has
    users of whom train knows nothing (a published fault). The folds do not depend on which of them
    is test, so that all tests together are all ratings. Valid is a share of the others. With method
    `source_folds` they are consecutive rows of the source, as u1 to u5 of MovieLens 100K: fold i
    has the rows 20,000 (i - 1) + 1 to 20,000 i of `u.data`. With `random_state` folds and the order
    of rows, which a model may depend on, are those of Surprise's KFold.
    """

    method: Literal["kfold", "source_folds"]
    folds: Annotated[int, Field(ge=2)]
    fold: PositiveInt
    valid: Share
    shuffle: bool
    #: of `numpy.random.RandomState`, to repeat a published draw; there is no valid part then
    random_state: int | None = None

    @property
    def needs_source_row(self) -> bool:  # type: ignore[override]
        return self.method == "source_folds" or self.random_state is not None

    @model_validator(mode="after")
    def _can_be_drawn_again(self) -> Self:
        plain = self.shuffle and self.valid == 0 and self.valid_rows == "own"
        if self.random_state is not None and not (plain and self.method == "kfold"):
            raise ValueError("random_state needs split=kfold, shuffle: true, valid: 0")
        return self

    @property
    def numbered(self) -> tuple[str, int, int]:
        return "fold", self.fold, self.folds

    def assign(self, given: SplitInput) -> ibis.Table:
        rows = (_in_order_of_source if self.needs_source_row else _rows)(given, self.name)
        fold_of = given.rng.permutation(len(rows)) % self.folds
        if not self.shuffle:
            fold_of = np.sort(np.arange(len(rows)) % self.folds)  # the first ones one row longer
        codes = np.where(fold_of == self.fold - 1, TEST, TRAIN)
        others = np.flatnonzero(codes == TRAIN)
        codes[given.rng.permutation(others)[: floor_share(self.valid, len(others))]] = VALID
        return _with_column(given.engine, rows, PART, codes)

    def divide(self, given: SplitInput) -> dict[str, Stored]:
        if self.random_state is None:
            return super().divide(given)
        rows = _in_order_of_source(given, self.name).select(list(COLUMNS))
        order = np.arange(len(rows))
        np.random.RandomState(self.random_state).shuffle(order)
        folds = np.array_split(order, self.folds)
        test = folds.pop(self.fold - 1)
        parts = {"train": np.concatenate(folds), "valid": order[:0], "test": test}
        return {name: given.engine.stored(rows.take(index)) for name, index in parts.items()}


class Tail(Protocol):
    """The last rows by user and movie are test, those before valid: Keras' `validation_split`.

    A share is rounded up.
    """

    method: Literal["tail"]
    test: Annotated[Share, Field(gt=0)]
    valid: Share

    def assign(self, given: SplitInput) -> ibis.Table:
        rows = _rows(given, self.name)
        n_test, n_valid = (ceil(Fraction(str(x)) * len(rows)) for x in (self.test, self.valid))
        codes = np.repeat([TEST, VALID, TRAIN], [n_test, n_valid, len(rows)])[: len(rows)]
        return _with_column(given.engine, rows, PART, codes[::-1])


class RandomByUser(HoldsOut):
    """Some of each user's ratings are test and some valid, drawn at random; train keeps one."""

    method: Literal["random_by_user"]

    def assign(self, given: SplitInput) -> ibis.Table:
        rows = _rows(given, self.name)
        drawn = _with_column(given.engine, rows, _DRAW, given.rng.permutation(len(rows)))
        return drawn.mutate(**{PART: last_of_each(drawn, USER_IDX, [_DRAW], self.test, self.valid)})


class HeldOutUsers(HoldsOut):
    """Strong generalisation: test users are unknown to train, and known by a part of their ratings.

    `test` and `valid` are shares of the users with at least two ratings, rounded down but at least
    one user, or numbers of users. Of their n ratings ⌊(1 - known)·n⌋ drawn at random, but one at
    least and n - 1 at most, are test and valid. The others are the profile of a user of test, and
    train ratings of a user of valid; all ratings of other users are train.
    """

    parts: ClassVar[tuple[str, ...]] = (*PARTS, "profile")

    method: Literal["held_out_users"]
    known: Annotated[float, Field(gt=0, lt=1)]
    #: the published faults need rows of test users in train or valid
    valid_rows: Literal["own"] = "own"

    def assign(self, given: SplitInput) -> ibis.Table:
        ratings, engine = given.ratings, given.engine
        counted = ratings.group_by(USER_IDX).agg(**{_COUNT: ratings.count()})
        users = engine.arrow(counted.filter(counted[_COUNT] > 1).order_by(USER_IDX))
        n_test, n_valid = (_number(amount, len(users)) for amount in (self.test, self.valid))
        if n_test + n_valid > len(users):
            raise DataError(
                f"split {self.name}: {n_test + n_valid} users are to be held out, and {len(users)} "
                "have two ratings or more: lower split.test or split.valid"
            )
        chosen = users.take(given.rng.permutation(len(users))[: n_test + n_valid])
        codes = np.repeat([TEST, VALID], [n_test, n_valid])
        drawn = self._pairs(given, _with_column(engine, chosen, PART, codes))
        joined = ratings.left_join(drawn, [USER_IDX, ITEM_IDX]).select(*COLUMNS, PART)
        return joined.mutate(**{PART: joined[PART].fill_null(TRAIN)})

    def _pairs(self, given: SplitInput, users: ibis.Table) -> ibis.Table:
        """User, movie and part of every rating of the users, who have their numbers of ratings."""
        own = given.ratings.select(USER_IDX, ITEM_IDX).inner_join(users, USER_IDX)
        rows = given.engine.arrow(own.order_by([USER_IDX, ITEM_IDX]))
        user, n, part = (rows[name].to_numpy() for name in (USER_IDX, _COUNT, PART))
        order = np.lexsort((given.rng.permutation(len(rows)), user))
        place = np.empty(len(rows), dtype=np.int64)
        # users have consecutive rows, in either order
        place[order] = np.arange(len(rows)) - np.searchsorted(user, user)
        rest = 1 - Fraction(str(self.known))
        n_rest = np.clip(n * rest.numerator // rest.denominator, 1, n - 1)
        codes = np.where(place < n_rest, part, np.where(part == TEST, PROFILE, TRAIN))
        return _with_column(given.engine, rows.select([USER_IDX, ITEM_IDX]), PART, codes)


class ColdItems(HoldsOut):
    """All ratings of a share of the rated movies are test, and those of another share valid."""

    method: Literal["cold_items"]
    test: Annotated[Share, Field(gt=0)]
    valid: Share

    def assign(self, given: SplitInput) -> ibis.Table:
        rated = given.engine.arrow(given.ratings.select(ITEM_IDX).distinct().order_by(ITEM_IDX))
        n_test = max(1, floor_share(self.test, len(rated)))
        drawn = _drawn(given, rated, n_test, floor_share(self.valid, len(rated)))
        return given.ratings.inner_join(drawn, ITEM_IDX)


def _rows(given: SplitInput, split: str, *order: str) -> pa.Table:
    """All ratings in memory, by user and movie or in another order; a DataError if none."""
    if given.engine.distributed:
        raise DataError(
            f"split {split} draws among all ratings in one process: choose engine=duckdb, or "
            "a split by time"
        )
    rows = given.engine.arrow(given.ratings.order_by(*(order or _PAIR)))
    if not len(rows):
        raise DataError("there are no ratings to divide")
    return rows


def _number(amount: float, n: int) -> int:
    """A number from 1 itself; of a share max(1, ⌊share·n⌋), and 0 of the share 0."""
    return int(amount) if amount == 0 or amount >= 1 else max(1, floor_share(amount, n))


def _in_order_of_source(given: SplitInput, split: str) -> pa.Table:
    if SOURCE_ROW not in given.ratings.columns:
        raise DataError(f"split {split} needs the order of the source: run `dvc repro clean`")
    return _rows(given, split, SOURCE_ROW)


def _drawn(given: SplitInput, rows: pa.Table, n_test: int, n_valid: int) -> ibis.Table:
    """Rows with their code in the column `part`: so many are test and valid, the rest train."""
    codes = np.repeat([TEST, VALID, TRAIN], [n_test, n_valid, len(rows) - n_test - n_valid])
    return _with_column(given.engine, rows, PART, given.rng.permutation(codes))


def _with_column(engine: Engine, rows: pa.Table, name: str, values: np.ndarray) -> ibis.Table:
    return engine.table(rows.append_column(name, pa.array(values.astype(np.int32))))


class RandomByItem(Protocol):
    """The stratified split behind the published MovieLens table of Recommenders, row by row.

    Rows get random numbers from NumPy's legacy generator in the order of the source; the
    round((1 - test) * n) rows of a movie with the lowest numbers are train, a half rounded to even.
    There is no valid part. Parts are sorted by movie and number, since a model may depend on the
    order of its rows.
    """

    needs_source_row: ClassVar[bool] = True

    method: Literal["random_by_item"]
    test: Annotated[Share, Field(gt=0)]
    seed: int  # of `numpy.random.RandomState`, to repeat the published draw

    def divide(self, given: SplitInput) -> dict[str, Stored]:
        rows = _in_order_of_source(given, self.name)
        item = rows[ITEM_IDX].to_numpy()
        order = np.lexsort((np.random.RandomState(self.seed).rand(len(rows)), item))
        _, start, count = np.unique(item[order], return_index=True, return_counts=True)
        place = np.arange(len(item)) - np.repeat(start, count)
        share = 1 - Fraction(str(self.test))
        is_train = place < np.repeat([round(share * int(n)) for n in count], count)
        columns = rows.select(list(COLUMNS))
        train, test = columns.take(order[is_train]), columns.take(order[~is_train])
        parts = {"train": train, "valid": columns.slice(0, 0), "test": test}
        return {name: given.engine.stored(table) for name, table in parts.items()}
