"""A model that the package does not know: trained, evaluated, served, tuned, gated and drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from contracts import RecommenderContract
from places import ROOT
from pydantic import NonNegativeFloat, PositiveFloat
from scipy import sparse
from small_project import ratings, write_catalogue, write_params, write_ratings
from typer.testing import CliRunner

from reelbench import paths
from reelbench.cli import app
from reelbench.data.interactions import Interactions
from reelbench.evaluation.metrics import leaderboard_metrics
from reelbench.files import read_json, write_json
from reelbench.models.shared.fold_in import PreferenceConfig, PreferenceRanker
from reelbench.models.shared.state import Saved
from reelbench.reporting.charts.leaderboard import leaderboard
from reelbench.reporting.results import read_result
from reelbench.stages import evaluate, featurize, inputs, train, tune


class RandomWalkConfig(PreferenceConfig):
    """Parameters."""

    rating_power: NonNegativeFloat = 1.0

    #: exponent on the number of an item's ratings that its score is divided by
    beta: PositiveFloat = 0.5


class RandomWalk(PreferenceRanker):
    """Three steps of a random walk from a user: Paudel et al. (2017), "RP3beta"."""

    config: RandomWalkConfig
    _weights: Saved[np.ndarray]

    def _learn(self, chosen: sparse.csr_array, valid: Interactions) -> None:
        degree = np.maximum(chosen.sum(axis=0), 1e-9)
        walk = (chosen.T @ chosen).toarray() / degree[:, None]
        self._weights = (walk / degree**self.config.beta).astype(np.float32)

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        return self._profiles.rows(user_idx) @ self._weights


class TestRandomWalk(RecommenderContract):
    model_class = RandomWalk
    fold_in = "exact"


SPACE = {"beta": [0.3, 0.6, 0.9]}


def params() -> dict[str, Any]:
    """Those of the committed project, with the added model alone."""
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    entry = {"_target_": f"{__name__}.RandomWalk", "code": "x.py", "features": [], "beta": 0.3}
    models = {"models": {"added": entry}, "inputs": {"added": []}, "search": {"added": SPACE}}
    content["evaluate"] |= {"similarity": "ids", "bootstrap_samples": 20}
    content["tune"] |= {"trials": 3}
    content["targets"] = [__name__]
    content["tracking"] |= {"name": "none", "uri": None}
    return content | models


def test_it_is_trained_evaluated_served_tuned_gated_and_drawn_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_catalogue(tmp_path)
    write_ratings(tmp_path, ratings())
    write_params(tmp_path, params())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("reelbench.seeds.pin_runtime", lambda threads: None)
    featurize.run("ids")
    inputs.run()
    train.run("added")
    evaluate.run()
    metrics = read_json(paths.metrics("added"))
    assert 0 < metrics["ndcg_at_10"] <= 1 and metrics["rmse"] is None
    asked = ["recommend", "--liked", "heat 0", "--model", "added", "--json"]
    answer = json.loads(CliRunner().invoke(app, asked).stdout)
    assert answer["model"] == "added" and answer["recommendations"]

    found = tune.run("added")
    assert sorted(trial["parameters"]["beta"] for trial in found["trials"]) == SPACE["beta"]

    gate = ["gate", "compare", str(paths.BASELINE), "."]
    assert CliRunner().invoke(app, ["gate", "save"]).exit_code == 0
    assert CliRunner().invoke(app, gate).exit_code == 0
    write_json(paths.METRICS, {})
    assert CliRunner().invoke(app, gate).exit_code != 0  # the model is gone

    chart = leaderboard([read_result("added")], leaderboard_metrics(10))
    assert chart is not None and ",added,0." in json.dumps(chart.to_dict())
