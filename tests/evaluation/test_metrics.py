"""The registry of metrics: what it states, and how it refuses an unknown name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from reelbench import evaluation
from reelbench.evaluation.metrics import (
    METRICS,
    UnknownMetricError,
    find,
    is_metric,
    known_keys,
    leaderboard_metrics,
)


def test_every_key_is_found_and_states_all_facts() -> None:
    for key in known_keys([5, 10], ["genres", "text"]):
        metric = find(key)
        assert metric.key == key and is_metric(key)
        assert metric.title and metric.formula and metric.source and metric.kind
        assert metric.low < metric.high and metric.digits > 0
        assert (metric.cutoff is not None) == metric.at_cutoffs == ("_at_" in key)


def test_what_is_told_of_metrics_is_of_those_that_are_computed() -> None:
    file = Path(evaluation.__file__).with_name("metrics.yaml")
    assert list(yaml.safe_load(file.read_text(encoding="utf-8"))) == list(METRICS)


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("ndgc_at_10", "ndcg_at_10"),
        ("ndcg", "ndcg_at_10"),
        ("ndcg_at_0", "ndcg_at_10"),
        ("rsme", "rmse"),
        ("rmse_at_10", "rmse"),
        ("diversity_at_20", "diversity_genres_at_20"),
    ],
)
def test_an_unknown_metric_is_refused_with_the_nearest(key: str, nearest: str) -> None:
    with pytest.raises(UnknownMetricError, match=f"'{key}'; did you mean '{nearest}'"):
        find(key)
    assert not is_metric(key)


def test_titles_at_cutoffs() -> None:
    assert find("ndcg_at_5").title == "nDCG@5"
    assert find("diversity_text_at_5").title == "diversity by text@5"
    assert [m.key for m in leaderboard_metrics(10)][:4] == ["rmse", "mae", "r2", "ndcg_at_10"]


@pytest.mark.parametrize("key", ["rmse", "mae", "mse", "calibration_error", "gini_at_10"])
def test_the_champion_of_an_error_is_the_smallest(key: str) -> None:
    assert find(key).best({"svd": 0.9, "bias": 1.0, "a": 0.9}) == "a"
    assert find(key).loss(0.9, 1.0) == pytest.approx(0.1)


def test_a_metric_without_direction_has_no_best_model() -> None:
    assert find("ndcg_at_10").best({}) is None
    with pytest.raises(UnknownMetricError, match="cannot tell a better model"):
        find("popularity_lift_at_10").best({"svd": 1.0})


def test_all_directions() -> None:
    lower = {key for key, metric in METRICS.items() if metric.better == "lower"}
    assert lower == {"rmse", "mae", "mse", "gini", "calibration_error"}
