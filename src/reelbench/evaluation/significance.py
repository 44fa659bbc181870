"""How sure a figure is: intervals and paired tests by resampling users.

The ratings of one user are not independent of each other, so whole users are drawn with
replacement (cluster bootstrap; Efron and Tibshirani 1993, chapters 8 and 13). A metric is a
function of sums over users, so a resample is a weighted sum of the same per-user columns: one
matrix product for all. A single user says nothing of others: no interval, and p = 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from reelbench import seeds
from reelbench.columns import ABSOLUTE_ERROR, N_TEST, SQUARED_ERROR, USER_IDX
from reelbench.evaluation.metrics import rating_values
from reelbench.evaluation.rating_metrics import ErrorSums

CONFIDENCE = 0.95
#: a difference counts as real below this p-value, corrected for the number of comparisons
ALPHA = 0.05

#: the smallest p-value of n resamples is 2 / (n + 1), and Holm multiplies it by the number of
#: comparisons: with this many resamples for each it is below 0.02, with a third of them no
#: difference could ever be shown
RESAMPLES_PER_COMPARISON = 100

# weights (resamples, users) held at a time: bounds the memory
_WEIGHTS_AT_ONCE = 4_000_000


class Comparison(NamedTuple):
    """A metric of one model less that of another, on the same users.

    `low` and `high` bound 95 % of the resampled differences, `p` is two-sided.
    """

    difference: float
    low: float
    high: float
    p: float


def resampling(root_seed: int) -> np.random.Generator:
    """The generator of every bootstrap: all models see the same draws."""
    return seeds.generator(root_seed, "evaluation", "bootstrap")


def enough_resamples(samples: int, comparisons: int) -> int:
    """`samples`, or more where so many comparisons are corrected for that it would be too few."""
    return max(samples, RESAMPLES_PER_COMPARISON * comparisons)


def resampled_sums(columns: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Column sums over users drawn with replacement.

    Args:
        columns: float64 (n_users, m), one row per user.
        samples: number of resamples, each of n_users draws.
        rng: source of the draws.

    Returns:
        float64 (samples, m).
    """
    batches = [weights @ columns for weights in _weights(len(columns), samples, rng)]
    return np.concatenate(batches)


