"""What a search improves: one metric on valid, computed as `evaluate` computes it on test."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from reelbench.data.interactions import Interactions, Parts
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.evaluate import evaluate
from reelbench.evaluation.metrics import (
    METRICS,
    GainMetric,
    RankingMetric,
    RatingMetric,
    metric_key,
)
from reelbench.evaluation.rating_metrics import error_sums, total
from reelbench.features.block import Features
from reelbench.models.base import ModelEntry, Recommender
from reelbench.params import ParamsError, Section, nearest

#: a metric that can be computed on valid alone, at its cutoff
Objective = RatingMetric | RankingMetric | GainMetric


class TuneConfig(Section):
    """Section `tune` of the parameters: the budget, the same for every model, and the objective."""

    models: tuple[str, ...]  # models that the pipeline tunes; `reelbench tune` takes any
    trials: PositiveInt  # trainings per model, the first with the parameters of `conf/`
    seconds: PositiveFloat | None  # after which no further trial of a model starts; None: never
    #: metric on valid, such as `rmse` or `ndcg_at_10`; None: `rmse`, and nDCG at the first cutoff
    #: of `evaluate.k` for a model that only ranks
    objective: str | None


@dataclass(frozen=True)
class Problem:
    """One model and what it is tuned on. There is no test part, so that nothing can look at it."""

    model: str
    entry: ModelEntry
    train: Interactions
    valid: Interactions
    features: Features
    objective: Objective
    config: EvaluateConfig
    #: the seed with which the pipeline trains the model: it will reach the winner's very value
    seed: int
    threads: int

    def value(self, parameters: Mapping[str, object]) -> float:
        """The objective on valid after training with other parameters than those of `conf/`.

        Raises:
            Exception: whatever the model raises, and ParamsError for what it refuses.
        """
        entry = self.entry.model_copy(update=dict(parameters))
        recommender = entry.create(self.model, seed=self.seed, threads=self.threads)
        recommender.prepare()
        recommender.fit(self.train, self.valid, self.features)
        return measure(self.objective, recommender, self.train, self.valid, self.config)


def objective_of(wanted: str | None, predicts_ratings: bool, config: EvaluateConfig) -> Objective:
    """The objective for a model: a metric of ratings, or of rankings at a cutoff of `evaluate.k`.

    Args:
        wanted: key from the parameters; None for the model's own.
        predicts_ratings: False for a model that only ranks.

    Raises:
        ParamsError: no such metric, or the model has none.
    """
    known: dict[str, Objective] = {}
    for metric in METRICS.values():
        if isinstance(metric, RatingMetric):
            known[metric.key] = metric
        elif isinstance(metric, RankingMetric | GainMetric):
            known |= {metric.at(k).key: metric.at(k) for k in config.k}
    own = "rmse" if predicts_ratings else metric_key("ndcg", config.k[0])
    key = wanted or own
    if key not in known:
        raise ParamsError(f"tune.objective: unknown metric '{key}'{nearest(key, list(known))}")
    if isinstance(known[key], RatingMetric) and not predicts_ratings:
        raise ParamsError(f"tune.objective: a model that only ranks has no {key}; try {own}")
    return known[key]


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
    if isinstance(objective, RatingMetric):
        predicted = model.predict(valid.user_idx, valid.item_idx)
        group = np.zeros(len(valid), dtype=np.int64)
        return float(objective.function(total(error_sums(group, 1, valid.rating, predicted))))
    parts = Parts(train, Interactions.from_arrays([], [], []), valid)
    # of all users, without intervals
    config = config.model_copy(update={"users": None, "bootstrap_samples": 1})
    value: float | None = evaluate(model, parts, config).metrics[objective.key]
    if value is None:
        raise ValueError("no user has a relevant item in valid: evaluate.min_relevant_rating?")
    return value
