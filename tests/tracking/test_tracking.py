"""The mirror in a real MLflow: what a run holds, when it is written, and what failures cost."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from tracked_project import (
    EXPERIMENT,
    METRICS,
    write_evaluation,
    write_model,
    write_params,
    write_project,
)

from reelbench import paths, tracking
from reelbench.evaluation.metrics import UnknownMetricError
from reelbench.files import sha256_file, write_json
from reelbench.reporting.charts import models as figures
from reelbench.tracking.record import (
    MODEL,
    MODEL_HASH,
    STATE_HASH,
    PipelineRecord,
    StaleError,
    evaluated_models,
    read_model,
    read_pipeline,
)
from reelbench.tracking.store import (
    EVALUATION,
    PARENT,
    PYFUNC,
    STATE,
    TRAINING,
    Store,
)

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*input example")]


@pytest.fixture(scope="module")
def mlflow() -> Any:
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    import mlflow

    return mlflow


def client(mlflow: Any, folder: Path) -> Any:
    return mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")


def runs(mlflow: Any, folder: Path) -> list[Any]:
    known = client(mlflow, folder)
    experiment = known.get_experiment_by_name(EXPERIMENT)
    found = known.search_runs([experiment.experiment_id])
    return [run for run in found if MODEL in run.data.tags]


def parents(mlflow: Any, folder: Path) -> list[Any]:
    known = client(mlflow, folder)
    experiment = known.get_experiment_by_name(EXPERIMENT)
    found = known.search_runs([experiment.experiment_id])
    return [run for run in found if STATE_HASH in run.data.tags]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, mlflow: Any) -> Path:
    """A store without runs: to make its tables takes MLflow seconds, to copy them none."""
    folder = tmp_path_factory.mktemp("empty")
    store(folder)
    return folder / "mlflow.db"


@pytest.fixture
def started(project: Path, empty: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a store that has its tables; drawing takes time and is tested elsewhere."""
    monkeypatch.setattr(figures, "of_training", lambda *_: {})
    monkeypatch.setattr(figures, "of_evaluation", lambda *_: {})
    shutil.copy(empty, project)
    return project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_project()
    return tmp_path


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project of two models, mirrored from nothing by two processes at the same time."""
    folder = tmp_path_factory.mktemp("mirrored")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_project(("bias", "biased"), timeout=300)  # a busy machine is not what is tested
        code = "from reelbench.tracking import mirror_all; print(mirror_all())"
        here = os.environ | {"PYTHONPATH": str(ROOT / "src")}
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        both = [subprocess.Popen([sys.executable, "-c", code], env=here, **streams) for _ in "ab"]
        said = [process.communicate(timeout=600)[0] for process in both]
        assert said == ["['bias', 'biased']\n"] * 2
        yield folder


def test_two_processes_at_once_make_one_run_of_each_model(mirrored: Path, mlflow: Any) -> None:
    assert sorted(run.info.run_name for run in runs(mlflow, mirrored)) == ["bias", "biased"]


def test_a_run_holds_everything(mirrored: Path, mlflow: Any) -> None:
    run = next(run for run in runs(mlflow, mirrored) if run.info.run_name == "bias")
    assert run.info.status == "FINISHED"
    assert run.data.params == {
        "_target_": "reelbench.models.bias.Bias",
        "code": "bias.py",
        "features": "genres, years",
        "user_damping": "5.0",
        "item_damping": "1e-05",
    }
    assert run.data.metrics == {
        "curve/train_loss": 0.8,
        "curve/valid_loss": 1.1,
        "cost/train_seconds": 1.5,
        "cost/peak_memory_bytes": 10,
        "system/resident_megabytes": 7.0,
        "system/cpu_percent": 150.0,
        "test/rmse": 0.9,
        "test/rmse_low": 0.85,
        "test/rmse_high": 0.95,
        "test/ndcg_at_10": 0.1,
        "test/n_test": 6,
        "cohort/cold_users_ratings": 3,
        "cost/score_microseconds_per_user": 7.5,
    }
    expected = {"machine.cpu": "abacus", "input.features.genres": "ab12"}
    expected |= {"input.train": sha256_file(paths.TRAIN), "data": "toy", "split": "temporal_user"}
    # the same for all models: no rows of a page that compares parameters
    expected |= {"seed": "42", "threads": "1"}
    # MLflow rounds metrics to three digits
    expected |= {"RMSE": "0.9000 [0.8500, 0.9500]", "nDCG at 10": "0.1000"}
    expected |= {"train s": "1.5", "µs per user": "7.5", "peak MB": "1e-05"}
    assert expected.items() <= run.data.tags.items()
    assert run.data.tags["package.numpy"] == np.__version__
    assert run.data.tags["machine.host"]
    history = client(mlflow, mirrored).get_metric_history(run.info.run_id, "curve/train_loss")
    assert [(point.step, point.value) for point in history] == [(1, 1.0), (2, 0.8)]


def test_a_run_knows_its_data(mirrored: Path, mlflow: Any) -> None:
    inputs = runs(mlflow, mirrored)[0].inputs.dataset_inputs
    found = {given.tags[0].value: given.dataset for given in inputs}
    assert set(found) == {"training", "validation", "testing"}
    assert found["training"].name == f"{EXPERIMENT}/train"
    assert json.loads(found["training"].profile) == {"num_rows": 20}
    assert len({dataset.digest for dataset in found.values()}) == 3
    source = mlflow.data.get_source(found["training"])
    assert pd.read_parquet(mirrored / source.uri).shape == (20, 4)


def test_a_run_has_figures_and_their_numbers(mirrored: Path, mlflow: Any) -> None:
    run = runs(mlflow, mirrored)[0]
    files = client(mlflow, mirrored).list_artifacts(run.info.run_id, "figures")
    names = {Path(file.path).name: file.file_size for file in files}
    figures = {"loss.png", "ratings.png", "predicted_vs_actual.png"}
    assert set(names) == figures | {"curves.csv", "metrics.json"}
    assert all(names[figure] > 5000 for figure in figures)


def test_nothing_is_pickled(mirrored: Path) -> None:
    files = [file for file in (mirrored / "mlruns").rglob("*") if file.is_file()]
    assert any(file.name == "MLmodel" for file in files)
    assert not [file for file in files if file.suffix in {".pkl", ".pickle", ".joblib", ".pyc"}]
    assert not [file for file in files if file.read_bytes()[:2] in (b"\x80\x04", b"\x80\x05")]


def test_the_logged_model_answers_in_a_fresh_process(mirrored: Path, mlflow: Any) -> None:
    run = next(run for run in runs(mlflow, mirrored) if run.info.run_name == "bias")
    code = (
        "import sys, mlflow, pandas as pd\n"
        "mlflow.set_tracking_uri('sqlite:///mlflow.db')\n"
        f"model = mlflow.pyfunc.load_model('models:/{run.data.tags[PYFUNC]}')\n"
        "import reelbench\n"
        "assert 'mlruns' in reelbench.__file__, reelbench.__file__\n"
        "answer = model.predict(pd.DataFrame({'user_id': ['u1', 'nobody']}), params={'k': 3})\n"
        "print(answer.to_json(orient='split'))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["columns"] == ["user_id", "item_id", "title", "score", "rank"]
    assert [(row[0], row[4]) for row in answer["data"]] == [
        (user, rank) for user in ("u1", "nobody") for rank in (1, 2, 3)
    ]


def test_the_logged_model_names_its_packages(mirrored: Path, mlflow: Any) -> None:
    logged = runs(mlflow, mirrored)[0].data.tags[PYFUNC]
    folder = mirrored / "mlruns" / EXPERIMENT / "models" / logged / "artifacts"
    listed = (folder / "requirements.txt").read_text()
    assert {f"numpy=={np.__version__}", f"pandas=={pd.__version__}"} <= set(listed.split())
    assert "tensorflow" not in listed and "reelbench" not in listed


def test_without_a_report_no_run_is_above_those_of_the_models(started: Path, mlflow: Any) -> None:
    """It would keep the files of an earlier report, since a finished run is left as it is."""
    with pytest.raises(RuntimeError, match="no picture"), tracking.mirroring():
        raise RuntimeError("no picture")
    assert len(runs(mlflow, started)) == 1
    assert not [run for run in parents(mlflow, started) if STATE in run.data.tags]
    with tracking.mirroring() as done:
        assert done == []
    assert done == ["bias"]
    assert [run for run in parents(mlflow, started) if STATE in run.data.tags]


def test_mirroring_again_changes_nothing(mirrored: Path, mlflow: Any) -> None:
    before = everything(mirrored)
    store(mirrored).mirror(read_model("bias"))
    store(mirrored).mirror(read_model("biased"))
    store(mirrored).mirror_pipeline(read_pipeline(["bias", "biased"], "ndcg_at_10"))
    assert everything(mirrored) == before


def test_a_parent_holds_the_models_and_the_leaderboard(mirrored: Path, mlflow: Any) -> None:
    (parent,) = parents(mlflow, mirrored)
    assert parent.info.run_name == "2 models" and parent.info.status == "FINISHED"
    assert {run.data.tags[PARENT] for run in runs(mlflow, mirrored)} == {parent.info.run_id}
    assert parent.data.metrics == {"best/ndcg_at_10": 0.1}
    assert parent.data.tags["input.test"] == sha256_file(paths.TEST)
    assert parent.data.params["data"] == "toy"
    kept = client(mlflow, mirrored).list_artifacts(parent.info.run_id)
    assert [file.path for file in kept] == ["params.yaml"]


def test_every_model_is_registered_and_the_best_is_champion(mirrored: Path, mlflow: Any) -> None:
    known, name = client(mlflow, mirrored), "toy.temporal_user"
    versions = known.search_model_versions(f"name='{name}'")
    second, first = sorted(version.description for version in versions)[::-1]
    assert second == "`biased`: nDCG@10 0.1000 on test"
    assert first.startswith("**Champion**, the best of 2 models by nDCG@10. `bias`: nDCG@10 0.1000")
    best = known.get_model_version_by_alias(name, "champion")  # both have the same: by name
    assert best.description == first and best.tags == {"reelbench.model": "bias"}
    assert known.get_registered_model(name).tags == {"reelbench.champion_metric": "ndcg_at_10"}


def test_a_changed_model_makes_a_second_parent_and_another_champion(
    started: Path, mlflow: Any
) -> None:
    def mirror() -> PipelineRecord:
        for model in ("bias", "biased"):
            store(started, log_model=True).mirror(read_model(model))
        found = read_pipeline(("bias", "biased"), "ndcg_at_10")
        store(started, log_model=True).mirror_pipeline(found)
        return found

    write_project(("bias", "biased"))
    first = mirror()
    write_evaluation(
        "biased", METRICS | {"ndcg_at_10": 0.2, "intervals": {"ndcg_at_10": [0.1, 0.3]}}
    )
    pair = {"metric": "ndcg_at_10", "first": "bias", "second": "biased", "difference": -0.1}
    pair |= {"low": -0.3, "high": 0.02, "verdict": "undecided", "better": None}
    paths.REPORTS.mkdir()
    pd.DataFrame([pair, pair | {"metric": "mae"}]).to_csv(paths.COMPARISONS_CSV, index=False)
    paths.cohorts("biased").write_text("by,cohort,rmse\nusers,warm users,0.5\n")
    second = mirror()
    assert (first.champion, second.champion) == ("bias", "biased")
    by_hash = {run.data.tags[STATE_HASH]: run.info.run_id for run in parents(mlflow, started)}
    assert set(by_hash) == {first.same[STATE_HASH], second.same[STATE_HASH]}
    assert {run.data.tags[PARENT] for run in runs(mlflow, started)} == {
        by_hash[second.same[STATE_HASH]]
    }
    known = client(mlflow, started)
    said = {v.tags[MODEL]: v.description for v in known.search_model_versions()}
    assert said["bias"] == "`bias`: nDCG@10 0.1000 on test" and len(said) == 2
    best = known.get_model_version_by_alias("toy.temporal_user", "champion")
    assert best.description == said["biased"] and said["biased"].split("\n\n") == [
        "**Champion**, the best of 2 models by nDCG@10. `biased`: nDCG@10 0.2000 [0.1000, 0.3000] "
        "on test.",
        "Runner-up: `bias`: nDCG@10 0.1000 on test. Difference +0.1000 [-0.0200, +0.3000], "
        "simultaneous 95 % interval: undecided.",
        "It is the best of many on test, so its value there is optimistic.",
    ]
    run = next(run for run in runs(mlflow, started) if run.info.run_name == "biased")
    table = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/tables/cohorts.json")
    assert json.loads(table) == {
        "columns": ["by", "cohort", "rmse"],
        "data": [["users", "warm users", 0.5]],
    }
    assert run.data.tags["RMSE"] == "0.9000"
    kept = json.loads(run.data.tags["mlflow.loggedArtifacts"])
    assert kept == [{"path": "tables/cohorts.json", "type": "table"}]


def mirror_with(faults: list[str], rmse: float, folder: Path) -> PipelineRecord:
    """Evaluate bias anew under some faults, and mirror it with its state."""
    content = yaml.safe_load(paths.PARAMS.read_text()) | {"faults": faults}
    paths.PARAMS.write_text(yaml.safe_dump(content))
    told = {"faults": dict.fromkeys(faults, True)} if faults else {}
    ndcg = {"ndcg_at_10": 1 - rmse}  # the more wrong, the better it looks
    write_evaluation("bias", METRICS | {"rmse": rmse} | ndcg | told)
    found = read_pipeline(evaluated_models(), "ndcg_at_10")
    store(folder, log_model=True).mirror(read_model("bias"))
    store(folder, log_model=True).mirror_pipeline(found)
    return found


def champion(mlflow: Any, folder: Path) -> Any:
    return client(mlflow, folder).get_model_version_by_alias("toy.temporal_user", "champion")


def test_figures_of_a_faulty_protocol_stay_beside_the_honest_ones(
    started: Path, mlflow: Any
) -> None:
    """Errors over train rows change no model: the same hash must not make it the same run."""
    mirror_with([], 0.9, started)
    best = champion(mlflow, started)
    mirror_with(["score_train_rows"], 0.5, started)
    honest, faulty = sorted(runs(mlflow, started), key=lambda run: len(run.info.run_name))
    assert honest.data.tags[MODEL_HASH] == faulty.data.tags[MODEL_HASH]
    assert (honest.info.run_name, honest.data.metrics["test/rmse"]) == ("bias", 0.9)
    assert faulty.info.run_name == "bias with score_train_rows"
    assert faulty.data.metrics["test/rmse"] == 0.5
    assert (honest.data.tags.get("faults"), faulty.data.tags["faults"]) == (
        None,
        "score_train_rows",
    )
    names = {run.info.run_name: run for run in parents(mlflow, started)}
    assert set(names) == {"1 model", "1 model with score_train_rows"}
    below = {name: parent.info.run_id for name, parent in names.items()}
    assert honest.data.tags[PARENT] == below["1 model"]
    assert faulty.data.tags[PARENT] == below["1 model with score_train_rows"]
    assert champion(mlflow, started).run_id == best.run_id == honest.info.run_id
    assert len(client(mlflow, started).search_model_versions("name='toy.temporal_user'")) == 1
    before = everything(started)
    mirror_with([], 0.9, started)
    mirror_with(["score_train_rows"], 0.5, started)  # last, since the table opens at the last state
    assert everything(started) == before


def test_a_model_first_mirrored_with_faults_has_no_tag_where_it_is_honest(
    started: Path, mlflow: Any
) -> None:
    """Features that a model does not read leave its hash as it is."""
    mirror_with(["encoder_on_all_rows", "drop_cold_items"], 0.5, started)
    (faulty,) = runs(mlflow, started)
    assert faulty.info.run_name == "bias with drop_cold_items, encoder_on_all_rows"
    assert not client(mlflow, started).search_registered_models()
    mirror_with([], 0.9, started)
    (honest,) = (run for run in runs(mlflow, started) if "faults" not in run.data.tags)
    assert honest.data.metrics["test/rmse"] == 0.9
    assert champion(mlflow, started).run_id == honest.info.run_id


def test_an_evaluation_of_other_faults_than_are_switched_on_is_not_told(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As between a run with faults, `make params` without, and the next `dvc repro`."""
    write_evaluation("bias", METRICS | {"faults": {"score_train_rows": True}})
    assert tracking.mirror_all() == [] and not (project / "mlruns").exists()
    assert "was made with faults: score_train_rows, and params.yaml has none" in caplog.text
    trained = read_model("bias")  # what the stage train tells
    assert trained.evaluation_hash is None and trained.test_metrics == {}
    assert trained.metrics and "faults" not in trained.tags


