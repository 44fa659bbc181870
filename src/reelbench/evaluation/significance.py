"""Intervals and paired tests by resampling users.

The ratings of one user depend on each other, so whole users are drawn with replacement (cluster
bootstrap; Efron and Tibshirani 1993, chapters 8 and 13). A metric is a function of sums over
users, so a resample is a weighted sum of the same per-user columns: one matrix product for all.

Differences between models are studentised, that is, divided by their standard errors. The largest
of all differences of a metric gives one critical value for all of them (max-|t|; Romano and Wolf,
Econometrica 2005): all intervals hold together with a probability of 95 %, and a difference is
significant where its interval excludes zero. With a single user there is no interval, and p = 1.

Two things make resampling too sure of itself. Where a few users contribute most, the distribution
is skewed: each t is transformed so that it is not (Hall, Journal of the Royal Statistical Society B
1992), and the interval is longer on the side of these users. And where only k users differ at all,
the next few may differ the other way: a standard error s is widened to s √(1 + c²/k), with the
critical value c, as if there were c² more such users, half of them on either side (Agresti and
Coull, American Statistician 1998, for proportions). For hundreds of users both change little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from reelbench import seeds
from reelbench.columns import USER_IDX
from reelbench.evaluation import Flags, Floats, Ints
from reelbench.evaluation.metrics import Metric, RatingMetric, find, values_of
from reelbench.evaluation.rating_metrics import SUM_COLUMNS, ErrorSums

CONFIDENCE = 0.95
#: a difference is significant below this p-value, corrected for all comparisons of its metric
ALPHA = 0.05
POWER = 0.8  # probability of finding a difference of the size `Pair.minimum_detectable`
P_FLOOR = 1e-6  # smallest p-value that is stated; smaller ones are written "< 1e-6"
RESAMPLES_OF_FAMILY = 4  # the 95 % point of a maximum takes more resamples than an interval does

_WEIGHTS_AT_ONCE = 4_000_000  # weights (resamples, users) held at a time: bounds the memory
_FEW = 10  # exceedances below which the share of resamples is a poor estimate of a p-value
# numbers as often as their share in the Poisson distribution with mean 1: one drawn of these is one
# drawn of the distribution, to 1e-5, in a fifth of the time
_POISSON = np.searchsorted(special.pdtr(np.arange(12), 1.0), (np.arange(2**16) + 0.5) / 2**16)
_POISSON = _POISSON.astype(np.float64)
_ROUNDING = 1e-9  # share of a value below which a difference is taken for rounding
_TINY = 1e-100  # least variance to divide by
_STEP = 1e-5  # relative step of numerical derivatives

Verdict = Literal["better", "worse", "equivalent", "undecided"]


class Pair(NamedTuple):
    """Two models in one metric; every number is of `first` against `second`."""

    metric: Metric  # what they are compared in
    first: str  # name of a model
    second: str  # name of the other
    value: float  # of `first`: the metric, the mean over trainings if there are several
    reference: float  # of `second`
    low: float  # lower end of the simultaneous 95 % interval of the difference
    high: float  # its upper end
    p: float  # p-value of the maximum of all pairs: below `ALPHA` where the interval excludes 0
    p_step_down: float  # that after Romano and Wolf: never larger
    p_sign_flip: float  # that of the randomisation test
    share_better: float  # share of the users with a value for whom `first` is better
    share_equal: float  # for whom both are equal
    share_worse: float  # for whom `second` is better
    minimum_detectable: float  # absolute difference that is found with the probability `POWER`
    margin: float  # share of the smaller value up to which both count as equivalent

    @property
    def difference(self) -> float:
        """Value of `first` minus that of `second`."""
        return self.value - self.reference

    @property
    def relative(self) -> float:
        """The difference as a share of the value of `second`; NaN where that is 0."""
        return self.difference / abs(self.reference) if self.reference else np.nan

    @property
    def verdict(self) -> Verdict:
        """What the interval shows of `first`; never better or worse if neither end is better."""
        higher = self.metric.higher_is_better
        if higher is not None and (self.low > 0 or self.high < 0):
            return "better" if (self.low > 0) == higher else "worse"
        close = self.margin * min(abs(self.value), abs(self.reference))
        return "equivalent" if max(-self.low, self.high) <= close else "undecided"

    @property
    def better(self) -> str | None:
        """The significantly better model; None where neither is."""
        return {"better": self.first, "worse": self.second}.get(self.verdict)

    @property
    def texts(self) -> list[str]:
        """Difference, its interval and the p-value, as text; no bound but zero looks like zero."""
        bounds = [abs(bound) for bound in (self.low, self.high) if 0 < abs(bound) < np.inf]
        digits = max(self.metric.digits, -int(np.floor(np.log10(min(bounds, default=1)))))
        numbers = (self.difference, self.low, self.high)
        difference, low, high = (f"{value:+.{digits}f}" for value in numbers)
        return [difference, f"[{low}, {high}]", p_text(self.p)]

    def reversed(self) -> Pair:
        """The same pair as `second` against `first`."""
        return self._replace(
            first=self.second,
            second=self.first,
            value=self.reference,
            reference=self.value,
            low=0.0 - self.high,  # and never -0.0
            high=0.0 - self.low,
            share_better=self.share_worse,
            share_worse=self.share_better,
        )


def p_text(p: float) -> str:
    """A p-value as text.

    >>> p_text(0.0312), p_text(0.00042), p_text(1e-9)
    ('0.031', '0.00042', '< 1e-6')
    """
    if p <= P_FLOOR:
        return f"< {P_FLOOR:.0e}".replace("e-0", "e-")
    return f"{p:.3f}" if p >= 0.001 else f"{p:.2g}"


def p_equation(p: float) -> str:
    """The same as an equation, such as `p = 0.031` or `p < 1e-6`."""
    return f"p {'' if p <= P_FLOOR else '= '}{p_text(p)}"


def resampling(root_seed: int) -> np.random.Generator:
    """The generator of every bootstrap: all models are resampled by the same draws."""
    return seeds.generator(root_seed, "evaluation", "bootstrap")


def resampled_sums(columns: Floats, samples: int, rng: np.random.Generator) -> Floats:
    """Column sums over users drawn with replacement, float64 (samples, m), of (n_users, m)."""
    n_users = len(columns)
    sums = np.empty((samples, columns.shape[1]))
    step = max(1, _WEIGHTS_AT_ONCE // n_users)
    for start in range(0, samples, step):
        # how often each user is drawn; of narrow integers the same draws take half the memory
        draws = (rng.integers(n_users, size=n_users, dtype=np.int32) for _ in sums[start:][:step])
        weights = np.array([np.bincount(draw, minlength=n_users) for draw in draws], float)
        sums[start : start + step] = weights @ columns
    return sums


def intervals(
    errors: ErrorSums | None, per_user: Mapping[str, Floats], samples: int, rng: np.random.Generator
) -> dict[str, list[float]]:
    """95 % intervals, key → [low, high]: percentiles of the metrics of resampled users.

    They are those of every rating metric, if there are `errors` (n_users,), and of the means over
    users of `per_user`, key → float64 (n_users,), where NaN is a user without a value. Keys for
    which no user has a value are left out; of a single user all are.
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
    tail = 100 * (1 - CONFIDENCE) / 2
    ends = [tail, 100 - tail]
    return {key: np.nanpercentile(resampled, ends).tolist() for key, resampled in found.items()}


