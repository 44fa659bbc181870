"""The objective is the metric that `evaluate` would report if valid were test."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from contracts import IDS, TRAIN, VALID, nothing
from planted import a_search

from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.evaluate import Parts, evaluate
from reelbench.evaluation.metrics import METRICS, RatingMetric
from reelbench.features.block import Features
from reelbench.models.bias import Bias
from reelbench.models.popularity import Popularity
from reelbench.params import ParamsError
from reelbench.tuning.objective import measure, objective_of


def config(**changes: object) -> EvaluateConfig:
    values = {"k": (3, 5), "min_relevant_rating": None, "candidates": "catalogue"}
    values |= {
        "rank_by": "score",
        "similarity": "ids",
        "calibration_bins": 4,
        "rare_item_ratings": 2,
    }
    return EvaluateConfig.model_validate(values | {"bootstrap_samples": 1} | changes)


@pytest.mark.parametrize(
    "changes",
    [{}, {"min_relevant_rating": 4.0}, {"candidates": "train"}, {"rank_by": "prediction"}],
    ids=str,
)
def test_agrees_with_the_evaluation(changes: dict[str, object]) -> None:
    model = Bias(user_damping=1.0, item_damping=1.0).fit(TRAIN, VALID, Features(IDS))
    frame = pd.DataFrame({"item_idx": np.arange(IDS.n_items)})
    parts = Parts(TRAIN, nothing(), VALID)
    expected = evaluate(model, parts, config(**changes), Movies.of(frame, {}), 0).metrics
    for metric in ("rmse", "mse", "r2", "ndcg_at_3", "map_capped_at_5"):
        objective = objective_of(metric, True, config())
        found = measure(objective, model, TRAIN, VALID, config(**changes))
        assert found == pytest.approx(expected[metric]), metric


def test_the_models_own_objective() -> None:
    assert objective_of(None, True, config()).key == "rmse"
    assert objective_of(None, Popularity.predicts_ratings, config()).key == "ndcg_at_3"


def test_what_is_no_objective() -> None:
    with pytest.raises(ParamsError, match="only ranks has no rmse; try ndcg_at_3"):
        objective_of("rmse", False, config())
    with pytest.raises(ParamsError, match="unknown metric 'ndcg_at_10'; did you mean 'ndcg_at_3'"):
        objective_of("ndcg_at_10", True, config())
    with pytest.raises(ParamsError, match="unknown metric 'rsme'; did you mean 'rmse'"):
        objective_of("rsme", True, config())
    for of_no_list in ("coverage_at_3", "auc", "calibration_error"):
        with pytest.raises(ParamsError, match=f"unknown metric '{of_no_list}'"):
            objective_of(of_no_list, True, config())


def test_nothing_relevant_is_an_error_and_no_zero() -> None:
    model = Popularity().fit(TRAIN, VALID, Features(IDS))
    with pytest.raises(ValueError, match="no user has a relevant item"):
        measure(
            objective_of(None, False, config()),
            model,
            TRAIN,
            VALID,
            config(min_relevant_rating=9.0),
        )


def test_a_prediction_that_is_not_finite_is_an_error() -> None:
    class Broken(Bias):
        def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
            return np.full(len(user_idx), np.nan)

    model = Broken(user_damping=1.0, item_damping=1.0).fit(TRAIN, VALID, Features(IDS))
    with pytest.raises(ValueError, match="finite"):
        measure(objective_of("rmse", True, config()), model, TRAIN, VALID, config())


def test_a_metric_that_is_added_is_an_objective(monkeypatch: pytest.MonkeyPatch) -> None:
    """One entry in the registry: its direction and its function are used."""
    largest = RatingMetric(
        key="mean_bias",
        title="mean bias",
        better="higher",
        formula="Σ(predicted - given) / n",
        source="this test",
        function=lambda sums: sums.error / sums.n,
    )
    monkeypatch.setitem(METRICS, "mean_bias", largest)
    model = Bias(user_damping=1.0, item_damping=1.0).fit(TRAIN, VALID, Features(IDS))
    objective = objective_of("mean_bias", True, config())
    expected = np.mean(model.predict(VALID.user_idx, VALID.item_idx) - VALID.rating)
    assert measure(objective, model, TRAIN, VALID, config()) == pytest.approx(expected)
    assert a_search(objective="mean_bias").direction == "maximize"
    assert a_search(objective="mse").direction == "minimize"
