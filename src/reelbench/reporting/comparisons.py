"""How models differ: every pair, each against the best and against `bias`, rare items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from reelbench.columns import ITEM_IDX, N_TEST, RATING, SCORE, SQUARED_ERROR, USER_IDX
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.metrics import Metric, find, metric_key
from reelbench.evaluation.significance import Pair, compared_pairs, pairs_frame
from reelbench.reporting.results import Result

Tables = Mapping[str, Sequence[pd.DataFrame]]

BASELINE = "bias"  # the model that the others are compared with
#: the same regressions without text, and on vectors of texts or random ones
WITHOUT_TEXT = "st_genres"
OF_TEXT = ("st", "st_tuned", "st_use", "st_static", "st_glove", "st_random")


def compared_metrics(k: int) -> tuple[Metric, ...]:
    """One error and one ranking metric: those that order the leaderboard."""
    return find("rmse"), find(metric_key("ndcg", k))


def every_pair(
    results: Sequence[Result], config: EvaluateConfig, seed: int, repeats: Tables | None = None
) -> list[Pair]:
    """All pairs of models that have the metric, by a paired bootstrap: metric by metric.

    Args:
        repeats: per-user tables of trainings with other seeds, by model.
    """
    found: list[Pair] = []
    for metric in compared_metrics(config.k[0]):
        tables = {result.name: result.per_user for result in having(results, metric)}
        found += _compared(tables, metric.key, config, seed, repeats=repeats)
    return found


def _compared(
    tables: Mapping[str, pd.DataFrame],
    metric: str,
    config: EvaluateConfig,
    seed: int,
    pairs: Sequence[tuple[str, str]] | None = None,
    repeats: Tables | None = None,
) -> list[Pair]:
    samples, margin = config.bootstrap_samples, config.margin
    return compared_pairs(tables, metric, samples, seed, pairs, margin=margin, repeats=repeats)


def having(results: Sequence[Result], metric: Metric) -> list[Result]:
    """The models that have a metric."""
    return [result for result in results if result.metrics.get(metric.key) is not None]


def against_best(results: Sequence[Result], pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs with the best model of their metric, which comes second: the best first."""
    found = []
    for metric in dict.fromkeys(pair.metric for pair in pairs):
        best = best_of(having(results, metric), metric)
        own = [pair for pair in pairs if pair.metric == metric and best in pair[1:3]]
        turned = [pair if pair.second == best else pair.reversed() for pair in own]
        found += sorted(turned, key=lambda pair: pair.metric.loss(0.0, pair.difference))
    return found


def best_of(results: Sequence[Result], metric: Metric) -> str:
    """Name of the best model in a metric that all of them have, the first of equals."""
    return min(results, key=lambda result: metric.loss(0.0, result.metrics[metric.key])).name


def verdicts(
    results: Sequence[Result], config: EvaluateConfig, seed: int, repeats: Tables | None = None
) -> list[Pair]:
    """Every rating model against `BASELINE`, if there is one, in RMSE: as `every_pair`."""
    rated = {result.name: result.per_user for result in results if result.predicts_ratings}
    pairs = [(model, BASELINE) for model in rated if model != BASELINE]
    return _compared(rated, "rmse", config, seed, pairs, repeats) if BASELINE in rated else []


class RareRow(NamedTuple):
    """One model on the test ratings of rare movies."""

    model: str
    rmse: float
    #: the model against the baseline; None for the baseline itself, and without it
    pair: Pair | None


@dataclass(frozen=True)
class RareItems:
    """Errors on the test ratings of movies with at most `limit` ratings in train."""

    limit: int
    #: counts in test of such ratings, their users and their movies
    n_ratings: int
    n_users: int
    n_items: int
    #: models that predict ratings, the lowest error first; empty without such ratings
    rows: Sequence[RareRow]

    def frame(self) -> pd.DataFrame:
        """Content of `reports/rare_items.csv`, a row per model."""
        table = pd.DataFrame([row[:2] for row in self.rows], columns=["model", "rmse"])
        pairs = pairs_frame([row.pair for row in self.rows if row.pair]).set_index("first")
        own = pairs.drop(columns=["metric", "second", "value", "reference"])
        return table.join(own, on="model").fillna({"verdict": "", "better": ""})


