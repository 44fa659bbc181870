"""Strong generalisation: users of test are known by their profile alone, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from contracts import contents
from tiny import write_tiny

from reelbench import load_dataset, paths, split
from reelbench.data.interactions import Interactions, Parts
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.evaluate import Evaluation, evaluate
from reelbench.models import EASE, SVDS, Popularity
from reelbench.models.co_clustering import CoClustering
from reelbench.params import preset
from reelbench.stages import clean, download, featurize, inputs, report, train
from reelbench.stages import evaluate as evaluate_stage
from reelbench.stages import split as split_stage

CUTOFFS = (100, 20, 50)
LAMBDA = 30.0


def parts_of(n_users: int, n_items: int) -> Parts:
    """Random ratings with two tastes, divided by the protocol."""
    rng = np.random.default_rng(0)
    taste = rng.normal(size=(n_users, 2)) @ rng.normal(size=(2, n_items))
    user, item = np.nonzero(rng.random((n_users, n_items)) < 1 / (1 + np.exp(1.5 - taste)))
    ratings = pd.DataFrame({"user_id": user, "item_id": item, "rating": 1.0 + (user + item) % 5})
    return split(load_dataset(ratings=ratings), "held_out_users", test=0.2, valid=0.1)


def by_hand(parts: Parts, n_users: int, n_items: int) -> dict[str, float]:
    """EASE after Steck (2019), nDCG and recall after Liang et al. (2018), in plain numpy."""
    x, p, y = (
        part.seen(n_users, n_items).toarray().astype(float)
        for part in (parts.train, parts.profile, parts.test)
    )
    inverse = np.linalg.inv(x.T @ x + LAMBDA * np.eye(n_items))
    b = np.eye(n_items) - inverse / np.diag(inverse)
    users = np.flatnonzero(y.any(axis=1))
    order = np.argsort(-np.where(p > 0, -np.inf, p @ b), axis=1, kind="stable")[users]
    hits, n = np.take_along_axis(y[users], order, axis=1), y[users].sum(axis=1)
    gain = 1 / np.log2(np.arange(n_items) + 2)
    found = {}
    for k in CUTOFFS:
        best = np.array([gain[: min(int(m), k)].sum() for m in n])
        found[f"ndcg_at_{k}"] = (hits[:, :k] @ gain[:k] / best).mean()
        found[f"recall_at_{k}"] = (hits[:, :k].sum(axis=1) / n).mean()
        found[f"recall_capped_at_{k}"] = (hits[:, :k].sum(axis=1) / np.minimum(n, k)).mean()
    return found


def run(parts: Parts, model: Any, **config: Any) -> Evaluation:
    return evaluate(model.fit(parts.train, parts.valid), parts, EvaluateConfig(**config))


@pytest.mark.parametrize("sizes", [(300, 120), (110, 130)])
def test_figures_are_those_of_ten_lines_of_numpy(sizes: tuple[int, int]) -> None:
    """With more users than movies and with fewer, where EASE keeps another matrix."""
    parts = parts_of(*sizes)
    expected = by_hand(parts, *sizes)
    metrics = run(parts, EASE(regularization=LAMBDA), k=CUTOFFS).metrics
    assert {key: metrics[key] for key in expected} == pytest.approx(expected, abs=1e-6)
    assert 0.2 < expected["ndcg_at_20"] < 1


def test_a_user_with_a_profile_is_neither_cold_nor_asked_for_what_it_has() -> None:
    parts = parts_of(60, 40)
    result = run(parts, SVDS(factors=2), k=(40,))
    test, profile = parts.test, parts.profile
    assert profile is not None and not np.isin(test.user_idx, parts.train.user_idx).any()
    assert result.metrics["cold_users"] == 0 and not result.per_user["cold_user"].any()
    shown = {*zip(*(result.recommendations[c] for c in ("user_idx", "item_idx")), strict=True)}
    own = {*zip(profile.user_idx, profile.item_idx, strict=True)}
    assert not shown & own
    n_users = len(np.unique(test.user_idx))
    assert len(shown) == n_users * 40 - len(own)  # and all else
    activity = result.cohorts[result.cohorts["by"] == "user activity"]
    sizes = np.bincount(profile.user_idx)
    least = ((sizes >= 1) & (sizes < 10)).sum()
    assert activity.set_index("cohort")["users"].get("1-9 ratings", 0) == least > 0
    assert activity["users"].sum() == n_users


def test_of_a_test_user_only_the_profile_counts() -> None:
    """Whatever a model has in store for the user is not asked for; and the profile is."""
    parts = parts_of(60, 40)
    first = run(parts, SVDS(factors=2)).metrics
    reversed_ = Interactions.from_arrays(
        parts.profile.user_idx, parts.profile.item_idx, 6 - parts.profile.rating
    )
    changed = Parts(parts.train, parts.valid, parts.test, profile=reversed_)
    model = SVDS(factors=2).fit(parts.train, parts.valid, None)
    after = evaluate(model, changed, EvaluateConfig()).metrics
    assert after["rmse"] != first["rmse"] and after["ndcg_at_10"] != first["ndcg_at_10"]
    strangers = Parts(parts.train, parts.valid, parts.test)
    assert evaluate(model, strangers, EvaluateConfig()).metrics["cold_users"] > 0


def test_without_a_fold_in_there_is_no_figure() -> None:
    parts = parts_of(60, 40)
    with pytest.raises(NotImplementedError, match="CoClustering has no fold-in"):
        run(parts, CoClustering(epochs=1))


def test_popularity_is_that_of_train() -> None:
    parts = parts_of(60, 40)
    found = run(parts, Popularity(), k=(5,)).recommendations
    popular = np.argsort(-np.bincount(parts.train.item_idx, minlength=40), kind="stable")
    user = parts.test.user_idx[0]
    own = parts.profile.item_idx[parts.profile.user_idx == user]
    expected = [item for item in popular if item not in own][:5]
    assert found["item_idx"][found["user_idx"] == user].tolist() == expected


# -- the stages


MODELS = ("popularity", "ease", "svds", "knn_item", "co_clustering")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of all stages on a small data set, without DVC."""
    folder = tmp_path_factory.mktemp("project")
    write_tiny(folder / "files", n_users=60)
    models = {name: preset("models", name)["models"][name] for name in MODELS}
    data = {**preset("data", "ml-latest-small"), "root": str(folder / "files")}
    config = preset("", "config")
    content = {
        **{key: value for key, value in config.items() if key != "defaults"},
        "tracking": preset("tracking", "none"),
        "repeat": {"models": []},
        "threads": 1,
        "targets": [],
        "protocol": None,
        "data": data,
        "enrich": preset("enrich", "none"),
        "engine": {"name": "duckdb", "threads": 1, "memory_limit": "1GB"},
        "split": preset("split", "held_out_users"),
        "features": {name: preset("features", name)[name] for name in ("ids", "genres")},
        "models": models,
        "inputs": {name: [] for name in MODELS},
    }
    content["evaluate"] |= {"k": [10, 5], "similarity": "ids", "bootstrap_samples": 50}
    content["filter"] |= {"min_rating": 2.0}
    (folder / paths.PARAMS).write_text(yaml.safe_dump(content))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        download.run()
        clean.run()
        stages(split_stage.run)
    return folder


