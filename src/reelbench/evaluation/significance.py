"""Intervals and paired tests by resampling users.

The ratings of one user depend on each other, so whole users are drawn with replacement (cluster
bootstrap; Efron and Tibshirani 1993, chapters 8 and 13). A metric is a function of sums over
users, so a resample is a weighted sum of the same per-user columns: one matrix product for all.
With a single user there is no interval, and p = 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from reelbench import seeds
from reelbench.columns import USER_IDX
from reelbench.evaluation import Floats
from reelbench.evaluation.metrics import Metric, RatingMetric, find, values_of
from reelbench.evaluation.rating_metrics import SUM_COLUMNS, ErrorSums

CONFIDENCE = 0.95
#: a difference is significant below this p-value, corrected for the number of comparisons
ALPHA = 0.05

#: the smallest p-value of n resamples is 2 / (n + 1), and Holm multiplies it by the number of
#: comparisons: with this many resamples for each it is below 0.02, with a third of them no
#: difference could ever be significant
RESAMPLES_PER_COMPARISON = 100

# weights (resamples, users) held at a time: bounds the memory
_WEIGHTS_AT_ONCE = 4_000_000


class Comparison(NamedTuple):
    """A metric of one model minus that of another, on the same users."""

    difference: float  # observed
    low: float  # lower end of the 95 % interval of the resampled differences
    high: float  # its upper end
    p: float  # two-sided p-value


class Pair(NamedTuple):
    """Two models in one metric; the difference is `first` minus `second`."""

    metric: Metric  # what they are compared in
    first: str  # name of a model
    second: str  # name of the other
    comparison: Comparison  # their difference
    p_corrected: float  # p-value after Holm's correction for all pairs in this metric

    @property
    def better(self) -> str | None:
        """The significantly better model; None where no difference is, or no end is better."""
        difference = self.comparison.difference
        if self.metric.better is None or self.p_corrected >= ALPHA or difference == 0:
            return None
        return self.first if (difference > 0) == self.metric.higher_is_better else self.second

    @property
    def texts(self) -> list[str]:
        """Difference, its interval and the corrected p-value, as text."""
        digits = self.metric.digits
        difference, low, high = (f"{value:+.{digits}f}" for value in self.comparison[:3])
        return [difference, f"[{low}, {high}]", f"{self.p_corrected:.3f}"]

    def reversed(self) -> Pair:
        """The same pair as `second` minus `first`."""
        difference, low, high, p = self.comparison
        turned = Comparison(0.0 - difference, 0.0 - high, 0.0 - low, p)  # and never -0.0
        return self._replace(first=self.second, second=self.first, comparison=turned)


def resampling(root_seed: int) -> np.random.Generator:
    """The generator of every bootstrap: all models are resampled by the same draws."""
    return seeds.generator(root_seed, "evaluation", "bootstrap")


def enough_resamples(samples: int, comparisons: int) -> int:
    """`samples`, or more where Holm's correction for so many comparisons needs more."""
    return max(samples, RESAMPLES_PER_COMPARISON * comparisons)


def resampled_sums(columns: Floats, samples: int, rng: np.random.Generator) -> Floats:
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