def rare_items(
    results: Sequence[Result], train_counts: np.ndarray, config: EvaluateConfig, seed: int
) -> RareItems:
    """Rating models on rare movies, each against `BASELINE` by a paired bootstrap over users.

    Args:
        train_counts: int64 (n_items,), ratings in train of every movie.
        config: a movie with at most `rare_item_ratings` is rare; users that have such test ratings
            are resampled.
        seed: root seed of the draws.
    """
    limit = config.rare_item_ratings
    rare = [r.predictions[train_counts[r.predictions[ITEM_IDX]] <= limit] for r in results]
    shown = [
        replace(result, per_user=_per_user(table))
        for result, table in zip(results, rare, strict=True)
        if result.predicts_ratings and len(table)
    ]
    found = {pair.first: pair for pair in verdicts(shown, config, seed)}
    sums = {result.name: result.per_user[[SQUARED_ERROR, N_TEST]].sum() for result in shown}
    errors = {name: float(np.sqrt(own[SQUARED_ERROR] / own[N_TEST])) for name, own in sums.items()}
    rows = [RareRow(model, rmse, found.get(model)) for model, rmse in errors.items()]
    return RareItems(
        limit=limit,
        n_ratings=len(rare[0]),
        n_users=rare[0][USER_IDX].nunique(),
        n_items=rare[0][ITEM_IDX].nunique(),
        rows=sorted(rows, key=lambda row: (row.rmse, row.model)),
    )


def text_help(
    results: Sequence[Result], train_counts: np.ndarray, config: EvaluateConfig, seed: int
) -> pd.DataFrame:
    """RMSE of the models of `OF_TEXT` minus that of `WITHOUT_TEXT`, by ratings of the movie.

    Args:
        train_counts: int64 (n_items,), ratings in train of every movie.
        config: a movie with at most `rare_item_ratings` is rare.
        seed: root seed of the draws.

    Returns:
        a row per group of movies and model: `movies`, `ratings`, `model`, `difference`, its 95 %
        interval `low` and `high`, simultaneous within a group, `verdict`, `p`. Popular movies are
        those most rated ones that together have half of the ratings. Empty without these models.
    """
    own = {r.name: r.predictions for r in results if r.name in (*OF_TEXT, WITHOUT_TEXT)}
    rows = []
    if len(own) > 1 and WITHOUT_TEXT in own:
        pairs = [(model, WITHOUT_TEXT) for model in OF_TEXT if model in own]
        counts = train_counts[own[WITHOUT_TEXT][ITEM_IDX]]
        for name, low, high in _groups(train_counts, config.rare_item_ratings):
            inside = (counts >= low) & (counts <= high)
            tables = {model: _per_user(table[inside]) for model, table in own.items()}
            if len(tables[WITHOUT_TEXT]) > 1:  # one user has no spread
                for p in _compared(tables, "rmse", config, seed, pairs):
                    numbers = (p.difference, p.low, p.high, p.verdict, p.p)
                    rows.append((name, int(inside.sum()), p.first, *numbers))
    names = ["movies", "ratings", "model", "difference", "low", "high", "verdict", "p"]
    return pd.DataFrame(rows, columns=names)


def _groups(train_counts: np.ndarray, rare: int) -> list[tuple[str, int, int]]:
    """Name, fewest and most train ratings of each group of movies, ascending."""
    ordered = np.sort(train_counts)[::-1]
    half = np.searchsorted(np.cumsum(ordered), ordered.sum() / 2)
    most = max(int(ordered[half]), rare + 1)
    groups = [("cold", 0, 0), ("rare", 1, rare), ("between", rare + 1, most - 1)]
    shown = [
        (f"{name}, {low}" + f" to {high}" * (high > low), low, high)
        for name, low, high in groups
        if low <= high
    ]
    return [*shown, (f"popular, {most} or more", most, int(ordered[0]))]


def _per_user(predictions: pd.DataFrame) -> pd.DataFrame:
    error = predictions[SCORE].astype(np.float64) - predictions[RATING].astype(np.float64)
    table = pd.DataFrame({USER_IDX: predictions[USER_IDX], N_TEST: 1, SQUARED_ERROR: error**2})
    return table.groupby(USER_IDX, as_index=False).sum()
