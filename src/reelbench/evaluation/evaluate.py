"""One model on the test part: metrics with intervals, cohorts, tables and costs."""

from __future__ import annotations

import resource
import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from reelbench import columns
from reelbench.data.interactions import Interactions, Parts
from reelbench.evaluation import EvaluateConfig, cohorts, metrics, significance
from reelbench.evaluation.beyond_accuracy import Movies, RecommendedLists
from reelbench.evaluation.cohorts import Outcome, breakdown, cohorts_of, cold
from reelbench.evaluation.rating_metrics import (
    CalibrationTable,
    ErrorSums,
    calibration,
    error_sums,
    total,
)
from reelbench.evaluation.scoring import Rankings, Ratings, predict, rank
from reelbench.evaluation.top_k import NO_ITEM
from reelbench.faults import Fault
from reelbench.models.base import Recommender

Table = dict[str, np.ndarray | None]


@dataclass(frozen=True)
class Evaluation:
    """Everything that is known of one model after its evaluation, as it is written to files.

    Attributes:
        metrics: content of `paths.metrics`: numbers by key, `intervals`, `cohorts` and counts;
            `faults` by name where the protocol has any, so that the file tells what it is.
        per_user: columns of `paths.per_user`, a row per test user in ascending order.
        predictions: columns of `paths.predictions`, a row per test rating in the order of the part.
        recommendations: columns of `paths.recommendations`, by user, then by rank.
        last_places: columns of `paths.last_places`, by user, then from the last place upwards; the
            rank is that in the whole ranking.
        cost: content of `paths.evaluate_cost`: microseconds and bytes.
        cohorts: content of `paths.cohorts`, a row per cohort (see `breakdown`).
        calibration: columns of `paths.calibration`; None for a model that only ranks.
    """

    metrics: dict[str, Any]
    per_user: Table
    predictions: Table
    recommendations: Table
    last_places: Table
    cost: dict[str, float | None]
    cohorts: pd.DataFrame
    calibration: CalibrationTable | None


def evaluate(
    model: Recommender,
    parts: Parts,
    config: EvaluateConfig,
    movies: Movies,
    seed: int,
    faults: Collection[Fault] = (),
) -> Evaluation:
    """Evaluate a fitted model on the test part.

    Errors are over all test ratings, cold users and items included. Rankings are over the full
    catalogue (or all of train's items) less the items that the user has in train or valid, for all
    users with a test rating. Where `faults` say otherwise, "test rating" below is a scored one.

    Raises:
        ValueError: the test part is empty, or a score is NaN.
    """
    if len(parts.test) == 0:
        raise ValueError("the test part is empty: make `split` leave some ratings for it")
    test = scored_rows(parts.train, parts.valid, parts.test, faults)
    users, user_place = np.unique(test.user_idx, return_inverse=True)
    ratings = predict(model, test)
    size = (model.ids.n_users, model.ids.n_items)
    relevant = relevant_items(parts.test, model, config)[users]
    own = own_candidates(parts.test, size, faults)
    rankings = rank(
        model,
        users,
        seen_items(parts, model)[users],
        max(config.k),
        relevant=relevant,
        among=allowed_items(parts, model, config),
        own=None if own is None else own[users],
        by=config.rank_by,
        bottom=max(config.k),
    )
    errors = _error_sums(user_place, len(users), test, ratings)
    lists = RecommendedLists.of(rankings.items, users, parts.train, size, movies.vectors)
    ranking = metrics.ranking_values(rankings.items, relevant, config.k)
    ranking |= metrics.whole_ranking_values(rankings.auc_terms, relevant)
    ranking |= metrics.list_values(lists, config.k)
    groups = cohorts.cohorts(parts.train, test)
    bins = _calibration(test, ratings, model, config)
    outcome = Outcome(
        test,
        ratings.predicted,
        users,
        rankings.items,
        relevant,
        rankings.auc_terms,
        ranking,
        config.k,
    )
    return Evaluation(
        metrics=_headline(errors, ranking)
        | metrics.catalogue_values(rankings.items, model.ids.n_items, config.k)
        | metrics.calibration_values(bins)
        | _counts(test, parts.train, users, ranking)
        | {"intervals": _intervals(errors, ranking, config.bootstrap_samples, seed)}
        | {"cohorts": cohorts.describe(groups, test, ratings.predicted)}
        | ({"faults": {fault.value: True for fault in sorted(faults)}} if faults else {}),
        per_user=_per_user(users, user_place, parts, errors, ranking),
        predictions=_predictions(test, ratings, groups),
        recommendations=_recommendations(rankings),
        last_places=_last_places(rankings),
        cost=_cost(ratings, rankings, len(test)),
        cohorts=breakdown(cohorts_of(parts.train, *size, movies), outcome),
        calibration=bins,
    )


def allowed_items(parts: Parts, model: Recommender, config: EvaluateConfig) -> np.ndarray | None:
    """Items that may be recommended, bool (n_items,); None for all."""
    if config.candidates == "catalogue":
        return None
    return np.bincount(parts.train.item_idx, minlength=model.ids.n_items) > 0


def _calibration(
    test: Interactions, ratings: Ratings, model: Recommender, config: EvaluateConfig
) -> CalibrationTable | None:
    if ratings.predicted is None:
        return None
    low, high = model.ids.rating_min, model.ids.rating_max
    return calibration(test.rating, ratings.predicted, low, high, config.calibration_bins)