def stages(first: Any) -> None:
    first()
    for block in ("ids", "genres"):
        featurize.run(block)
    inputs.run()
    for model in MODELS:
        train.run(model)
    evaluate_stage.run()


def test_the_stages_from_the_files_to_the_report(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    report.run()
    found = json.loads(paths.METRICS.read_text())
    assert set(found) == {"popularity", "ease", "svds", "knn_item"}
    reason = json.loads(paths.model_inputs("co_clustering").read_text())["skipped"]
    assert "unknown to train, and it has no fold-in" in reason
    text = Path("reports/leaderboard.md").read_text()
    assert reason in text and "except those of the user's profile." in text
    assert "Before the split, ratings below 2 were left out" in text and " profile ratings)" in text
    parts = Parts.read(paths.SPLIT)
    assert parts.profile is not None
    n = [len(np.unique(part.user_idx)) for part in (parts.test, parts.profile)]
    assert n == [6, 6] and found["ease"]["n_test_users"] == 6
    assert min(map(np.min, (parts.train.rating, parts.test.rating))) >= 2
    # of whom there are no rows in train: what was evaluated is not what `score` says of them
    assert found["svds"]["rmse"] < 1.1 and found["svds"]["cold_users"] == 0


def test_leak(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Test ratings are turned round, and then their rows deleted: nothing but test differs."""
    monkeypatch.chdir(project)
    kept = (paths.FEATURES, paths.INPUTS, paths.MODELS)
    before = {folder: contents(folder) for folder in kept}
    parts = {file: file.read_bytes() for file in paths.SPLIT.glob("*.parquet")}
    everything = pd.read_parquet(paths.INTERACTIONS)
    test = pd.read_parquet(paths.TEST)
    pairs = pd.MultiIndex.from_frame(test[["user_idx", "item_idx"]])
    held = pd.MultiIndex.from_frame(everything[["user_idx", "item_idx"]]).isin(pairs)
    schema = pq.read_schema(paths.INTERACTIONS)
    changed = everything.assign(rating=everything["rating"].where(~held, 6 - everything["rating"]))
    changed.to_parquet(paths.INTERACTIONS, schema=schema)
    try:
        stages(split_stage.run)
        different = {file for file in parts if file.read_bytes() != parts[file]}
        assert different == {paths.TEST}
        assert {folder: contents(folder) for folder in kept} == before
        pq.write_table(pq.read_table(paths.TEST)[:0], paths.TEST)
        with pytest.raises(Exception, match="test part is empty"):
            stages(lambda: None)
        assert {folder: contents(folder) for folder in kept} == before
    finally:
        everything.to_parquet(paths.INTERACTIONS, schema=schema)
        stages(split_stage.run)
