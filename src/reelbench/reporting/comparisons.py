"""Which differences between models are significant: every pair, each against `bias`, rare items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from reelbench.columns import ITEM_IDX, N_TEST, RATING, SCORE, SQUARED_ERROR, USER_IDX
from reelbench.evaluation.metrics import Metric, find, metric_key
from reelbench.evaluation.significance import (
    ALPHA,
    Comparison,
    compared,
    enough_resamples,
    holm,
    resampling,
)
from reelbench.reporting.results import Result

#: the model that the others are compared with
BASELINE = "bias"

_RARE_COLUMNS = ["model", "rmse", "difference", "low", "high", "p", "p_corrected", "better"]


class Pair(NamedTuple):
    """Two models in one metric; the difference is `first` minus `second`.

    Attributes:
        p_corrected: p-value after Holm's correction for all pairs in this metric.
    """

    metric: Metric
    first: str
    second: str
    comparison: Comparison
    p_corrected: float

    @property
    def better(self) -> str | None:
        """The model that is significantly better; None without a significant difference."""
        loss = self.metric.loss(0.0, self.comparison.difference)
        if self.p_corrected >= ALPHA or loss == 0:
            return None
        return self.first if loss < 0 else self.second

    def reversed(self) -> Pair:
        """The same pair as `second` minus `first`."""
        difference, low, high, p = self.comparison
        turned = Comparison(0.0 - difference, 0.0 - high, 0.0 - low, p)  # and never -0.0
        return self._replace(first=self.second, second=self.first, comparison=turned)


def compared_metrics(k: int) -> tuple[Metric, ...]:
    """One error and one ranking metric: those that order the leaderboard."""
    return find("rmse"), find(metric_key("ndcg", k))


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
    tables = [result.per_user for result in results]
    return [
        Pair(metric, results[first].name, results[second].name, comparison, p)
        for (first, second), (comparison, p) in zip(
            pairs, _corrected(tables, pairs, metric.key, samples, seed), strict=True
        )
    ]


def _corrected(
    tables: Sequence[pd.DataFrame],
    pairs: Sequence[tuple[int, int]],
    metric: str,
    samples: int,
    seed: int,
) -> list[tuple[Comparison, float]]:
    """Comparison and corrected p-value of every pair; more resamples where many pairs need them."""
    if not pairs:
        return []
    samples = enough_resamples(samples, len(pairs))
    comparisons = compared(tables, pairs, metric, samples, resampling(seed))
    corrected = holm(np.array([comparison.p for comparison in comparisons]))
    return list(zip(comparisons, map(float, corrected), strict=True))


def against_best(results: Sequence[Result], pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs with the best model of their metric, which comes second in each.

    Returns:
        metric by metric, models in the order of `results`.
    """
    found = []
    for metric in dict.fromkeys(pair.metric for pair in pairs):
        best = best_of([result for result in results if _has(result, metric)], metric)
        own = [pair for pair in pairs if pair.metric == metric and best in pair[1:3]]
        turned = [pair if pair.second == best else pair.reversed() for pair in own]
        by_model = {pair.first: pair for pair in turned}
        found += [by_model[result.name] for result in results if result.name in by_model]
    return found


def best_of(results: Sequence[Result], metric: Metric) -> str:
    """Name of the best model in a metric that all of them have, the first of equals."""
    top = metric.extreme(result.metrics[metric.key] for result in results)
    return next(result.name for result in results if result.metrics[metric.key] == top)


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


class Verdict(NamedTuple):
    """RMSE of one model minus that of `BASELINE`: a negative difference is an improvement.

    Attributes:
        p_corrected: p-value after Holm's correction for all models that are compared.
    """

    model: str
    comparison: Comparison
    p_corrected: float

    @property
    def is_better(self) -> bool:
        """Significantly lower error."""
        return self.p_corrected < ALPHA and self.comparison.difference < 0

    @property
    def is_worse(self) -> bool:
        """Significantly higher error."""
        return self.p_corrected < ALPHA and self.comparison.difference > 0


