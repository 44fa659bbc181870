"""The objective is the metric that `evaluate` would report if valid were test."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from contracts import IDS, TRAIN, VALID, Interactions, nothing
from hypothesis import given
from hypothesis import strategies as st

from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.evaluate import Parts, evaluate
from reelbench.features.block import Features
from reelbench.models.bias import Bias
from reelbench.models.popularity import Popularity
from reelbench.params import ParamsError
from reelbench.tuning.objective import Objective, measure, objective_of


def config(**changes: object) -> EvaluateConfig:
    values = {"k": (3, 5), "min_relevant_rating": None, "candidates": "catalogue"}
    values |= {
        "rank_by": "score",
        "similarity": "ids",
        "calibration_bins": 4,
        "rare_item_ratings": 2,
    }
    return EvaluateConfig.model_validate(values | {"bootstrap_samples": 1} | changes)


@pytest.mark.parametrize("metric", ["rmse", "mae", "ndcg_at_3", "ndcg_at_5", "recall_at_5"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"min_relevant_rating": 4.0}, {"candidates": "train"}, {"rank_by": "prediction"}],
    ids=str,
)
def test_agrees_with_the_evaluation(metric: str, changes: dict[str, object]) -> None:
    model = Bias(user_damping=1.0, item_damping=1.0).fit(TRAIN, VALID, Features(IDS))
    frame = pd.DataFrame({"item_idx": np.arange(IDS.n_items)})
    parts = Parts(TRAIN, nothing(), VALID)
    expected = evaluate(model, parts, config(**changes), Movies.of(frame, {}), 0).metrics[metric]
    objective = objective_of(metric, True, config())
    assert measure(objective, model, TRAIN, VALID, config(**changes)) == pytest.approx(expected)


def test_the_models_own_objective() -> None:
    assert objective_of(None, True, config()) == Objective("rmse", minimize=True)
    assert objective_of(None, Popularity.predicts_ratings, config()).metric == "ndcg_at_3"
    assert not objective_of("recall_at_5", True, config()).minimize


def test_what_is_no_objective() -> None:
    with pytest.raises(ParamsError, match="only ranks has no rmse; try ndcg_at_3"):
        objective_of("rmse", False, config())
    with pytest.raises(ParamsError, match="no metric 'ndcg_at_10'; known: rmse, mae, ndcg_at_3"):
        objective_of("ndcg_at_10", True, config())


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
        measure(Objective("rmse", True), model, TRAIN, VALID, config())


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_loss_orders_as_the_metric_does(one: float, other: float) -> None:
    less, more = Objective("rmse", True), Objective("ndcg_at_10", False)
    assert (less.loss(one) < less.loss(other)) == (one < other)
    assert not (more.loss(one) < more.loss(other) and one < other)
    assert more.loss(one) >= 0


def test_the_part_is_what_the_contract_says() -> None:
    assert isinstance(TRAIN, Interactions) and len(VALID)
