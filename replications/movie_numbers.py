"""The numeric columns of TMDB 5000 as published: fillings, logarithms, age, correlation, PCA.

Publication D drops one of every two columns that are correlated, and keeps the principal
components that hold 95 % of the variance. Both are looks at all movies: nothing here is a feature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reelbench.columns import (
    BUDGET,
    POPULARITY,
    RELEASE_DATE,
    REVENUE,
    RUNTIME,
    VOTE_COUNT,
    YEAR,
)

COLUMNS = (BUDGET, POPULARITY, REVENUE, RUNTIME, VOTE_COUNT)
LOGARITHMS = {BUDGET: "log_budget", REVENUE: "log_revenue"}
FILM_AGE = "film_age"
#: correlation above which the later of two columns is dropped. The figure of the publication is not
#: known, only that columns were dropped: above 0.8 there is none to drop
CORRELATED = 0.7
#: share of the variance that the components hold together, as published
VARIANCE = 0.95
_DAYS = 365.25


@dataclass(frozen=True)
class Components:
    """Principal components of standardised columns.

    Attributes:
        needed: how many hold `VARIANCE`.
        table: `component` from 1, its `share` of the variance, and the `cumulative` one.
    """

    needed: int
    table: pd.DataFrame


def film_age(items: pd.DataFrame) -> pd.Series:
    """Years from a movie's release to the latest one in the table; missing where no date is known.

    Where there is no full date, the middle of the year.
    """
    date = pd.Series(pd.NaT, items.index, dtype="datetime64[s]")
    if RELEASE_DATE in items:
        date = pd.to_datetime(items[RELEASE_DATE], errors="coerce")
    if YEAR in items:
        middle = items[YEAR].astype("Int64").astype("string") + "-07-01"
        date = date.fillna(pd.to_datetime(middle, errors="coerce"))
    return ((date.max() - date).dt.days / _DAYS).astype(np.float64).rename(FILM_AGE)


def movie_numbers(items: pd.DataFrame, *, zero_is_missing: bool) -> pd.DataFrame:
    """Numeric columns of the table that there are, log(1 + x) of money, and the age; none missing.

    Args:
        zero_is_missing: an unknown budget, revenue or runtime is the median, as our `numeric` block
            has it; else 0, as the files have it and the publication took it.

    Returns:
        float64, a row per movie. Other unknown values are the median, or 0 if all are unknown.
    """
    numbers = pd.DataFrame(index=items.index)
    for column in (name for name in COLUMNS if name in items):
        values = pd.to_numeric(items[column]).astype("Float64").astype(np.float64)
        unknown_is_zero = not zero_is_missing and column in (BUDGET, REVENUE, RUNTIME)
        numbers[column] = values.fillna(0.0 if unknown_is_zero else values.median())
    for column, name in LOGARITHMS.items():
        if column in numbers:
            numbers[name] = np.log1p(numbers[column].clip(lower=0))
    if RELEASE_DATE in items or YEAR in items:
        age = film_age(items)
        numbers[FILM_AGE] = age.fillna(age.median())
    return numbers.fillna(0.0)


def correlations(numbers: pd.DataFrame) -> pd.DataFrame:
    """Pearson's correlation of every two columns; 0 with a column that does not vary."""
    found = numbers.corr().fillna(0.0)
    np.fill_diagonal(values := found.to_numpy(copy=True), 1.0)
    return pd.DataFrame(values, found.index, found.columns)


def dropped(matrix: pd.DataFrame, threshold: float = CORRELATED) -> list[str]:
    """Columns that are correlated with an earlier one that stays, in either direction."""
    strong = np.abs(matrix.to_numpy()) > threshold
    kept: list[int] = []
    for place in range(len(strong)):
        if not strong[place, kept].any():
            kept.append(place)
    return [str(name) for place, name in enumerate(matrix.columns) if place not in kept]


def components(numbers: pd.DataFrame, variance: float = VARIANCE) -> Components:
    """Principal components of the columns, each standardised first.

    Without that, dollars would be all of the variance.
    """
    varying = numbers.loc[:, numbers.std() > 0]
    scaled = (varying - varying.mean()) / varying.std(ddof=0)
    singular = np.linalg.svd(scaled.to_numpy(), compute_uv=False)
    share = singular**2 / max(float((singular**2).sum()), 1e-300)
    table = pd.DataFrame({"component": np.arange(1, len(share) + 1), "share": share})
    table["cumulative"] = table["share"].cumsum()
    needed = int((table["cumulative"] < variance - 1e-12).sum()) + 1 if len(share) else 0
    return Components(needed, table)