def compared_pairs(
    tables: Mapping[str, pd.DataFrame],
    metric: str,
    samples: int,
    seed: int,
    pairs: Sequence[tuple[str, str]] | None = None,
    *,
    margin: float = 0.01,
    repeats: Mapping[str, Sequence[pd.DataFrame]] | None = None,
) -> list[Pair]:
    """Pairs of models in one metric: one family, whose intervals hold together.

    Args:
        tables: per-user table by model, with the same users in the same order.
        metric: key of a metric per user, such as `rmse` or `ndcg_at_10`.
        samples: resamples for one interval; a family takes `RESAMPLES_OF_FAMILY` times as many.
        seed: root seed of the draws.
        pairs: names of the models of each pair; None: every pair, in the order of `tables`.
        margin: share of the smaller value up to which two models are equivalent.
        repeats: per-user tables of further trainings with other seeds, by model: what is compared
            is then the mean over trainings, and the variance that of users and of seeds.

    Raises:
        UnknownMetricError: no metric has this key.
        ValueError: the tables have different users, or a model has no value of the metric.
    """
    chosen = list(combinations(tables, 2)) if pairs is None else list(pairs)
    if not chosen:
        return []
    places = {name: number for number, name in enumerate(tables)}
    first, second = (np.array([places[pair[end]] for pair in chosen]) for end in (0, 1))
    trainings = [[table, *(repeats or {}).get(name, ())] for name, table in tables.items()]
    family = _Family(find(metric), trainings, first, second)
    found = family.compared(samples, resampling(seed), margin)
    rows = zip(chosen, found.T, strict=True)
    return [Pair(family.metric, *names, *map(float, numbers)) for names, numbers in rows]


