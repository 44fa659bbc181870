"""Evaluation of a model on the test part, and paired comparison of several models.

>>> from reelbench.data.interactions import Interactions, Parts
>>> from reelbench.features.block import Features, Ids
>>> from reelbench.models.popularity import Popularity
>>> train = Interactions.from_arrays([0, 0, 1, 1], [0, 1, 0, 2], [5, 3, 4, 2])
>>> test = Interactions.from_arrays([0, 1], [2, 1], [4, 1])
>>> parts = Parts(train, Interactions.from_arrays([], [], []), test)
>>> model = Popularity().fit(train, parts.valid, Features(Ids(2, 4, 1, 5)))
>>> result = evaluate(model, parts, EvaluateConfig(k=(2,)))
>>> result.metrics["ndcg_at_2"], result.metrics["n_test_users"]
(1.0, 2)
>>> result.summary().loc["recall_at_2"].to_list()
[1.0, 1.0, 1.0]
"""

import resource
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reelbench import columns
from reelbench.data.interactions import Parts
from reelbench.evaluation import NO_ITEM, EvaluateConfig, Floats, Ints, metrics, significance
from reelbench.evaluation import rating_metrics as errors_of
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.cohorts import Outcome, breakdown, warm_and_cold
from reelbench.evaluation.prequential import Stream, follow
from reelbench.evaluation.scoring import predict, rank
from reelbench.evaluation.task import Task
from reelbench.faults import Fault
from reelbench.features.block import Features
from reelbench.models.base import Recommender
from reelbench.models.shared.fold_in import FoldedIn

Table = dict[str, NDArray[Any] | None]


@dataclass(frozen=True)
class Evaluation:
    """All results of one model, as they are written to the files of the same names in `paths`."""

    #: numbers by key, `intervals`, `cohorts` and counts, and `faults` by name where there are any
    metrics: dict[str, Any]
    per_user: Table  # a row per test user in ascending order
    predictions: Table  # a row per test rating in the order of the part
    recommendations: Table  # by user, then by rank
    #: by user, then from the last place upwards; the rank is that in the whole ranking
    last_places: Table
    cost: dict[str, float | None]  # `paths.evaluate_cost`: microseconds and bytes
    cohorts: pd.DataFrame  # a row per cohort (see `breakdown`)
    calibration: errors_of.CalibrationTable | None  # by bins; None for a model that only ranks

    def summary(self) -> pd.DataFrame:
        """Every metric with its 95 % interval or NaN: columns `value`, `low` and `high`, by key."""
        bounds = self.metrics["intervals"]
        rows = {
            key: (value, *bounds.get(key, (np.nan, np.nan)))
            for key, value in self.metrics.items()
            if value is not None and metrics.is_metric(key)
        }
        return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])


def evaluate(
    model: Recommender,
    parts: Parts,
    config: EvaluateConfig | None = None,
    movies: Movies | None = None,
    seed: int = 0,
    faults: Collection[Fault] = (),
    features: Features | None = None,
) -> Evaluation:
    """Evaluate a fitted model on the test part.

    Errors are over all test ratings, cold users and items included. Rankings are over the full
    catalogue (or all of train's items) without the items that the user has in train or valid, for
    all users with a test rating. Where `faults` change the test ratings, errors are over those.
    Users with a `parts.profile` are known by that alone: the model folds them in.

    Args:
        model: fitted on `parts.train`; a NotImplementedError if it has no fold-in for profiles.
        parts: the ratings.
        config: cutoffs, relevance and candidates; by default nDCG@10 and the like, where every test
            rating is relevant.
        movies: metadata for diversity and cohorts; by default those of `parts.items`.
        seed: root seed of the bootstrap behind the intervals.
        faults: faults of published protocols to reproduce.
        features: what the model was fitted with, if `parts.moments` train it again.

    Raises:
        ParamsError: as `Task` or `Stream`.
        ValueError: a score is NaN.
    """
    config = config or EvaluateConfig()
    if movies is None:
        unknown = Movies.unknown(model.ids.n_items)
        movies = unknown if parts.items is None else Movies.of(parts.items, {})
    return evaluate_on(task_of(parts, model.ids, config, movies, seed, faults), model, features)


def task_of(parts: Parts, *arguments: Any) -> Task:
    """The task of some parts: a `Stream` where test ratings are learned in turn."""
    return Task(parts, *arguments) if parts.moments is None else Stream(parts, *arguments)


