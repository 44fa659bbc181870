"""Protocols that divide the ratings into train, valid and test.

Every protocol gives each row of the ratings to exactly one part, and the same rows give the same
parts whatever their order.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, NonNegativeInt, model_validator

from reelbench.columns import ITEM_IDX, PART, RATING, SOURCE_ROW, TIMESTAMP, USER_IDX
from reelbench.data.engine import Engine
from reelbench.data.errors import DataError
from reelbench.params import Section

PARTS = ("train", "valid", "test")
_TRAIN, _VALID, _TEST = range(3)

Share = Annotated[float, Field(ge=0, lt=1)]

# What each protocol lets a model know that it could not have known at the time of a test rating.
LEAKS = {
    "temporal_user": (
        "Test ratings are the last of each user, but not later than everybody's train ratings: "
        "train holds ratings that other users gave later than a test rating, so a model may know "
        "what became popular afterwards."
    ),
    "temporal_global": (
        "No train rating is later than a test rating. The catalogue and its metadata are those of "
        "the day the data set was published: movies that nobody had rated by then can be "
        "recommended, and titles, genres and tags are as they became known later."
    ),
    "random": (
        "Time plays no part: train holds ratings that the same user, and others, gave later than a "
        "test rating, so a model predicts the past from the future. Scores are higher than in use."
    ),
    "kfold": (
        "Time plays no part, as with `random`: in every fold train holds ratings given later than "
        "a test rating. Scores are higher than in use."
    ),
    "random_by_item": (
        "Time plays no part: train holds a random share of every movie's ratings, many given later "
        "than a test rating, so a model predicts the past from the future, and hardly a movie is "
        "cold. Scores are higher than in use; the split is for comparison with published ones."
    ),
}


class SplitConfig(Section):
    """Section `split`.

    Shares are of each user's ratings (temporal_user), of each movie's (random_by_item) or of all;
    with `random` and `kfold`, `valid` is a share of what `test` leaves.
    """

    name: str
    method: Literal["temporal_user", "temporal_global", "random", "kfold", "random_by_item"]
    test: Annotated[Share, Field(gt=0)]
    valid: Share
    #: of `numpy.random.RandomState`, for random_by_item alone: the published draw is to be repeated
    seed: int | None = None
    #: which fold is test, for kfold alone; there `test` is 1 over the number of folds
    fold: NonNegativeInt | None = None

    @model_validator(mode="after")
    def _leave_something_to_train(self) -> SplitConfig:
        if self.method not in ("random", "kfold") and self.test + self.valid >= 1:
            raise ValueError(f"test {self.test} and valid {self.valid} leave nothing to train")
        if (self.method == "random_by_item") != (self.seed is not None):
            raise ValueError(
                "`seed` is for method random_by_item, which needs it, and for no other"
            )
        if self.method == "random_by_item" and self.valid:
            raise ValueError("method random_by_item has no valid part: valid must be 0")
        if (self.method == "kfold") != (self.fold is not None):
            raise ValueError("`fold` is for method kfold, which needs it, and no other")
        if self.fold is not None and self.fold >= n_folds(self):
            raise ValueError(f"fold is {self.fold}, but there are {n_folds(self)}, from 0")
        return self


def n_folds(config: SplitConfig) -> int:
    """Number of folds of the method `kfold`.

    Raises:
        ValueError: `test` is not 1 over a whole number.
    """
    share = Fraction(str(config.test)).limit_denominator(1000)
    if share.numerator != 1:
        raise ValueError(f"method kfold: test is 1 over the number of folds, not {config.test}")
    return share.denominator


def divide(
    ratings: ibis.Table, config: SplitConfig, engine: Engine, rng: np.random.Generator
) -> dict[str, pa.Table]:
    """Divide the ratings.

    Args:
        ratings: table with the columns of `interactions`, in any order; `random_by_item` needs
            `source_row` too.
        config: which protocol.
        engine: where the table is.
        rng: used by `random` and `kfold`.

    Returns:
        `train`, `valid` and `test`, each sorted by user, time and movie; with `random_by_item` by
        movie and random number, since what a model learns may depend on the order of its rows.

    Raises:
        DataError: the protocol needs timestamps that are missing, or leaves train or test empty.
    """
    if config.method == "random_by_item":
        return _not_empty(_random_by_item(ratings, config, engine), config)
    if config.method == "random":
        rows = engine.arrow(ratings.order_by([USER_IDX, ITEM_IDX]))
        rows = rows.append_column(PART, pa.array(_random(len(rows), config, rng)))
    elif config.method == "kfold":
        rows = engine.arrow(ratings.order_by([USER_IDX, ITEM_IDX]))
        rows = rows.append_column(PART, pa.array(_kfold(len(rows), config, rng)))
    else:
        _need_times(ratings, config, engine)
        if config.method == "temporal_user":
            codes = _temporal_user(ratings, config)
        else:
            codes = _temporal_global(ratings, config, engine)
        rows = engine.arrow(ratings.mutate(**{PART: codes}))
    parts = {name: _part(rows, code) for code, name in enumerate(PARTS)}
    return _not_empty(parts, config)


def _not_empty(parts: dict[str, pa.Table], config: SplitConfig) -> dict[str, pa.Table]:
    for name in ("train", "test"):
        if not len(parts[name]):
            n_rows = sum(map(len, parts.values()))
            raise DataError(f"split {config.name}: {name} is empty with {n_rows} ratings")
    return parts


def _part(rows: pa.Table, code: int) -> pa.Table:
    part = rows.filter(pc.equal(rows[PART], code))
    order = [(column, "ascending") for column in (USER_IDX, TIMESTAMP, ITEM_IDX)]
    return part.select([USER_IDX, ITEM_IDX, RATING, TIMESTAMP]).sort_by(order)


def _temporal_user(ratings: ibis.Table, config: SplitConfig) -> ibis.ir.IntegerValue:
    """The last ratings of each user are test, those before them valid; equal times by movie.

    Of n ratings test has max(1, ⌊test·n⌋) and valid max(1, ⌊valid·n⌋), but train gets one first,
    and test comes before valid: of two ratings the later is test, a single one is train.
    """
    user = ibis.window(group_by=USER_IDX)
    ordered = ibis.window(group_by=USER_IDX, order_by=[TIMESTAMP, ITEM_IDX])
    n = ratings.count().over(user)
    n_test = ibis.least(_share(n, config.test), n - 1)
    n_valid = ibis.least(_share(n, config.valid), n - 1 - n_test)
    place = ibis.row_number().over(ordered)
    return ibis.cases(
        (place >= n - n_test, _TEST), (place >= n - n_test - n_valid, _VALID), else_=_TRAIN
    )


def _share(n: ibis.ir.IntegerValue, share: float) -> ibis.ir.IntegerValue:
    """max(1, ⌊share·n⌋), in integers: 0.29 · 100 is 28.999999999999996 in floating point."""
    if share == 0:
        return n * 0
    exact = Fraction(str(share))
    return ibis.greatest(n * exact.numerator // exact.denominator, 1)


def _temporal_global(
    ratings: ibis.Table, config: SplitConfig, engine: Engine
) -> ibis.ir.IntegerValue:
    """One point in time for everybody: test is from it on; valid from an earlier one.

    The points are quantiles of the ratings' times. Ratings of one second stay together, in the
    later part, so parts can be larger than their share.
    """
    times = np.sort(engine.arrow(ratings.select(TIMESTAMP))[TIMESTAMP].to_numpy())
    n_test = max(1, _floor(config.test, len(times)))
    n_valid = _floor(config.valid, len(times))
    test_from, valid_from = (int(times[-n]) for n in (n_test, n_test + n_valid))
    time = ratings[TIMESTAMP]
    return ibis.cases((time >= test_from, _TEST), (time >= valid_from, _VALID), else_=_TRAIN)


def _random(n: int, config: SplitConfig, rng: np.random.Generator) -> np.ndarray:
    """Codes int64 (n,) for rows in the order of user and movie."""
    n_test = max(1, _floor(config.test, n))
    n_valid = _floor(config.valid, n - n_test)
    codes = np.full(n, _TRAIN)
    codes[:n_test] = _TEST
    codes[n_test : n_test + n_valid] = _VALID
    return rng.permutation(codes)


def _random_by_item(
    ratings: ibis.Table, config: SplitConfig, engine: Engine
) -> dict[str, pa.Table]:
    """The stratified split of Recommenders' MovieLens table, draw by draw.

    Rows get a number from NumPy's legacy generator in the order of the source; of a movie's n rows
    those with the round((1 - test) * n) lowest numbers, a half rounded to even, are train.
    """
    if SOURCE_ROW not in ratings.columns:
        raise DataError(f"split {config.name} needs the order of the source: run `dvc repro clean`")
    rows = engine.arrow(ratings.order_by(SOURCE_ROW))
    draw = np.random.RandomState(config.seed).rand(len(rows))
    item = rows[ITEM_IDX].to_numpy()
    order = np.lexsort((draw, item))
    _, start, count = np.unique(item[order], return_index=True, return_counts=True)
    place = np.arange(len(rows)) - np.repeat(start, count)
    share = 1 - Fraction(str(config.test))
    n_train = np.array([round(share * int(n)) for n in count])
    is_train = place < np.repeat(n_train, count)
    columns = rows.select([USER_IDX, ITEM_IDX, RATING, TIMESTAMP])
    train, test = columns.take(order[is_train]), columns.take(order[~is_train])
    return {"train": train, "valid": columns.slice(0, 0), "test": test}


def _kfold(n: int, config: SplitConfig, rng: np.random.Generator) -> np.ndarray:
    """Codes int64 (n,) for rows in the order of user and movie; sizes of folds differ by one.

    The draw does not depend on `fold`: every row is test in exactly one of the folds.
    """
    fold = rng.permutation(np.arange(n) % n_folds(config))
    codes = np.full(n, _TRAIN)
    codes[fold == config.fold] = _TEST
    left = np.flatnonzero(fold != config.fold)
    codes[rng.choice(left, _floor(config.valid, len(left)), replace=False)] = _VALID
    return codes


def _floor(share: float, n: int) -> int:
    return int(Fraction(str(share)) * n)


def _need_times(ratings: ibis.Table, config: SplitConfig, engine: Engine) -> None:
    missing = ratings[TIMESTAMP].isnull().sum().fill_null(0).name("n")
    n = engine.arrow(missing.as_table())["n"][0].as_py()
    if n:
        raise DataError(
            f"split {config.name}: {n} ratings have no timestamp, and this split puts them in the "
            "order of time; choose split=random"
        )


def describe(parts: dict[str, pa.Table], config: SplitConfig) -> dict[str, Any]:
    """Sizes and time ranges (Unix seconds) of the parts, what is cold, and the leak left."""
    train = parts["train"]
    return {
        "name": config.name,
        "method": config.method,
        "parts": {name: _sizes(table) for name, table in parts.items()},
        "cold": {name: _cold(parts[name], train) for name in PARTS[1:]},
        "leak": LEAKS[config.method],
    }


def _sizes(part: pa.Table) -> dict[str, int | None]:
    times = pc.min_max(part[TIMESTAMP]).as_py()
    return {
        "rows": len(part),
        "users": pc.count_distinct(part[USER_IDX]).as_py(),
        "items": pc.count_distinct(part[ITEM_IDX]).as_py(),
        "time_min": times["min"],
        "time_max": times["max"],
    }


def _cold(part: pa.Table, train: pa.Table) -> dict[str, int]:
    """How many users and movies of a part have no row in train, and how many rows are theirs."""
    cold = {}
    for name, column in (("users", USER_IDX), ("items", ITEM_IDX)):
        unseen = pc.invert(pc.is_in(part[column], pc.unique(train[column])))
        rows = part.filter(unseen)
        cold[name] = pc.count_distinct(rows[column]).as_py()
        cold[f"rows_of_{name}"] = len(rows)
    return cold