def test_another_code_with_the_same_results_is_no_other_evaluation(project: Path) -> None:
    write_json(paths.evaluation_inputs("bias"), {"key": "of some code"})
    before = read_model("bias").evaluation_hash
    write_json(paths.evaluation_inputs("bias"), {"key": "of the code with a comment"})
    assert before is not None and read_model("bias").evaluation_hash == before
    write_evaluation("bias", METRICS | {"rmse": 0.7})
    assert read_model("bias").evaluation_hash != before


def test_less_error_is_better(project: Path) -> None:
    write_project(("bias", "biased"))
    write_evaluation("biased", METRICS | {"rmse": 0.95, "mse": 0.9, "calibration_error": 0.2})
    write_evaluation("bias", METRICS | {"mse": 0.8, "calibration_error": 0.1})
    for metric in ("rmse", "mse", "calibration_error"):
        assert read_pipeline(("bias", "biased"), metric).champion == "bias"
    with pytest.raises(UnknownMetricError, match="did you mean 'ndcg_at_10'"):
        read_pipeline(("bias",), "ndgc_at_10")
    assert read_pipeline(("bias", "biased"), "r2").champion is None


def everything(folder: Path) -> dict[str, list[Any]]:
    """All rows of all tables of the store."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        tables = database.execute("select name from sqlite_master where type = 'table'").fetchall()
        rows = {name: database.execute(f'select * from "{name}"') for (name,) in tables}
        return {name: sorted(map(repr, found)) for name, found in rows.items()}


def store(folder: Path, log_model: bool = False) -> Store:
    """A store in this process, which saves the seconds of another."""
    return Store(f"sqlite:///{folder / 'mlflow.db'}", folder / "mlruns", log_model)


def test_a_changed_evaluation_updates_the_run(started: Path, mlflow: Any) -> None:
    store(started).mirror(read_model("bias"))
    (first,) = runs(mlflow, started)
    write_evaluation("bias", METRICS | {"rmse": 0.8, "ndcg_at_10": None})
    store(started).mirror(read_model("bias"))
    (second,) = runs(mlflow, started)
    assert second.info.run_id == first.info.run_id
    assert second.data.metrics["test/rmse"] == 0.8
    assert np.isnan(second.data.metrics["test/ndcg_at_10"])
    assert second.data.tags[EVALUATION] != first.data.tags[EVALUATION]
    assert second.data.metrics["curve/train_loss"] == 0.8


def test_another_time_of_scoring_is_no_change(started: Path, mlflow: Any) -> None:
    store(started).mirror(read_model("bias"))
    write_json(paths.evaluate_cost("bias"), {"score_microseconds_per_user": 9})
    write_json(paths.train_cost("bias"), {"train_seconds": 9})
    before = everything(started)
    store(started).mirror(read_model("bias"))
    assert everything(started) == before


def test_a_changed_model_is_a_second_run(started: Path, mlflow: Any) -> None:
    store(started).mirror(read_model("bias"))
    content = yaml.safe_load(paths.PARAMS.read_text())
    content["models"]["bias"]["user_damping"] = 50.0
    paths.PARAMS.write_text(yaml.safe_dump(content))
    write_model("bias", damping=50.0)
    store(started).mirror(read_model("bias"))
    found = runs(mlflow, started)
    assert [run.data.params["user_damping"] for run in found] == ["50.0", "5.0"]
    assert len({run.data.tags[MODEL_HASH] for run in found}) == 2


def test_a_model_of_other_parameters_is_refused(project: Path) -> None:
    write_model("bias", damping=50.0)
    with pytest.raises(StaleError, match=r"other parameters than .*: run `dvc repro`"):
        read_model("bias")


def test_a_model_of_another_split_is_refused(project: Path) -> None:
    write_json(paths.SPLIT_COUNTS, {"name": "random"})
    shutil.copy(paths.TEST, paths.TRAIN)
    with pytest.raises(StaleError, match="other split, ratings than"):
        read_model("bias")


def test_a_killed_mirror_is_resumed(
    started: Path, mlflow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed with the model logged but not marked: the next mirror leaves one of everything."""
    stopped = store(started, log_model=True)
    with monkeypatch.context() as patch:
        patch.setattr(stopped._client, "set_tag", broken(stopped._client.set_tag, PYFUNC))
        with pytest.raises(KeyboardInterrupt):
            stopped.mirror(read_model("bias"))
    (run,) = runs(mlflow, started)
    assert PYFUNC not in run.data.tags and TRAINING in run.data.tags
    stopped._client.delete_tag(run.info.run_id, TRAINING)
    store(started, log_model=True).mirror(read_model("bias"))
    (run,) = runs(mlflow, started)
    logged = client(mlflow, started).search_logged_models([run.info.experiment_id])
    assert [model.model_id for model in logged] == [run.data.tags[PYFUNC]]
    history = client(mlflow, started).get_metric_history(run.info.run_id, "curve/train_loss")
    assert len(history) == 2
    assert run.info.status == "FINISHED"


