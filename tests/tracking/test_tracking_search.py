"""Searches in a real MLflow: a parent with a run for every trial, once."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from reelbench import paths, tracking
from reelbench.files import read_json, sha256_file, write_json
from reelbench.tracking.record import SEARCH_HASH, TRIAL, StaleError, read_search
from reelbench.tracking.store import PARENT, Store

pytestmark = pytest.mark.slow

EXPERIMENT = "toy/temporal_user"


def write_search(model: str = "svd", **changes: Any) -> None:
    """A search of three trials, of which the second failed and the third is the best."""
    paths.TRAIN.parent.mkdir(parents=True, exist_ok=True)
    paths.TRAIN.write_bytes(b"the ratings")
    settings = [{"factors": 8}, {"factors": 16}, {"factors": 32}]
    found = [(0.9, None), (None, "ValueError: diverged"), (0.8, None)]
    content = {
        "model": model,
        "data": "toy",
        "split": "temporal_user",
        "searcher": "TPE (Optuna)",
        "seed": 7,
        "threads": 1,
        "budget": {"trials": 3, "seconds": None},
        "objective": {"metric": "rmse", "minimize": True},
        "space": {"factors": [8, 16, 32]},
        "default": {"factors": 8},
        "parameters": {"factors": 8, "epochs": 5},
        "inputs": {"train": sha256_file(paths.TRAIN), "valid": "cd"},
        "ended": "all trials of the budget",
        "winner": 3,
        "importances": {"factors": 1.0},
        "trials": [
            {"number": number, "parameters": setting, "value": value, "error": error}
            for number, (setting, (value, error)) in enumerate(zip(settings, found, strict=True), 1)
        ],
    }
    write_json(paths.tuning(model), content | changes)
    write_json(paths.tune_cost(model), {"seconds": {"1": 1.5, "2": 0.5, "3": 2.0}})


def write_params(uri: str | None = "sqlite:///mlflow.db", timeout: float = 300) -> None:
    settings = {"name": "sqlite", "uri": uri, "timeout": timeout, "log_model": False}
    settings["champion"] = "ndcg_at_10"
    paths.PARAMS.write_text(yaml.safe_dump({"models": {}, "tracking": settings}))


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Mirrored from nothing, in a process of its own."""
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    folder = tmp_path_factory.mktemp("searched")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_params()
        write_search()
        tracking.mirror_tunings("svd")
        yield folder


def client(folder: Path) -> Any:
    import mlflow

    return mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")


def runs(folder: Path) -> dict[str, Any]:
    """Runs by name; there must not be two of a name."""
    known = client(folder)
    experiment = known.get_experiment_by_name(EXPERIMENT)
    found = list(known.search_runs([experiment.experiment_id]))
    by_name = {run.info.run_name: run for run in found}
    assert len(by_name) == len(found)
    return by_name


def store(folder: Path) -> Store:
    return Store(f"sqlite:///{folder / 'mlflow.db'}", folder / "mlruns", False)