def pairs_frame(pairs: Sequence[Pair]) -> pd.DataFrame:
    """A row per pair, with the numbers of a `Pair`; `better` is empty if nothing is significant."""
    names = [field for field in Pair._fields if field not in ("metric", "margin")]
    at = names.index("low")
    names = [*names[:at], "difference", "relative", *names[at:], "verdict"]
    rows = [[p.metric.key, *(getattr(p, name) for name in names), p.better or ""] for p in pairs]
    return pd.DataFrame(rows, columns=["metric", *names, "better"])


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


class _Family:
    """Pairs of models in one metric, for n users, m models and s trainings of all of them."""

    def __init__(
        self, metric: Metric, trainings: Sequence[Sequence[pd.DataFrame]], first: Ints, second: Ints
    ) -> None:
        """Per model the tables of its trainings; per pair the numbers of its models."""
        tables = [table for own in trainings for table in own]
        if any(not np.array_equal(tables[0][USER_IDX], table[USER_IDX]) for table in tables[1:]):
            raise ValueError(
                "only models evaluated on the same test users can be compared in pairs"
            )
        self.metric, self.first, self.second = metric, first, second
        self.of_users = np.stack([_columns(table, metric) for table in tables], axis=1)
        # of those that the metric does not read, a table may have none
        self.of_users[:, :, ~_read(metric, self.of_users)] = 0.0
        self.n_trainings = np.array([len(own) for own in trainings])
        model = np.repeat(np.arange(len(trainings)), self.n_trainings)
        self.mean = np.zeros((len(tables), len(trainings)))  # of the trainings of each model
        self.mean[np.arange(len(tables)), model] = 1 / self.n_trainings[model]
        self.sums = self.of_users.sum(axis=0)
        of_trainings = _value(metric, self.sums)
        self.values = of_trainings @ self.mean
        if np.isnan(self.values).any():
            raise ValueError(f"a model without '{metric.key}' cannot be compared in it")
        deviation = (of_trainings - self.values[model]) ** 2 @ self.mean
        #: variance of the mean over trainings, as far as it is due to their seeds
        self.of_seeds = deviation / np.maximum(self.n_trainings - 1, 1)

    def compared(self, samples: int, rng: np.random.Generator, margin: float) -> Floats:
        """The numbers of every `Pair`, float64 (numbers, n_pairs)."""
        values = self.values[self.first], self.values[self.second]
        counts, n_pairs = self._counts(), len(self.first)
        shares = counts / np.maximum(counts.sum(axis=0), 1)
        margins = np.full(n_pairs, margin)
        if len(self.of_users) < 2:
            unbounded, certain = np.full(n_pairs, np.inf), np.ones((3, n_pairs))
            ends = (-unbounded, unbounded, *certain)
            return np.vstack([*values, *ends, *shares, unbounded, margins])
        difference = values[0] - values[1]
        difference[np.abs(difference) < _ROUNDING * np.abs(values[0])] = 0.0
        gradient = self._gradient()
        error, skewness = self._errors(gradient)
        several = RESAMPLES_OF_FAMILY if n_pairs > 1 else 1
        resampled = self._resampled(error, several * samples, rng)
        critical = _critical(resampled.max(axis=1))
        if np.isinf(critical):  # too few resamples, or users, to claim anything
            error = np.maximum(error, _TINY)
        else:
            few = critical**2 / np.maximum(counts[0] + counts[2], 1)
            # with the second-order variance of the t statistic of a mean
            error = error * np.sqrt(1 + few + 2 / len(self.of_users) + 7 / 4 * skewness**2)
        t = _ratio(difference, error)
        unskewed = _unskewed(t, skewness)
        # a sample's skewness is uncertain: it may lengthen an interval, not shorten it
        t = np.where(np.abs(unskewed) < np.abs(t), unskewed, t)
        p = _p_values(resampled.max(axis=1), len(self.of_users))(t)
        low = difference - error * np.maximum(critical, _skewed(critical, skewness))
        high = difference + error * np.maximum(critical, _skewed(critical, -skewness))
        flipped, t_flipped = self._flipped(gradient, samples, rng)
        p_sign_flip = _p_values(flipped.max(axis=1), len(self.of_users))(t_flipped)
        numbers = (*values, low, high, p, self._step_down(t, resampled), p_sign_flip, *shares)
        detectable = (critical + special.ndtri(POWER)) * error
        return np.vstack([*numbers, detectable, margins])

    def _gradient(self) -> Floats:
        """Derivatives of the metric by its sums (s, q), by central differences."""
        found = np.zeros_like(self.sums)
        size = np.abs(self.of_users).sum(axis=0)
        for column in range(size.shape[1]):
            step = np.zeros_like(size)
            step[:, column] = _STEP * size[:, column]
            slope = _value(self.metric, self.sums + step) - _value(self.metric, self.sums - step)
            found[:, column] = _ratio(slope, 2 * step[:, column])
        return found

    def _errors(self, gradient: Floats) -> tuple[Floats, Floats]:
        """Standard errors and skewness of the differences, both (n_pairs,).

        The metric does not change if all sums grow by the same factor, so that the influences of
        the users sum to zero (Euler's theorem on homogeneous functions).
        """
        influence = np.einsum("nsq,sq->ns", self.of_users, gradient) @ self.mean
        pairs = zip(self.first, self.second, strict=True)
        moments = []
        for i, j in pairs:
            own = influence[:, i] - influence[:, j]
            moments.append([own @ own, (own * own) @ own, np.abs(own).max()])
        variance, third, largest = np.array(moments).T
        variance[variance < (_ROUNDING * self.values[self.first]) ** 2] = 0.0
        skewness = np.where(variance > 0, third / np.maximum(variance, _TINY) ** 1.5, 1.0)
        if not isinstance(self.metric, RatingMetric) and (variance > 0).any():
            # of lists that are equally good for all users, one more user may show a difference
            variance[variance == 0] = np.median(largest[variance > 0]) ** 2
        of_seeds = self.of_seeds[self.first] + self.of_seeds[self.second]
        return np.sqrt(variance + of_seeds), skewness

    def _resampled(self, error: Floats, samples: int, rng: np.random.Generator) -> Floats:
        """|t| of every pair in every resample (samples, n_pairs), around what was observed.

        The number of times that a user is drawn has the Poisson distribution with mean 1, so that
        users are drawn independently and need not be in memory together. Two or three seeds are too
        few to draw from: the errors of the means over them are normal, with a variance that every
        resample estimates again.
        """
        flat = self.of_users.reshape(len(self.of_users), -1)
        sums = np.zeros((samples, flat.shape[1]))
        for users, draw in _blocks(len(flat), samples):
            sums += _POISSON[rng.integers(len(_POISSON), size=draw, dtype=np.uint16)] @ flat[users]
        values = _value(self.metric, sums.reshape(samples, *self.sums.shape)) @ self.mean
        variance = np.broadcast_to(error**2, (samples, len(error)))
        if self.of_seeds.any():
            freedom = np.maximum(self.n_trainings - 1, 1)
            values += rng.standard_normal(values.shape) * np.sqrt(self.of_seeds)
            more = self.of_seeds * (rng.chisquare(freedom, values.shape) / freedom - 1)
            variance = variance + more[:, self.first] + more[:, self.second]
        moved = (values - self.values)[:, self.first] - (values - self.values)[:, self.second]
        moved[:, error == 0] = 0.0
        return np.abs(_ratio(moved, np.sqrt(variance)))

    def _flipped(
        self, gradient: Floats, samples: int, rng: np.random.Generator
    ) -> tuple[Floats, Floats]:
        """|t| with models exchanged by chance per user (samples, n_pairs), and observed (n_pairs,).

        Without a difference, either model of a pair could have been the other for each user.
        """
        of_models = np.einsum("nsq,sm->nmq", self.of_users, self.mean)
        slopes = np.einsum("sq,sm->mq", gradient, self.mean)
        pooled = (slopes[self.first] + slopes[self.second]) / 2
        total, signed = np.zeros(len(self.first)), np.zeros((samples, len(self.first)))
        squared = np.zeros(len(self.first))
        for users, draw in _blocks(len(of_models), samples):
            block = of_models[users]
            gain = np.einsum("npq,pq->np", block[:, self.first] - block[:, self.second], pooled)
            signs = 2.0 * rng.integers(2, size=draw, dtype=np.int8) - 1
            total, squared = total + gain.sum(axis=0), squared + (gain**2).sum(axis=0)
            signed += signs @ gain
        length = np.sqrt(squared)
        return np.abs(_ratio(signed, length)), _ratio(total, length)

    def _step_down(self, t: Floats, resampled: Floats) -> Floats:
        """p-values after Romano and Wolf: of the pairs with the largest |t|, those before are out.

        Econometrica 2005, algorithm 4.1, with p-values as in Statistics & Probability Letters 2016.
        """
        order = np.argsort(-np.abs(t), kind="stable")
        remaining = np.maximum.accumulate(resampled[:, order[::-1]], axis=1)[:, ::-1]
        n = len(self.of_users)
        p = [_p_values(remaining[:, i], n)(t[pair]) for i, pair in enumerate(order)]
        found = np.empty(len(t))
        found[order] = np.maximum.accumulate(np.array(p))
        return found

    def _counts(self) -> Ints:
        """Numbers of users for whom the first is better, both are equal, and worse (3, n_pairs)."""
        with np.errstate(all="ignore"):
            values = _value(self.metric, self.of_users) @ self.mean
        found, sign = [], -1 if self.metric.better == "lower" else 1
        for i, j in zip(self.first, self.second, strict=True):
            both = ~np.isnan(values[:, i] + values[:, j])
            gain = sign * (values[both, i] - values[both, j])
            equal = np.abs(gain) <= 1e-9 * np.abs(values[both, i])
            groups = ((gain > 0) & ~equal, equal, (gain < 0) & ~equal)
            found.append([own.sum() for own in groups])
        return np.array(found).T


