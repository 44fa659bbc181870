"""What all protocols share: the parts, the order of their rows, and exact shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import ibis
import numpy as np
import pyarrow as pa
import yaml
from pydantic import AfterValidator, Field, model_validator

from reelbench.columns import ITEM_IDX, PART, RATING, TIMESTAMP, USER_IDX
from reelbench.data import DataError
from reelbench.data.engine import Engine
from reelbench.data.parquet import Stored
from reelbench.params import Section

PARTS = ("train", "valid", "test")
TRAIN, VALID, TEST, PROFILE = range(4)
COLUMNS = (USER_IDX, ITEM_IDX, RATING, TIMESTAMP)

_TEXTS = yaml.safe_load(Path(__file__).with_name("leaks.yaml").read_text(encoding="utf-8"))

Share = Annotated[float, Field(ge=0, lt=1)]


def _share_or_number(value: float) -> float:
    if value >= 1 and value != int(value):
        raise ValueError("a share is below 1, and a number is whole")
    return value


#: a share below 1, or a number from 1
Amount = Annotated[float, Field(ge=0), AfterValidator(_share_or_number)]


@dataclass(frozen=True)
class SplitInput:
    """The input of a protocol."""

    ratings: ibis.Table  # columns of `interactions`, rows in any order
    engine: Engine  # holds the ratings
    rng: np.random.Generator  # for protocols that draw
    users: ibis.Table | None = None  # `user_idx`, `user_id`; only `predefined` reads them
    items: ibis.Table | None = None  # `item_idx`, `item_id`; only `predefined` reads them


class Protocol(Section):
    """Section `split`: base of the config of every method, which also divides the ratings."""

    #: whose time the protocol respects. `everybody`: no train rating is later than a test rating.
    #: `user`: none of the same user is. None: time is ignored.
    clock: ClassVar[Literal["everybody", "user"] | None] = None
    #: whether `SplitInput.ratings` must have the column `source_row`
    needs_source_row: ClassVar[bool] = False
    #: the parts: those that every protocol has, and `profile` where users of test are unknown to
    #: train and known by these ratings alone
    parts: ClassVar[tuple[str, ...]] = PARTS

    name: str
    method: str
    #: which rows stop a training early: `own`, those that the method chooses; `tail`, as many, but
    #: the last of train and valid by user and movie, as Keras' `validation_split` on a sorted
    #: table; `test`, the reported rows themselves. The last two are published faults.
    valid_rows: Literal["own", "tail", "test"] = "own"

    @property
    def leaks(self) -> str:
        """What a model can learn that was unknown at the time of a test rating, in sentences."""
        found = (_TEXTS["methods"][self.method], _TEXTS["valid_rows"].get(self.valid_rows))
        return " ".join(filter(None, found))

    @property
    def if_empty(self) -> str:
        """Why train or test may be empty with few ratings, and the way out."""
        return str(_TEXTS["if_empty"].get(self.method, _TEXTS["if_empty"]["others"]))

    def assign(self, given: SplitInput) -> ibis.Table:
        """The ratings with the number of their part, in the order of `parts`, as column `part`."""
        raise NotImplementedError

    def divide(self, given: SplitInput) -> dict[str, Stored]:
        """The parts by name, each sorted by user, time (missing first) and movie.

        A protocol that needs another order of rows overrides this instead of `assign`.
        """
        rows = self.assign(given).select(*COLUMNS, PART)
        if self.valid_rows == "tail":
            rows = _with_valid_at_the_end(rows, given.engine)
        order = [USER_IDX, TIMESTAMP, ITEM_IDX]
        parts = given.engine.store(rows, order, given.ratings, n_parts=len(self.parts))
        if self.valid_rows == "test":  # the method's own valid rows are left out
            parts[VALID] = given.engine.stored(parts[TEST].read())
        return dict(zip(self.parts, parts, strict=True))


class Repeated(Protocol):
    """A protocol that divides the ratings again and again: into folds, or at points in time."""

    all: bool = False  # whether the stage `repeat` evaluates the other folds or windows too

    @property
    def numbered(self) -> tuple[str, int, int]:
        """The field that numbers them, its value from 1, and how many there are."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        field, number, size = self.numbered
        if number > size:
            raise ValueError(f"{field} {number} is not in 1 to {size}")
        return self


def _with_valid_at_the_end(rows: ibis.Table, engine: Engine) -> ibis.Table:
    """As many valid rows as before, but the last by user and movie of those not in test."""
    table = engine.arrow(rows.order_by([USER_IDX, ITEM_IDX]))
    codes = table[PART].to_numpy().copy()
    kept = np.flatnonzero(codes != TEST)
    n_train = len(kept) - int((codes == VALID).sum())
    codes[kept] = np.where(np.arange(len(kept)) < n_train, TRAIN, VALID)
    return engine.table(table.drop([PART]).append_column(PART, pa.array(codes)))


class HoldsOut(Protocol):
    """A protocol that holds out shares of something, rounded down but at least one, or numbers."""

    test: Annotated[Amount, Field(gt=0)]
    valid: Amount

    @model_validator(mode="after")
    def _leave_something_to_train(self) -> Self:
        if self.test < 1 and self.valid < 1 and self.test + self.valid >= 1:
            raise ValueError(f"test {self.test} and valid {self.valid} leave nothing to train")
        return self


def need_times(given: SplitInput, split: str) -> None:
    """Raise DataError if a rating has no timestamp."""
    if n := given.engine.number(given.ratings[TIMESTAMP].isnull().sum()):
        raise DataError(
            f"split {split}: {n} ratings have no timestamp, and this split orders them by "
            "time; choose split=random"
        )


def last_of_each(
    ratings: ibis.Table, group: str, order: Sequence[str], test: float, valid: float
) -> ibis.ir.IntegerValue:
    """Codes: the last rows of each group are test, those before them valid, the others train.

    Of n rows `amount(n, test)` are test and `amount(n, valid)` valid, but train takes precedence
    with one row, then test: of two rows the later is test, a single row is train.
    """
    n = ratings.count().over(ibis.window(group_by=group))
    n_test = ibis.least(amount(n, test), n - 1)
    n_valid = ibis.least(amount(n, valid), n - 1 - n_test)
    place = ibis.row_number().over(ibis.window(group_by=group, order_by=list(order)))
    first = n - n_test
    return ibis.cases((place >= first, TEST), (place >= first - n_valid, VALID), else_=TRAIN)


def amount(n: ibis.ir.IntegerValue, wanted: float) -> ibis.ir.IntegerValue:
    """`wanted` from 1; of a share max(1, ⌊share·n⌋) in integers (0.29 · 100 is 28.99…); 0 of 0."""
    if wanted == 0 or wanted >= 1:
        return ibis.literal(int(wanted))
    exact = Fraction(str(wanted))
    return ibis.greatest(n * exact.numerator // exact.denominator, 1)


def floor_share(share: float, n: int) -> int:
    """⌊share·n⌋, exactly."""
    return int(Fraction(str(share)) * n)