def everything(folder: Path) -> dict[str, list[str]]:
    """All rows of all tables of the store."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        tables = database.execute("select name from sqlite_master where type = 'table'").fetchall()
        rows = {name: database.execute(f'select * from "{name}"') for (name,) in tables}
        return {name: sorted(map(repr, found)) for name, found in rows.items()}


def test_trials_are_nested_below_the_search(mirrored: Path) -> None:
    found = runs(mirrored)
    assert set(found) == {"tune svd", "1", "2", "3"}
    parent = found.pop("tune svd")
    assert PARENT not in parent.data.tags
    assert {run.data.tags[PARENT] for run in found.values()} == {parent.info.run_id}
    assert all(run.data.tags[TRIAL] == name for name, run in found.items())
    states = {name: run.info.status for name, run in found.items()}
    assert states == {"1": "FINISHED", "2": "FAILED", "3": "FINISHED"}


def test_a_trial_has_parameters_metric_and_seconds(mirrored: Path) -> None:
    found = runs(mirrored)
    assert found["3"].data.params == {"factors": "32", "epochs": "5"}
    assert found["3"].data.metrics == {"valid/rmse": 0.8, "cost/tune_seconds": 2.0}
    assert found["3"].data.tags["winner"] == "true"
    assert found["2"].data.metrics == {"cost/tune_seconds": 0.5}
    assert found["2"].data.tags["error"] == "ValueError: diverged"


def test_the_parent_has_budget_and_winner(mirrored: Path) -> None:
    parent = runs(mirrored)["tune svd"]
    assert parent.info.status == "FINISHED"
    expected = {"budget.trials": "3", "searcher": "TPE (Optuna)"}
    expected |= {"space.factors": "8, 16, 32", "objective.metric": "rmse", "default.factors": "8"}
    assert expected.items() <= parent.data.params.items()
    assert parent.data.metrics == {
        "valid/rmse": 0.8,
        "default/rmse": 0.9,
        "importance/factors": 1.0,
        "cost/tune_trials": 3,
        "cost/tune_failed": 1,
        "cost/tune_seconds": 4.0,
    }
    assert {"data": "toy", "input.valid": "cd", "winner": "3"}.items() <= parent.data.tags.items()


def test_mirroring_again_changes_nothing(mirrored: Path) -> None:
    before = everything(mirrored)
    write_json(paths.tune_cost("svd"), {"seconds": {"1": 9.0}})  # of another run
    store(mirrored).mirror_search(read_search("svd"))
    assert everything(mirrored) == before


def test_a_killed_mirror_is_resumed(mirrored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_search("bias")
    stopped, written = store(mirrored), []

    def log_batch(*args: Any, **options: Any) -> None:
        written.append(args)
        if len(written) == 3:
            raise KeyboardInterrupt
        log(*args, **options)

    log = stopped._client.log_batch
    monkeypatch.setattr(stopped._client, "log_batch", log_batch)
    with pytest.raises(KeyboardInterrupt):
        stopped.mirror_search(read_search("bias"))
    store(mirrored).mirror_search(read_search("bias"))
    known = client(mirrored)
    experiment = known.get_experiment_by_name(EXPERIMENT).experiment_id
    (parent,) = known.search_runs([experiment], "tags.`reelbench.search` = 'bias'")
    below = known.search_runs([experiment], f"tags.`{PARENT}` = '{parent.info.run_id}'")
    assert sorted(run.info.run_name for run in below) == ["1", "2", "3"]
    assert parent.info.status == "FINISHED"
    best = next(run for run in below if run.info.run_name == "3")
    assert best.data.metrics["valid/rmse"] == 0.8
    for run in (parent, *below):
        known.delete_run(run.info.run_id)


def test_what_did_not_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StaleError, match="svd has no finished search: run `reelbench tune svd`"):
        read_search("svd")
    write_search(ended=None)
    with pytest.raises(StaleError, match="svd has no finished search"):
        read_search("svd")


def test_a_failure_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    write_params(timeout=60)
    write_search(ended=None)
    with caplog.at_level(logging.WARNING, "reelbench.tracking"):
        tracking.mirror_tunings("svd")
    assert "MLflow lacks tune svd: StaleError" in caplog.text
    assert "`reelbench track` fills it later" in caplog.text


def test_tracking_off_mirrors_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_params(uri=None)
    write_search()
    assert tracking.mirror_tunings() == []
    assert not Path("mlflow.db").exists()


def test_a_search_is_found_by_the_hash_of_its_file(mirrored: Path) -> None:
    """Also if it is one of many in the committed file."""
    own = sha256_file(paths.tuning("svd"))
    assert read_search("svd").same[SEARCH_HASH] == own
    write_json(paths.TUNING, {"svd": read_json(paths.tuning("svd"))})
    shutil.move(paths.tuning_dir("svd"), "elsewhere")
    try:
        committed = read_search("svd")
    finally:
        shutil.move("elsewhere", paths.tuning_dir("svd"))
        paths.TUNING.unlink()
    assert committed.same[SEARCH_HASH] == own
    assert committed.metrics["cost/tune_seconds"] == 0


def test_all_searches_at_once(mirrored: Path) -> None:
    shutil.rmtree(paths.tuning_dir("bias"), ignore_errors=True)
    write_json(paths.tune_cost("svd"), {"seconds": {"1": 1.5, "2": 0.5, "3": 2.0}})
    assert tracking.mirror_tunings() == ["tune svd"]
    assert set(runs(mirrored)) == {"tune svd", "1", "2", "3"}