def seen_items(parts: Parts, model: Recommender) -> sparse.csr_array:
    size = (model.ids.n_users, model.ids.n_items)
    return sparse.csr_array(parts.train.seen(*size) + parts.valid.seen(*size))


def relevant_items(
    test: Interactions, model: Recommender, config: EvaluateConfig
) -> sparse.csr_array:
    minimum = -np.inf if config.min_relevant_rating is None else config.min_relevant_rating
    good = test.rating >= minimum
    relevant = Interactions.from_arrays(
        test.user_idx[good], test.item_idx[good], test.rating[good], test.timestamp[good]
    )
    return relevant.seen(model.ids.n_users, model.ids.n_items)


def _error_sums(
    user_place: np.ndarray, n_users: int, test: Interactions, ratings: Ratings
) -> ErrorSums | None:
    if ratings.predicted is None:
        return None
    return error_sums(user_place, n_users, test.rating, ratings.predicted)


def _headline(errors: ErrorSums | None, ranking: dict[str, np.ndarray]) -> dict[str, float | None]:
    """Every metric as one number; None where it is not defined."""
    headline: dict[str, float | None] = {
        key: None if errors is None else float(metrics.rating_values(total(errors))[key])
        for key in metrics.rating_keys()
    }
    for key, values in ranking.items():
        headline[key] = None if np.isnan(values).all() else float(np.nanmean(values))
    return headline


def _counts(
    test: Interactions, train: Interactions, users: np.ndarray, ranking: dict[str, np.ndarray]
) -> dict[str, int]:
    items = np.unique(test.item_idx)
    return {
        "n_test": len(test),
        "n_test_users": len(users),
        "n_users_without_relevant": int(np.isnan(next(iter(ranking.values()))).sum()),
        "cold_users": int(cold(users, train.user_idx).sum()),
        "cold_items": int(cold(items, train.item_idx).sum()),
    }


def _intervals(
    errors: ErrorSums | None, ranking: dict[str, np.ndarray], samples: int, seed: int
) -> dict[str, list[float]]:
    intervals = {}
    if errors is not None:
        rng = significance.resampling(seed)
        intervals = significance.error_intervals(errors, samples, rng)
    rng = significance.resampling(seed)
    return intervals | significance.mean_intervals(ranking, samples, rng)


def _per_user(
    users: np.ndarray,
    user_place: np.ndarray,
    parts: Parts,
    errors: ErrorSums | None,
    ranking: dict[str, np.ndarray],
) -> Table:
    return {
        columns.USER_IDX: users.astype(np.int32),
        columns.N_TEST: np.bincount(user_place).astype(np.int32),
        columns.SQUARED_ERROR: None if errors is None else errors.squared,
        columns.ABSOLUTE_ERROR: None if errors is None else errors.absolute,
        columns.COLD_USER: cold(users, parts.train.user_idx),
        **ranking,
    }


def _predictions(test: Interactions, ratings: Ratings, groups: dict[str, np.ndarray]) -> Table:
    return {
        columns.USER_IDX: test.user_idx,
        columns.ITEM_IDX: test.item_idx,
        columns.RATING: test.rating,
        columns.SCORE: ratings.predicted,
        columns.COLD_USER: groups["cold_users"],
        columns.COLD_ITEM: groups["cold_items"],
    }


def _recommendations(rankings: Rankings) -> Table:
    places = np.arange(1, rankings.items.shape[1] + 1)
    ranks = np.broadcast_to(places, rankings.items.shape)
    return _lists(rankings.users, rankings.items, rankings.scores, ranks)


def _last_places(rankings: Rankings) -> Table:
    ranks = rankings.candidates[:, None] - np.arange(rankings.last_items.shape[1])
    return _lists(rankings.users, rankings.last_items, rankings.last_scores, ranks)


def _lists(users: np.ndarray, items: np.ndarray, scores: np.ndarray, ranks: np.ndarray) -> Table:
    """A row per place that is not empty."""
    row, place = np.nonzero(items != NO_ITEM)
    return {
        columns.USER_IDX: users[row].astype(np.int32),
        columns.ITEM_IDX: items[row, place],
        columns.SCORE: scores[row, place],
        columns.RANK: ranks[row, place].astype(np.int32),
    }


def _cost(ratings: Ratings, rankings: Rankings, n_test: int) -> dict[str, float | None]:
    # Linux counts in KiB, macOS in bytes
    unit = 1 if sys.platform == "darwin" else 1024
    predicts = ratings.predicted is not None
    return {
        "score_microseconds_per_user": 1e6 * rankings.seconds / len(rankings.users),
        "predict_microseconds_per_rating": 1e6 * ratings.seconds / n_test if predicts else None,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
    }


def scored_rows(
    train: Interactions, valid: Interactions, test: Interactions, faults: Collection[Fault]
) -> Interactions:
    """The ratings that errors are taken of: those of test, or what a fault makes of them."""
    rows = test
    if Fault.SCORE_TRAIN_ROWS in faults:
        rows = Interactions.concat(train, valid, test)
    if Fault.DROP_COLD_ITEMS in faults:
        rows = rows.select(~cold(rows.item_idx, train.item_idx))
    return rows


def own_candidates(
    test: Interactions, shape: tuple[int, int], faults: Collection[Fault]
) -> sparse.csr_array | None:
    """Boolean CSR (n_users, n_items) of each user's own candidates; None: all have the same."""
    return test.seen(*shape) if Fault.OWN_TEST_ITEMS_ONLY in faults else None
