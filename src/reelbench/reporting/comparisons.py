"""Every model against every other: which differences are real."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from reelbench.evaluation.metrics import metric_key
from reelbench.evaluation.significance import (
    ALPHA,
    Comparison,
    compared,
    enough_resamples,
    holm,
    resampling,
)
from reelbench.reporting.results import Result


class Metric(NamedTuple):
    """What models are compared in."""

    key: str
    title: str
    higher_is_better: bool


class Pair(NamedTuple):
    """Two models in one metric; the difference is that of `first` less `second`."""

    metric: Metric
    first: str
    second: str
    comparison: Comparison
    #: p-value after Holm's correction for all pairs in this metric
    p_corrected: float

    @property
    def better(self) -> str | None:
        """The model that is significantly better; None where no difference is shown."""
        difference = self.comparison.difference
        if self.p_corrected >= ALPHA or difference == 0:
            return None
        return self.first if (difference > 0) == self.metric.higher_is_better else self.second

    def reversed(self) -> Pair:
        """The same the other way round: `second` less `first`."""
        difference, low, high, p = self.comparison
        turned = Comparison(0.0 - difference, 0.0 - high, 0.0 - low, p)  # and never -0.0
        return self._replace(first=self.second, second=self.first, comparison=turned)


def compared_metrics(k: int) -> tuple[Metric, ...]:
    """One metric of the errors and one of the ranking: those that order the leaderboard."""
    return (
        Metric("rmse", "RMSE", higher_is_better=False),
        Metric(metric_key("ndcg", k), f"nDCG@{k}", higher_is_better=True),
    )


def every_pair(results: Sequence[Result], k: int, samples: int, seed: int) -> list[Pair]:
    """All pairs of models that have the metric, by a paired bootstrap over users.

    Returns:
        metric by metric, pairs in the order of `results`.
    """
    return [
        pair
        for metric in compared_metrics(k)
        for pair in _pairs([r for r in results if _has(r, metric)], metric, samples, seed)
    ]


def _has(result: Result, metric: Metric) -> bool:
    return result.metrics.get(metric.key) is not None


def _pairs(results: Sequence[Result], metric: Metric, samples: int, seed: int) -> list[Pair]:
    pairs = list(combinations(range(len(results)), 2))
    if not pairs:
        return []
    tables = [result.per_user for result in results]
    samples = enough_resamples(samples, len(pairs))
    comparisons = compared(tables, pairs, metric.key, samples, resampling(seed))
    corrected = holm(np.array([comparison.p for comparison in comparisons]))
    return [
        Pair(metric, results[first].name, results[second].name, comparison, float(p))
        for (first, second), comparison, p in zip(pairs, comparisons, corrected, strict=True)
    ]


def against_best(results: Sequence[Result], pairs: Sequence[Pair]) -> list[Pair]:
    """Of the pairs those with the best model of their metric, which comes second in each.

    Returns:
        metric by metric, models in the order of `results`.
    """
    found = []
    for metric in dict.fromkeys(pair.metric for pair in pairs):
        best = _best([result for result in results if _has(result, metric)], metric)
        own = [pair for pair in pairs if pair.metric == metric and best in pair[1:3]]
        turned = [pair if pair.second == best else pair.reversed() for pair in own]
        by_model = {pair.first: pair for pair in turned}
        found += [by_model[result.name] for result in results if result.name in by_model]
    return found


def _best(results: Sequence[Result], metric: Metric) -> str:
    sign = 1 if metric.higher_is_better else -1
    return max(results, key=lambda result: sign * result.metrics[metric.key]).name


def comparisons_frame(pairs: Sequence[Pair]) -> pd.DataFrame:
    """Content of `reports/comparisons.csv`, a row per metric and pair."""
    rows = [
        {
            "metric": pair.metric.key,
            "first": pair.first,
            "second": pair.second,
            **pair.comparison._asdict(),
            "p_corrected": pair.p_corrected,
            "better": pair.better or "",
        }
        for pair in pairs
    ]
    columns = ["metric", "first", "second", *Comparison._fields, "p_corrected", "better"]
    return pd.DataFrame(rows, columns=columns)