def verdicts(results: Sequence[Result], samples: int, seed: int) -> list[Verdict]:
    """Every rating model against `BASELINE` in RMSE, by a paired bootstrap over users.

    Returns:
        in the order of `results`; empty without the baseline.
    """
    rated = {result.name: result.per_user for result in results if result.predicts_ratings}
    return against_baseline(rated, samples, seed)


def against_baseline(
    per_user: Mapping[str, pd.DataFrame], samples: int, seed: int
) -> list[Verdict]:
    """The same from tables of squared errors per user, by model.

    Args:
        samples: resamples; more are drawn where the correction needs them.
    """
    others = [model for model in per_user if model != BASELINE]
    if BASELINE not in per_user:
        return []
    tables = [per_user[BASELINE], *(per_user[model] for model in others)]
    pairs = [(number, 0) for number in range(1, len(tables))]
    found = _corrected(tables, pairs, "rmse", samples, seed)
    return [Verdict(model, *compared) for model, compared in zip(others, found, strict=True)]


class RareRow(NamedTuple):
    """One model on the test ratings of rare movies.

    Attributes:
        verdict: None for the baseline itself, and without it.
    """

    model: str
    rmse: float
    verdict: Verdict | None

    @property
    def better(self) -> str:
        """The model that is significantly better; empty without a significant difference."""
        if self.verdict is None or not (self.verdict.is_better or self.verdict.is_worse):
            return ""
        return self.model if self.verdict.is_better else BASELINE


@dataclass(frozen=True)
class RareItems:
    """Errors on the test ratings of movies with at most `limit` ratings in train.

    Attributes:
        n_ratings, n_users, n_items: counts in test of such ratings, their users and their movies.
        rows: models that predict ratings, the lowest error first; empty without such ratings.
    """

    limit: int
    n_ratings: int
    n_users: int
    n_items: int
    rows: Sequence[RareRow]

    def frame(self) -> pd.DataFrame:
        """Content of `reports/rare_items.csv`, a row per model."""
        rows = []
        for row in self.rows:
            record: dict[str, object] = {"model": row.model, "rmse": row.rmse, "better": row.better}
            if row.verdict is not None:
                record |= row.verdict.comparison._asdict()
                record["p_corrected"] = row.verdict.p_corrected
            rows.append(record)
        return pd.DataFrame(rows, columns=_RARE_COLUMNS)


def rare_items(
    results: Sequence[Result], train_counts: np.ndarray, limit: int, samples: int, seed: int
) -> RareItems:
    """Rating models on rare movies, each against `BASELINE` by a paired bootstrap over users.

    Args:
        train_counts: int64 (n_items,), ratings in train of every movie.
        limit: a movie with at most so many is rare.
        samples: resamples of the users that have such test ratings; more are drawn where the
            correction needs them.
    """
    shown = [result for result in results if result.predicts_ratings]
    rare = {r.name: _of_rare(r.predictions, train_counts, limit) for r in shown}
    first = _of_rare(results[0].predictions, train_counts, limit)
    tables = {model: _per_user(table) for model, table in rare.items() if len(table)}
    found = {v.model: v for v in against_baseline(tables, samples, seed)}
    rows = [RareRow(model, _rmse(table), found.get(model)) for model, table in tables.items()]
    return RareItems(
        limit=limit,
        n_ratings=len(first),
        n_users=first[USER_IDX].nunique(),
        n_items=first[ITEM_IDX].nunique(),
        rows=sorted(rows, key=lambda row: (row.rmse, row.model)),
    )


def _of_rare(predictions: pd.DataFrame, train_counts: np.ndarray, limit: int) -> pd.DataFrame:
    return predictions[train_counts[predictions[ITEM_IDX]] <= limit]


def _per_user(predictions: pd.DataFrame) -> pd.DataFrame:
    """Number of ratings and sum of squared errors of every user, ordered by user."""
    error = predictions[SCORE].astype(np.float64) - predictions[RATING].astype(np.float64)
    table = pd.DataFrame({USER_IDX: predictions[USER_IDX], N_TEST: 1, SQUARED_ERROR: error**2})
    return table.groupby(USER_IDX, as_index=False).sum()


def _rmse(per_user: pd.DataFrame) -> float:
    return float(np.sqrt(per_user[SQUARED_ERROR].sum() / per_user[N_TEST].sum()))