def _weights(n_users: int, samples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each user is drawn, float64 (batch, n_users), until `samples` rows are out.

    A batch takes the place of the one before.
    """
    step = max(1, _WEIGHTS_AT_ONCE // n_users)
    weights = np.empty((min(step, samples), n_users))
    for start in range(0, samples, step):
        batch = weights[: samples - start]
        for row in batch:
            # narrow integers: the same draws in half the memory
            draw = rng.integers(n_users, size=n_users, dtype=np.int32)
            row[:] = np.bincount(draw, minlength=n_users)
        yield batch


def intervals(
    errors: ErrorSums | None, per_user: Mapping[str, Floats], samples: int, rng: np.random.Generator
) -> dict[str, list[float]]:
    """95 % intervals of metrics; ratings are clustered by user.

    Args:
        errors: arrays (n_users,) for the intervals of every rating metric; None for none.
        per_user: key → float64 (n_users,) for intervals of means over users; NaN is a user without
            a value, not a zero.
        samples: number of resamples.
        rng: source of the draws.

    Returns:
        key → [low, high], percentiles of the resampled metric; without the keys for which no user
        has a value, and empty for a single user.
    """
    values = {key: v for key, v in per_user.items() if not np.isnan(v).all()}
    known = [~np.isnan(v) for v in values.values()]
    # most metrics have a value for the same users, whose numbers are counted once
    distinct = {flags.tobytes(): flags for flags in known}
    columns = [*(errors or ()), *map(np.nan_to_num, values.values()), *distinct.values()]
    if not columns or len(columns[0]) < 2:
        return {}
    sums = resampled_sums(np.column_stack(columns), samples, rng).T
    n_errors = len(errors or ())
    found = values_of(RatingMetric, ErrorSums(*sums[:n_errors])) if errors else {}
    counts = dict(zip(distinct, sums[n_errors + len(values) :], strict=True))
    # a resample may happen to hold no user with a value
    with np.errstate(invalid="ignore"):
        for key, flags, total in zip(values, known, sums[n_errors:], strict=False):
            found[key] = total / counts[flags.tobytes()]
    return {key: _interval(resampled) for key, resampled in found.items()}


def compared_pairs(
    tables: Mapping[str, pd.DataFrame],
    metric: str,
    samples: int,
    seed: int,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> list[Pair]:
    """Pairs of models in one metric, with p-values corrected for their number.

    Args:
        tables: per-user table by model, with the same users in the same order.
        metric: key of a metric per user, such as `rmse` or `ndcg_at_10`.
        samples: number of resamples, at least; see `enough_resamples`.
        seed: root seed of the draws.
        pairs: names of the models of each pair; None: every pair, in the order of `tables`.

    Returns:
        in the order of `pairs`; empty for a single model.

    Raises:
        ValueError: as `compared`.
    """
    pairs = list(combinations(tables, 2)) if pairs is None else pairs
    if not pairs:
        return []
    place = {name: number for number, name in enumerate(tables)}
    numbers = [(place[first], place[second]) for first, second in pairs]
    samples = enough_resamples(samples, len(pairs))
    found = compared(list(tables.values()), numbers, metric, samples, resampling(seed))
    corrected = holm(np.array([comparison.p for comparison in found]))
    return [
        Pair(find(metric), first, second, comparison, float(p))
        for (first, second), comparison, p in zip(pairs, found, corrected, strict=True)
    ]


def pairs_frame(pairs: Sequence[Pair]) -> pd.DataFrame:
    """A row per pair: `metric`, `first`, `second`, `difference`, its interval, p-values, `better`.

    `better` is empty without a significant difference.
    """
    rows = [
        (p.metric.key, p.first, p.second, *p.comparison, p.p_corrected, p.better or "")
        for p in pairs
    ]
    columns = ["metric", "first", "second", *Comparison._fields, "p_corrected", "better"]
    return pd.DataFrame(rows, columns=columns)


def paired(
    first: pd.DataFrame, second: pd.DataFrame, metric: str, samples: int, rng: np.random.Generator
) -> Comparison:
    """`compared` for two models: the first minus the second."""
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
        pairs: numbers of the tables to compare, the first minus the second.
        metric: key of a rating metric, or of a metric with a column in the tables.
        samples: number of resamples.
        rng: source of the draws.

    Raises:
        UnknownMetricError: no metric has this key.
        ValueError: the tables have different users, or a model has no value of the metric.
    """
    if any(not np.array_equal(tables[0][USER_IDX], table[USER_IDX]) for table in tables[1:]):
        raise ValueError("only models evaluated on the same test users can be compared in pairs")
    what = find(metric)
    columns = np.hstack([_columns(table, what) for table in tables])
    observed = _values(columns.sum(axis=0), what, len(tables))
    if np.isnan(observed).any():
        raise ValueError(f"a model without '{metric}' cannot be compared in it")
    if len(columns) < 2:
        alone = [float(observed[first] - observed[second]) for first, second in pairs]
        return [Comparison(difference, -np.inf, np.inf, 1.0) for difference in alone]
    resampled = _values(resampled_sums(columns, samples, rng), what, len(tables))
    found = []
    for first, second in pairs:
        differences = resampled[first] - resampled[second]
        beyond = 1 + min((differences <= 0).sum(), (differences >= 0).sum())
        p = min(1.0, 2 * beyond / (samples + 1))
        low, high = _interval(differences)
        found.append(Comparison(float(observed[first] - observed[second]), low, high, float(p)))
    return found


def holm(p: Floats) -> Floats:
    """p-values corrected for many comparisons, so that one false claim among all has chance alpha.

    Holm (1979): the i-th smallest of m is multiplied by m - i + 1, never below its predecessor.

    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    order = np.argsort(p, kind="stable")
    factor = np.arange(len(p), 0, -1)
    adjusted = np.minimum(1.0, np.maximum.accumulate(np.asarray(p, dtype=float)[order] * factor))
    return adjusted[np.argsort(order)]


def _columns(table: pd.DataFrame, metric: Metric) -> Floats:
    """What a metric is made of per user, float64 (n_users, m); NaN for what a table lacks."""
    if isinstance(metric, RatingMetric):
        return table.reindex(columns=list(SUM_COLUMNS)).to_numpy(np.float64, na_value=np.nan)
    if metric.key not in table:
        raise ValueError(f"a model without '{metric.key}' cannot be compared in it")
    value = table[metric.key].to_numpy(np.float64, na_value=np.nan)
    return np.column_stack([np.nan_to_num(value), ~np.isnan(value)])


def _values(sums: Floats, metric: Metric, n_models: int) -> Floats:
    """The metric of every model, float64 (n_models, …), from sums (…, m n_models)."""
    by_model = np.moveaxis(sums.reshape(*sums.shape[:-1], n_models, -1), -1, 0)
    # a resample may happen to hold no user with a value
    with np.errstate(invalid="ignore"):
        if isinstance(metric, RatingMetric):
            values = metric.function(ErrorSums(*by_model))
        else:
            values = by_model[0] / by_model[1]
    # contiguous by model: a column is read once for every other model
    return np.ascontiguousarray(np.moveaxis(values, -1, 0))


def _interval(values: Floats) -> list[float]:
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.nanpercentile(values, [tail, 100 - tail])
    return [float(low), float(high)]