def _blocks(n_users: int, samples: int) -> Iterator[tuple[slice, tuple[int, int]]]:
    """Users a block at a time, and the shape (samples, users) of what is drawn for it."""
    step = max(1, _WEIGHTS_AT_ONCE // samples)
    for start in range(0, n_users, step):
        yield slice(start, start + step), (samples, min(step, n_users - start))


def _critical(largest: Floats) -> float:
    """The |t| beyond which the p-value of `_p_values` is below `ALPHA`."""
    n = len(largest)
    above = int(np.ceil(ALPHA * (n + 1))) - 2  # most exceedances of a significant |t|
    return float(np.sort(largest)[::-1][above]) if 0 <= above < n else np.inf


def _p_values(largest: Floats, n_users: int) -> Callable[[Floats], Floats]:
    """The p-value of any t, from resamples (n,) of the largest |t| without a difference.

    It is the share of resamples that reach it, one more counted on both (Davison and Hinkley 1997,
    section 4.2). Where fewer than ten do, the tail is that of Student's t, which continues the
    share of the tenth: the tail of a maximum is proportional to that of one. Never below `P_FLOOR`.
    """
    ordered, n = np.sort(largest), len(largest)
    few = min(_FEW, max(int(np.ceil(ALPHA * (n + 1))) - 2, 0), n - 1)
    start = ordered[n - 1 - few]
    tail = max(special.stdtr(n_users - 1, -start), np.finfo(float).tiny)

    def p_of(t: Floats) -> Floats:
        size = np.abs(t)
        reached = n - np.searchsorted(ordered, size, side="left")
        share = (1 + reached) / (n + 1)
        beyond = (1 + few) / (n + 1) * special.stdtr(n_users - 1, -size) / tail
        return np.maximum(np.where(size > start, np.minimum(beyond, share), share), P_FLOOR)

    return p_of


def _unskewed(t: Floats, skewness: Floats) -> Floats:
    """Hall's transformation of t statistics of means with this skewness."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6
    return np.where(t == 0, 0.0, np.where(np.isnan(found), t, found))


def _skewed(t: float, skewness: Floats) -> Floats:
    """The inverse of `_unskewed`."""
    some = np.where(np.abs(skewness) < 1e-6, 1e-6, skewness)
    return 3 / some * (np.cbrt(1 + some * (t - some / 6)) - 1)


def _ratio(difference: Floats, error: Floats) -> Floats:
    """The t statistics: 0 for no difference, and infinite for one without an error."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = difference / error
    return np.where(difference == 0, 0.0, np.where(np.isnan(found), np.inf, found))


def _columns(table: pd.DataFrame, metric: Metric) -> Floats:
    """What a metric is made of per user, float64 (n_users, q); NaN for what a table lacks."""
    if isinstance(metric, RatingMetric):
        return table.reindex(columns=list(SUM_COLUMNS)).to_numpy(np.float64, na_value=np.nan)
    if metric.key not in table:
        raise ValueError(f"a model without '{metric.key}' cannot be compared in it")
    value = table[metric.key].to_numpy(np.float64, na_value=np.nan)
    return np.column_stack([np.nan_to_num(value), ~np.isnan(value)])


def _read(metric: Metric, of_users: Floats) -> Flags:
    """Which sums a metric reads, bool (q,): a NaN in their place makes it NaN."""
    probe = np.tile(np.nan_to_num(of_users[:, 0].sum(axis=0), nan=1.0), (of_users.shape[2], 1))
    np.fill_diagonal(probe, np.nan)
    return np.isnan(_value(metric, probe))


def _value(metric: Metric, sums: Floats) -> Floats:
    """The metric (…,) from sums (…, q)."""
    # a resample may happen to hold no user with a value
    with np.errstate(divide="ignore", invalid="ignore"):
        if isinstance(metric, RatingMetric):
            return np.asarray(metric.function(ErrorSums(*np.moveaxis(sums, -1, 0))))
        return sums[..., 0] / sums[..., 1]