def evaluate_on(task: Task, model: Recommender, features: Features | None = None) -> Evaluation:
    """`evaluate` for one of several models, which have the same task."""
    config = task.config
    if task.parts.profile is not None and not model.knows_profiles:
        model = FoldedIn(model, task.parts.profile)
    if isinstance(task, Stream):
        ratings, rankings, per_user, by_cohort = follow(task, model, features)
    else:
        ratings, k = predict(model, task.test), max(config.k)
        wanted: Any = dict(relevant=task.relevant, among=task.among, own=task.own, bottom=k)
        rankings = rank(model, task.users, task.seen, k, by=config.rank_by, **wanted)
        per_user = task.list_values(rankings.lists)
        of_all = (task.test, ratings.predicted, rankings, task.relevant, per_user, config.k)
        by_cohort = breakdown(task.cohorts, Outcome(*of_all))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    predicted, given, found = ratings.predicted, task.test.rating, rankings.lists
    errors, bins, per_rating = None, None, None
    of_ratings: dict[str, Any] = dict.fromkeys(metrics.keys_of(metrics.RatingMetric))
    calibrated: dict[str, Any] = dict.fromkeys(metrics.keys_of(metrics.CalibrationMetric))
    if predicted is not None:
        per_rating = 1e6 * ratings.seconds / len(given)
        errors = errors_of.error_sums(task.row_of_rating, len(task.users), given, predicted)
        scale = (task.ids.rating_min, task.ids.rating_max)
        bins = errors_of.calibration(given, predicted, *scale, config.calibration_bins)
        of_ratings = metrics.values_of(metrics.RatingMetric, errors_of.total(errors))
        calibrated = metrics.values_of(metrics.CalibrationMetric, bins)
    means = {k: np.nan if np.isnan(v).all() else np.nanmean(v) for k, v in per_user.items()}
    whole = found.items, task.ids.n_items
    of_lists = metrics.values_of(metrics.CatalogueMetric, *whole, cutoffs=config.k)
    headline = of_ratings | means | of_lists | calibrated
    rng = significance.resampling(task.seed)
    first = np.broadcast_to(np.arange(1, found.items.shape[1] + 1), found.items.shape)
    last = found.candidates[:, None] - np.arange(found.last_items.shape[1])
    return Evaluation(
        metrics={k: None if v is None or np.isnan(v) else float(v) for k, v in headline.items()}
        | _counts(task, per_user)
        | {"intervals": significance.intervals(errors, per_user, config.bootstrap_samples, rng)}
        | {"cohorts": warm_and_cold(by_cohort)}
        | ({"faults": {f.value: True for f in sorted(task.faults)}} if task.faults else {}),
        per_user={
            columns.USER_IDX: task.users.astype(np.int32),
            **dict(zip(errors_of.SUM_COLUMNS, errors or [None] * 6, strict=True)),
            columns.N_TEST: np.bincount(task.row_of_rating).astype(np.int32),
            columns.COLD_USER: task.cold_users,
            **per_user,
        },
        predictions={
            columns.USER_IDX: task.test.user_idx,
            columns.ITEM_IDX: task.test.item_idx,
            columns.RATING: given,
            columns.SCORE: predicted,
            columns.COLD_USER: task.cold_user_rows,
            columns.COLD_ITEM: task.cold_item_rows,
        },
        recommendations=_places(task.users, found.items, found.scores, first),
        last_places=_places(task.users, found.last_items, found.last_scores, last),
        cost={
            "score_microseconds_per_user": 1e6 * rankings.seconds / len(task.users),
            "predict_microseconds_per_rating": per_rating,
            # Linux counts in KiB, macOS in bytes
            "peak_memory_bytes": peak if sys.platform == "darwin" else peak * 1024,
        },
        cohorts=by_cohort,
        calibration=bins,
    )


def compare(
    results: Mapping[str, Evaluation],
    keys: Sequence[str] = ("rmse", "ndcg_at_10"),
    samples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Which of several models is better: a paired bootstrap over users, for all pairs together.

    Args:
        results: evaluation by name of the model, all on the same test part.
        keys: metrics to compare in; a model without one (an error of a model that only ranks) is
            left out for it.
        samples: number of resamples; more are drawn for several pairs.
        seed: root seed of the draws.

    Returns:
        a row per metric and pair, see `significance.pairs_frame`: `difference` (first minus
        second), its interval, p-values, and the `verdict` on the first.

    Raises:
        UnknownMetricError: no metric has this key.
        ValueError: the models were evaluated on different users.
    """
    pairs = []
    for key in keys:
        metrics.find(key)
        having = {name: r for name, r in results.items() if r.metrics.get(key) is not None}
        tables = {name: pd.DataFrame(result.per_user) for name, result in having.items()}
        pairs += significance.compared_pairs(tables, key, samples, seed)
    return significance.pairs_frame(pairs)


def _counts(task: Task, per_user: Mapping[str, Floats]) -> dict[str, int]:
    counts = {
        "n_test": len(task.test),
        "n_test_users": len(task.users),
        "n_users_without_relevant": int(np.isnan(next(iter(per_user.values()))).sum()),
        "cold_users": int(task.cold_users.sum()),
        "cold_items": len(np.unique(task.test.item_idx[task.cold_item_rows])),
    }
    sampled = task.n_all_users > len(task.users)
    return counts | ({"n_test_users_before_sampling": task.n_all_users} if sampled else {})


def _places(users: Ints, items: Ints, scores: Floats, ranks: Ints) -> Table:
    row, place = np.nonzero(items != NO_ITEM)
    return {
        columns.USER_IDX: users[row].astype(np.int32),
        columns.ITEM_IDX: items[row, place],
        columns.SCORE: scores[row, place],
        columns.RANK: ranks[row, place].astype(np.int32),
    }