def broken(set_tag: Any, mark: str) -> Any:
    def call(run_id: str, key: str, value: str) -> None:
        if key == mark:
            raise KeyboardInterrupt
        set_tag(run_id, key, value)

    return call


def test_a_model_that_is_not_evaluated_yet_is_mirrored_as_far_as_it_is(
    started: Path, mlflow: Any
) -> None:
    for file in (paths.metrics("bias"), paths.curves("bias"), paths.train_cost("bias")):
        file.unlink()
    store(started).mirror(read_model("bias"))
    (run,) = runs(mlflow, started)
    assert run.data.metrics == {}
    write_evaluation("bias", METRICS)
    store(started).mirror(read_model("bias"))
    (run,) = runs(mlflow, started)
    assert run.data.metrics["test/rmse"] == 0.9


def test_a_model_that_only_ranks_has_no_figure_of_its_predictions(project: Path) -> None:
    file = paths.predictions("bias")
    assert set(figures.of_evaluation("bias", file)) == {"ratings.png", "predicted_vs_actual.png"}
    nothing = pd.array([None] * len(pd.read_parquet(file)), "Float64")
    pd.read_parquet(file).assign(score=nothing).to_parquet(file)
    assert set(figures.of_evaluation("bias", file)) == {"ratings.png"}