def _weights(n_users: int, samples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each user is drawn, float64 (batch, n_users), until `samples` rows are out."""
    step = max(1, _WEIGHTS_AT_ONCE // n_users)
    for start in range(0, samples, step):
        rows = min(step, samples - start)
        draws = (rng.integers(n_users, size=n_users) for _ in range(rows))
        yield np.stack([np.bincount(draw, minlength=n_users) for draw in draws]).astype(float)


def error_intervals(
    per_user: ErrorSums, samples: int, rng: np.random.Generator
) -> dict[str, list[float]]:
    """95 % intervals of every error metric, ratings clustered by user.

    Args:
        per_user: arrays (n_users,).

    Returns:
        key → [low, high], percentiles of the resampled metric.
    """
    if len(per_user.n) < 2:
        return {}
    resampled = ErrorSums(*resampled_sums(np.column_stack(per_user), samples, rng).T)
    return {key: _interval(values) for key, values in rating_values(resampled).items()}


def mean_intervals(
    per_user: Mapping[str, np.ndarray], samples: int, rng: np.random.Generator
) -> dict[str, list[float]]:
    """95 % intervals of means over users; NaN is a user without a value, not a zero.

    Args:
        per_user: key → float64 (n_users,).

    Returns:
        key → [low, high]; a key that no user has a value of is left out.
    """
    present = {key: v for key, v in per_user.items() if not np.isnan(v).all()}
    if not present or len(next(iter(present.values()))) < 2:
        return {}
    values = np.column_stack(list(present.values()))
    columns = np.hstack([np.nan_to_num(values), ~np.isnan(values)])
    sums, counts = np.hsplit(resampled_sums(columns, samples, rng), 2)
    # a resample may happen to hold no user that has a value
    with np.errstate(invalid="ignore"):
        means = sums / counts
    return {key: _interval(column) for key, column in zip(present, means.T, strict=True)}


def paired(
    first: pd.DataFrame, second: pd.DataFrame, metric: str, samples: int, rng: np.random.Generator
) -> Comparison:
    """`compared` of two models: the first less the second."""
    (comparison,) = compared([first, second], [(0, 1)], metric, samples, rng)
    return comparison


def compared(
    tables: Sequence[pd.DataFrame],
    pairs: Sequence[tuple[int, int]],
    metric: str,
    samples: int,
    rng: np.random.Generator,
) -> list[Comparison]:
    """Paired bootstrap of a metric of several models: all are resampled by the same draws.

    The p-value is twice the smaller share of resamples on either side of zero, one more counted on
    both (Davison and Hinkley 1997, section 4.2), so it is never below 2 / (samples + 1).

    Args:
        tables: per-user tables of evaluations, with the same users in the same order.
        pairs: numbers of the tables to compare, the first less the second.
        metric: `rmse`, `mae`, `mse`, or a ranking column of the tables such as `ndcg_at_10`.

    Raises:
        ValueError: the tables have different users, or a model has no value of this metric.
    """
    if any(not np.array_equal(tables[0][USER_IDX], table[USER_IDX]) for table in tables[1:]):
        raise ValueError("only models evaluated on the same test users can be compared in pairs")
    columns = np.hstack([_ratio(table, metric) for table in tables])
    observed = _metric(columns.sum(axis=0), metric)
    if len(columns) < 2:
        return [
            Comparison(float(observed[first] - observed[second]), -np.inf, np.inf, 1.0)
            for first, second in pairs
        ]
    resampled = _metric(resampled_sums(columns, samples, rng), metric)
    return [
        _comparison(observed[first] - observed[second], resampled[first] - resampled[second])
        for first, second in pairs
    ]


def _comparison(observed: float, resampled: np.ndarray) -> Comparison:
    beyond = 1 + min((resampled <= 0).sum(), (resampled >= 0).sum())
    low, high = _interval(resampled)
    p = min(1.0, 2 * beyond / (len(resampled) + 1))
    return Comparison(float(observed), low, high, float(p))


def holm(p: np.ndarray) -> np.ndarray:
    """p-values corrected for many comparisons, so that one false claim among all has chance alpha.

    Holm (1979): the i-th smallest of m is multiplied by m - i + 1, never below its predecessor.
    """
    order = np.argsort(p, kind="stable")
    factor = np.arange(len(p), 0, -1)
    adjusted = np.minimum(1.0, np.maximum.accumulate(np.asarray(p, dtype=float)[order] * factor))
    corrected = np.empty(len(p))
    corrected[order] = adjusted
    return corrected


_NUMERATOR = {"rmse": SQUARED_ERROR, "mse": SQUARED_ERROR, "mae": ABSOLUTE_ERROR}


def _ratio(table: pd.DataFrame, metric: str) -> np.ndarray:
    """Numerator and denominator of a metric per user, float64 (n_users, 2)."""
    column = _NUMERATOR.get(metric, metric)
    if column not in table or table[column].isna().all():
        raise ValueError(f"a model without '{metric}' cannot be compared in it")
    value = table[column].to_numpy(dtype=np.float64, na_value=np.nan)
    weight = table[N_TEST].to_numpy(np.float64) if metric in _NUMERATOR else ~np.isnan(value)
    return np.column_stack([np.nan_to_num(value), weight])


def _metric(sums: np.ndarray, metric: str) -> np.ndarray:
    """The metric of every model, float64 (n_models, …), from sums (…, 2 n_models)."""
    # a resample may happen to hold no user that has a value
    with np.errstate(invalid="ignore"):
        values = sums[..., 0::2] / sums[..., 1::2]
    # contiguous by model: a column is read once for every other model
    return np.ascontiguousarray(np.moveaxis(np.sqrt(values) if metric == "rmse" else values, -1, 0))


def _interval(values: np.ndarray) -> list[float]:
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.nanpercentile(values, [tail, 100 - tail])
    return [float(low), float(high)]
