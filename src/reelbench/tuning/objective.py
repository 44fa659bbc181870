"""What a search makes better: one metric, computed as `evaluate` does, on valid instead of test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.evaluate import Parts, allowed_items, relevant_items, seen_items
from reelbench.evaluation.metrics import METRICS, RankingMetric, metric_key, ranking_values
from reelbench.evaluation.rating_metrics import error_sums, mae, rmse, total
from reelbench.evaluation.scoring import rank
from reelbench.models.base import Recommender
from reelbench.params import ParamsError

_ERRORS = {"rmse": rmse, "mae": mae}


@dataclass(frozen=True)
class Objective:
    """A metric by its key, and whether less of it is better."""

    metric: str
    minimize: bool

    def loss(self, value: float) -> float:
        """What a searcher minimises, at least 0: ranking metrics are at most 1."""
        return value if self.minimize else 1.0 - value


def objective_of(wanted: str | None, predicts_ratings: bool, config: EvaluateConfig) -> Objective:
    """The objective for a model.

    Args:
        wanted: key from the parameters; None for the model's own.
        predicts_ratings: False for a model that only ranks.

    Raises:
        ParamsError: no such metric, or the model has none.
    """
    ranking = [
        metric.at(k).key
        for k in config.k
        for metric in METRICS.values()
        if isinstance(metric, RankingMetric)
    ]
    own = "rmse" if predicts_ratings else metric_key("ndcg", config.k[0])
    metric = wanted or own
    if metric in _ERRORS and not predicts_ratings:
        raise ParamsError(f"tune.objective: a model that only ranks has no {metric}; try {own}")
    if metric not in _ERRORS and metric not in ranking:
        raise ParamsError(
            f"tune.objective: no metric '{metric}'; known: {', '.join([*_ERRORS, *ranking])}"
        )
    return Objective(metric, metric in _ERRORS)


def measure(
    objective: Objective,
    model: Recommender,
    train: Interactions,
    valid: Interactions,
    config: EvaluateConfig,
) -> float:
    """The metric of a fitted model on valid; rankings leave out what the user has in train.

    Raises:
        ValueError: a prediction or score is not finite, or no user has anything relevant.
    """
    if objective.metric in _ERRORS:
        predicted = model.predict(valid.user_idx, valid.item_idx)
        everything = np.zeros(len(valid), dtype=np.int64)
        sums = total(error_sums(everything, 1, valid.rating, predicted))
        return float(_ERRORS[objective.metric](sums))
    return _ranking(objective, model, Parts(train, _nothing(), valid), config)


def _ranking(
    objective: Objective, model: Recommender, parts: Parts, config: EvaluateConfig
) -> float:
    users = np.unique(parts.test.user_idx)
    relevant = relevant_items(parts.test, model, config)[users]
    rankings = rank(
        model,
        users,
        seen_items(parts, model)[users],
        max(config.k),
        among=allowed_items(parts, model, config),
        by=config.rank_by,
    )
    values = ranking_values(rankings.items, relevant, config.k)[objective.metric]
    if np.isnan(values).all():
        raise ValueError("no user has a relevant item in valid: evaluate.min_relevant_rating?")
    return float(np.nanmean(values))


def _nothing() -> Interactions:
    return Interactions.from_arrays([], [], [])
