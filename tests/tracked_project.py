"""The files of a pipeline run with small models, for tests of what MLflow is told of it."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pandas as pd
import yaml

from reelbench import paths
from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.files import sha256_file, write_json
from reelbench.models.bias import Bias

N_USERS, N_ITEMS = 6, 8
EXPERIMENT = "toy/temporal_user"
METRICS = {
    "rmse": 0.9,
    "ndcg_at_10": 0.1,
    "r2": None,
    "n_test": 6,
    "intervals": {"rmse": [0.85, 0.95]},
    "cohorts": {"cold_users": {"ratings": 3, "rmse": None}},
}


def write_project(models: tuple[str, ...] = ("bias",), **settings: Any) -> None:
    """The files of a pipeline run in the current folder; models differ by name and damping."""
    write_params(models, **settings)
    write_tables()
    for number, model in enumerate(models):
        write_model(model, damping=5.0 + number)
        write_evaluation(model, METRICS)


def write_params(models: tuple[str, ...], **settings: Any) -> None:
    tracked = {"name": "sqlite", "uri": "sqlite:///mlflow.db", "timeout": 60, "log_model": True}
    tracked["champion"] = "ndcg_at_10"
    entries = {model: entry(5.0 + number) for number, model in enumerate(models)}
    content = {
        "seed": 42,
        "threads": 1,
        "data": {"name": "toy"},
        "split": {"name": "temporal_user"},
        "models": entries,
        "tracking": tracked | settings,
    }
    paths.PARAMS.write_text(yaml.safe_dump(content), encoding="utf-8")


def entry(damping: float) -> dict[str, Any]:
    return {
        "_target_": "reelbench.models.bias.Bias",
        "code": "bias.py",
        "features": ["genres", "years"],
        "user_damping": damping,
        "item_damping": 1.0e-05,
    }


def write_tables() -> None:
    rng = np.random.default_rng(0)
    pairs = rng.permutation(N_USERS * N_ITEMS)
    parts = {paths.TRAIN: pairs[:20], paths.VALID: pairs[20:26], paths.TEST: pairs[26:32]}
    for file, chosen in parts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        user, item = np.divmod(chosen.astype(np.int32), N_ITEMS)
        frame = {"user_idx": user, "item_idx": item, "timestamp": np.arange(len(chosen))}
        rating = rng.integers(1, 6, len(chosen)).astype(np.float32)
        pd.DataFrame(frame | {"rating": rating}).to_parquet(file, index=False)
    paths.CLEAN.mkdir(parents=True, exist_ok=True)
    items = {"item_idx": range(N_ITEMS), "item_id": [f"i{i}" for i in range(N_ITEMS)]}
    items |= {"title": [f"Movie {i}" for i in range(N_ITEMS)]}
    pd.DataFrame(items).to_parquet(paths.ITEMS)
    users = {"user_idx": range(N_USERS), "user_id": [f"u{u}" for u in range(N_USERS)]}
    pd.DataFrame(users).to_parquet(paths.USERS)


def write_model(model: str, damping: float) -> None:
    shutil.rmtree(paths.model_dir(model), ignore_errors=True)
    train = Interactions.from_parquet(paths.TRAIN)
    features = Features(Ids(N_USERS, N_ITEMS, 1.0, 5.0))
    fitted = Bias(seed=1, threads=1, user_damping=damping, item_damping=1e-5)
    fitted.fit(train, train, features).save(paths.model_dir(model))
    inputs = {"features": {"genres": "ab12"}, "train": sha256_file(paths.TRAIN)}
    write_json(paths.model_dir(model) / "inputs.json", inputs)
    paths.curves(model).parent.mkdir(parents=True, exist_ok=True)
    paths.curves(model).write_text("epoch,train_loss,valid_loss\n1,1.0,1.1\n2,0.8,\n")
    cost = {"train_seconds": 1.5, "peak_memory_bytes": 10, "machine": {"cpu": "abacus"}}
    cost["system"] = [{"seconds": 0.0, "resident_megabytes": 5.0}]
    cost["system"] += [{"seconds": 1.0, "resident_megabytes": 7.0, "cpu_percent": 150.0}]
    write_json(paths.train_cost(model), cost)


def write_evaluation(model: str, metrics: dict[str, Any]) -> None:
    write_json(paths.metrics(model), metrics)
    write_json(paths.evaluate_cost(model), {"score_microseconds_per_user": 7.5})
    test = pd.read_parquet(paths.TEST).drop(columns="timestamp")
    paths.predictions(model).parent.mkdir(parents=True, exist_ok=True)
    test.assign(score=np.float32(3.5)).to_parquet(paths.predictions(model))
