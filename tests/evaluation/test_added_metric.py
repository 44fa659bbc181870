"""A metric that is added: a function and an entry, and no other edit.

It is computed, shown in the leaderboard and drawn, compared in pairs, gated, and can decide the
champion and direct a search.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reelbench import params, paths
from reelbench.compose import compose
from reelbench.data.interactions import Interactions, Parts
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.evaluate import Evaluation, compare, evaluate
from reelbench.evaluation.metrics import (
    METRICS,
    Metric,
    RankingMetric,
    RatingMetric,
    find,
    leaderboard_metrics,
)
from reelbench.evaluation.rating_metrics import ErrorSums
from reelbench.features.block import Features, Ids
from reelbench.gate import GateConfig, ModelResults
from reelbench.gate import compare as gate
from reelbench.models.bias import Bias
from reelbench.models.popularity import Popularity
from reelbench.reporting.charts.leaderboard import leaderboard
from reelbench.reporting.results import Result
from reelbench.reporting.tables import metrics_frame
from reelbench.tracking.record import read_pipeline
from reelbench.tuning.objective import measure, objective_of

USERS, ITEMS, K = 40, 25, 5


def shift(sums: ErrorSums) -> np.ndarray:
    """Absolute mean of the errors: whether predictions are too high or too low altogether."""
    return np.abs(sums.error / sums.n)


def top_hit(hits: np.ndarray, n_relevant: np.ndarray, k: int) -> np.ndarray:
    """Whether the first item is relevant."""
    return np.where(n_relevant > 0, hits[:, 0].astype(float), np.nan)


ADDED = [
    RatingMetric(
        key="shift",
        title="shift",
        better="lower",
        formula="|Σ(predicted - given) / n|",
        source="this test",
        function=shift,
    ),
    RankingMetric(
        key="top_hit",
        title="top hit",
        better="higher",
        formula="1 if the first item is relevant, else 0",
        source="this test",
        function=top_hit,
    ),
]


@pytest.fixture(params=ADDED, ids=lambda metric: metric.key)
def metric(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Metric:
    """The metric at the cutoff, in the registry for the time of a test."""
    monkeypatch.setitem(METRICS, request.param.key, request.param)
    return request.param.at(K)


@pytest.fixture(scope="module")
def parts() -> Parts:
    rng = np.random.default_rng(0)
    pairs = rng.permutation(USERS * ITEMS)[:600]
    user, item = np.divmod(pairs, ITEMS)
    rating = np.clip(np.round(rng.normal(3 + item % 3, 1)), 1, 5)
    cuts = [slice(0, 400), slice(400, 480), slice(480, None)]
    train, valid, test = (Interactions.from_arrays(user[c], item[c], rating[c]) for c in cuts)
    return Parts(train, valid, test)


@pytest.fixture
def evaluations(metric: Metric, parts: Parts) -> dict[str, Evaluation]:
    config = EvaluateConfig(k=(K,), bootstrap_samples=200)
    features = Features(Ids(USERS, ITEMS, 1.0, 5.0))
    models = {
        "bias": Bias(),
        "damped": Bias(user_damping=200.0, item_damping=200.0),
        "popularity": Popularity(),
    }
    fitted = {name: m.fit(parts.train, parts.valid, features) for name, m in models.items()}
    return {name: evaluate(model, parts, config) for name, model in fitted.items()}


def test_it_is_computed_with_interval_and_by_cohort(
    metric: Metric, evaluations: dict[str, Evaluation]
) -> None:
    found = evaluations["bias"]
    row = found.summary().loc[metric.key]
    assert row["low"] <= row["value"] <= row["high"]
    assert np.isfinite(found.cohorts[metric.key]).any()


def test_it_is_compared_in_pairs(metric: Metric, evaluations: dict[str, Evaluation]) -> None:
    table = compare(evaluations, [metric.key], samples=200)
    assert set(table["metric"]) == {metric.key} and table["p"].between(0, 1).all()
    first = table.iloc[0]
    values = {name: found.metrics[metric.key] for name, found in evaluations.items()}
    difference = values[first["first"]] - values[first["second"]]
    assert first["difference"] == pytest.approx(difference, abs=1e-12)


def test_it_is_in_the_leaderboard_and_drawn(
    metric: Metric, evaluations: dict[str, Evaluation]
) -> None:
    shown = [
        Result(
            name=name,
            metrics=found.metrics,
            train_cost={},
            evaluate_cost={},
            curves=pd.DataFrame(),
            predictions=pd.DataFrame(),
            per_user=pd.DataFrame(found.per_user),
        )
        for name, found in evaluations.items()
    ]
    assert {metric.key, f"{metric.key}_low"} <= set(metrics_frame(shown).columns)
    assert metric.key in [column.key for column in leaderboard_metrics(K)]
    chart = leaderboard(shown, leaderboard_metrics(K))
    assert chart is not None
    assert f"{metric.title} ({metric.better} is better)" in json.dumps(chart.to_dict())


def test_it_stops_a_merge(metric: Metric, evaluations: dict[str, Evaluation]) -> None:
    best = metric.best(
        {n: e.metrics[metric.key] for n, e in evaluations.items() if n != "popularity"}
    )
    (worse,) = {"bias", "damped"} - {best}
    tables = {name: pd.DataFrame(found.per_user) for name, found in evaluations.items()}
    base, new = (ModelResults(evaluations[n].metrics, {}, tables[n]) for n in (best, worse))
    config = GateConfig(tolerances={metric.key: 0.0}, cost_limits={}, bootstrap_samples=200)
    rows = {row.key: row for row in gate({"svd": base}, {"svd": new}, config, seed=1)}
    row = rows[metric.key]
    assert row.gated and row.loss > 0 and row.comparison is not None
    untested = ModelResults(new.metrics, {}, None)
    rows = {row.key: row for row in gate({"svd": base}, {"svd": untested}, config, seed=1)}
    assert "worse by" in rows[metric.key].failure


def test_it_can_be_named_in_the_parameters(metric: Metric, tmp_path: Path) -> None:
    overrides = [f"evaluate.k=[{K}]", f"tracking.champion={metric.key}"]
    overrides += [f"tune.objective={metric.key}", f"+gate.tolerances.{metric.key}=0.1"]
    content = compose(tmp_path / paths.PARAMS, overrides)
    assert params.select(content, "tracking.champion") == metric.key


def test_it_directs_a_search(
    metric: Metric, parts: Parts, evaluations: dict[str, Evaluation]
) -> None:
    config = EvaluateConfig(k=(K,))
    objective = objective_of(metric.key, True, config)
    model = Bias().fit(parts.train, parts.valid, Features(Ids(USERS, ITEMS, 1.0, 5.0)))
    value = measure(objective, model, parts.train, parts.valid, config)
    nothing = Interactions.from_arrays([], [], [])
    same = evaluate(model, Parts(parts.train, nothing, parts.valid), config)
    assert value == pytest.approx(same.metrics[metric.key], abs=1e-12)


def test_it_decides_the_champion(
    metric: Metric, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tracked_project import METRICS as ANY
    from tracked_project import write_evaluation, write_project

    monkeypatch.chdir(tmp_path)
    write_project(("bias", "biased"))
    write_evaluation("bias", ANY | {metric.key: 0.2})
    write_evaluation("biased", ANY | {metric.key: 0.3})
    expected = "bias" if find(metric.key).better == "lower" else "biased"
    assert read_pipeline(("bias", "biased"), metric.key).champion == expected