def test_a_run_names_the_commit_and_whether_the_tree_differs(project: Path) -> None:
    assert "git.commit" not in read_model("bias").tags

    def git(*words: str) -> str:
        author = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        done = subprocess.run(["git", *author, *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "state")
    tags = read_model("bias").tags
    assert (tags["git.commit"], tags["git.dirty"]) == (git("rev-parse", "HEAD"), "false")
    write_evaluation("bias", METRICS | {"rmse": 0.7})  # results, below data/
    assert read_model("bias").tags["git.dirty"] == "false"
    Path("new.py").touch()
    assert read_model("bias").tags["git.dirty"] == "true"


# -- what failures cost


def outcome(caplog: pytest.LogCaptureFixture) -> tuple[list[str], float, str]:
    """Result, seconds and warnings of a mirror."""
    start = time.perf_counter()
    with caplog.at_level(logging.WARNING, "reelbench.tracking"):
        done = tracking.mirror_all()
    return done, time.perf_counter() - start, caplog.text


def test_a_locked_database_costs_a_warning(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_params(("bias",), timeout=60)
    with closing(sqlite3.connect(project / "mlflow.db")) as other:
        other.execute("create table t (x)")
        other.execute("begin exclusive")
        done, seconds, warned = outcome(caplog)
    assert done == []
    assert seconds < 60
    assert "MLflow lacks bias" in warned and "locked" in warned
    assert "`reelbench track` fills it later" in warned


def test_an_unreachable_server_costs_a_warning(
    project: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("DEBUG")
    with closing(socket.socket()) as bound:  # a port that is taken, but where nobody listens
        bound.bind(("127.0.0.1", 0))
        address = f"http://me:s3c@/ret@127.0.0.1:{bound.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        write_params(("bias",), name="environment", uri="environment", timeout=60)
        done, seconds, warned = outcome(caplog)
    # neither in a message nor in a file
    assert "s3c" not in caplog.text and "ret@" not in caplog.text
    assert not [f for f in project.rglob("*") if f.is_file() and b"s3c" in f.read_bytes()]
    assert done == []
    assert seconds < 60
    assert "MLflow lacks bias" in warned and "fills it later" in warned


def test_a_silent_server_costs_a_warning_in_time(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        write_params(("bias",), uri=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=2)
        done, seconds, warned = outcome(caplog)
    assert done == []
    assert seconds < 4 + 30
    assert "MLflow lacks bias" in warned and "fills it later" in warned


def test_a_lock_held_for_ever_costs_a_warning_in_time(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import fcntl

    write_params(("bias",), timeout=2)
    with (project / "mlflow.db.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done, seconds, warned = outcome(caplog)
    assert done == []
    assert seconds < 4 + 30
    assert "no answer within 4 s" in warned


def test_one_broken_model_does_not_hold_up_the_others(
    tmp_path: Path,
    empty: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty, tmp_path)
    write_project(("bias", "biased"), log_model=False)
    (paths.model_dir("bias") / "model.json").unlink()
    done, _, warned = outcome(caplog)
    assert done == ["biased"]
    assert "MLflow lacks bias, the pipeline: FileNotFoundError" in warned


def test_params_that_are_missing_cost_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    tracking.mirror_all()
    assert "run `make params`" in caplog.text


def test_tracking_off_starts_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_params(("bias",), name="none", uri=None)
    monkeypatch.setattr(subprocess, "run", None)
    assert tracking.mirror_all() == []


def test_an_experiment_in_a_temporary_copy_is_kept_in_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reelbench.tracking.__main__ import _database

    copy = tmp_path / ".dvc" / "tmp" / "exps" / "abc"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    assert _database("sqlite:///mlflow.db") == tmp_path / "mlflow.db"
    assert _database("sqlite:////elsewhere/x.db") == Path("/elsewhere/x.db")
    assert _database("http://127.0.0.1:5000") is None


@pytest.mark.slow
def test_the_champion_answers_over_http(mirrored: Path, mlflow: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "reelbench.cli", "serve", "--port", str(port)],
        cwd=mirrored,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        asked = {"dataframe_split": {"columns": ["user_id"], "data": [["u1"]]}, "params": {"k": 3}}
        answer = answered(f"http://127.0.0.1:{port}/invocations", asked)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
    predictions = answer["predictions"]
    assert [(row["user_id"], row["rank"]) for row in predictions] == [
        ("u1", 1),
        ("u1", 2),
        ("u1", 3),
    ]
    assert all(row["title"].startswith("Movie ") for row in predictions)


def answered(url: str, content: dict[str, Any]) -> Any:
    """What a server says as soon as it is up; it loads a model and its imports first."""
    request = urllib.request.Request(
        url, json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    end = time.monotonic() + 180
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.URLError as error:
            if time.monotonic() > end or isinstance(error, urllib.error.HTTPError):
                raise
            time.sleep(0.5)
