"""The gate as a user or CI runs it: folders, revisions, exit codes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from gate_samples import CONFIG, results
from typer.testing import CliRunner, Result

from reelbench import paths
from reelbench.cli import app
from reelbench.files import write_json


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout with the results of a run, committed but for the tables."""
    monkeypatch.chdir(tmp_path)
    gate = CONFIG.model_dump(mode="json")
    paths.PARAMS.write_text(yaml.safe_dump({"seed": 1, "inputs": {"svd": []}, "gate": gate}))
    write_results(1.0)
    Path(".gitignore").write_text("/data\n")
    git("init", "--quiet")
    commit()


def write_results(error: float, noise: int = 0) -> None:
    model = results(error=error, noise=noise)
    write_json(paths.METRICS, {"svd": model.metrics})
    write_json(paths.metrics("svd"), model.metrics)
    write_json(paths.train_cost("svd"), model.costs)
    paths.per_user("svd").parent.mkdir(parents=True, exist_ok=True)
    model.per_user.to_parquet(paths.per_user("svd"))


def git(*arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


def commit() -> None:
    git("add", "--all")
    git("commit", "--quiet", "--allow-empty", "--message", "state")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["gate", *arguments])


def test_a_faulty_protocol_makes_no_baseline(project: None) -> None:
    content = yaml.safe_load(paths.PARAMS.read_text())
    paths.PARAMS.write_text(yaml.safe_dump(content | {"faults": ["score_train_rows"]}))
    done = run("save")
    assert done.exit_code == 2 and "faults (score_train_rows)" in done.stderr
    assert not paths.BASELINE.exists()


def test_an_unknown_metric_is_refused_with_the_nearest(project: None) -> None:
    content = yaml.safe_load(paths.PARAMS.read_text())
    content["gate"]["tolerances"] = {"ndgc_at_10": 0.01}
    paths.PARAMS.write_text(yaml.safe_dump(content))
    done = run("compare", ".")
    assert done.exit_code == 2
    assert "unknown metric 'ndgc_at_10'; did you mean 'ndcg_at_10'?" in done.stderr


def test_a_worse_model_is_stopped_against_the_baseline(project: None) -> None:
    assert run("save").exit_code == 0
    write_results(1.03)
    done = run("compare", str(paths.BASELINE))
    assert done.exit_code == 1
    assert "| `svd` | rmse |" in done.stdout
    # tested in pairs, so the baseline has its tables
    assert "more than the 1.0% allowed (p < 1e-6" in done.stdout
    found = json.loads((same := run("compare", str(paths.BASELINE), "--json")).stdout)
    first = found["moved"][0]
    assert same.exit_code == 1 and not found["passed"] and first["key"] == "rmse"
    assert first["interval"][0] < first["new"] - first["base"] < first["interval"][1]
    assert "more than the 1.0% allowed" in first["failure"]


def test_the_leaderboard_is_published_with_the_baseline(project: None) -> None:
    paths.LEADERBOARD_MD.write_text("| svd |\n")
    assert run("save").exit_code == 0
    assert (paths.BASELINE / "leaderboard.md").read_text() == "| svd |\n"
    assert not (paths.BASELINE / "leaderboard.png").exists()  # no figure was drawn


def test_a_rerun_with_another_seed_passes(project: None) -> None:
    saved = json.loads(run("save", "--json").stdout)
    assert saved == {"baseline": f"{paths.BASELINE}", "models": ["svd"]}
    write_results(1.0, noise=4)
    done = run("compare", str(paths.BASELINE), ".")
    assert done.exit_code == 0
    assert "**Passed**" in done.stdout
    same = run("compare", str(paths.BASELINE), "--json")
    assert same.exit_code == 0 and json.loads(same.stdout)["passed"] is True


def test_the_baseline_has_no_more_columns_than_the_gate_needs(project: None) -> None:
    import pyarrow.parquet as pq

    run("save")
    kept = pq.read_schema(paths.BASELINE / "per_user.parquet").names
    assert sorted(file.name for file in paths.BASELINE.iterdir()) == [
        "costs.json",
        "identity.json",
        "metrics.json",
        "per_user.parquet",
    ]
    assert "ndcg_at_10" in kept and "novelty_at_10" not in kept


def test_a_baseline_does_not_borrow_the_tables_of_the_current_run(project: None) -> None:
    run("save")
    (paths.BASELINE / "per_user.parquet").unlink()
    write_results(1.03)
    assert "no values per user" in run("compare", str(paths.BASELINE)).stdout


def test_the_baseline_of_a_revision(project: None) -> None:
    run("save")
    commit()
    write_results(1.03)
    run("save")  # a branch that makes its own results the baseline does not get through
    done = run("compare", f"HEAD:{paths.BASELINE}")
    assert done.exit_code == 1
    assert "allowed (p < 1e-6" in done.stdout


def test_a_revision_without_tables(project: None) -> None:
    run("save")
    (paths.BASELINE / "per_user.parquet").unlink()
    commit()
    write_results(1.03)
    done = run("compare", "HEAD")
    assert done.exit_code == 1
    assert "no values per user" in done.stdout
    assert run("compare", "HEAD", "HEAD").exit_code == 0


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("no-such-thing", "neither a folder nor a git revision"),
        ("HEAD:reports/x", "no metrics.json, which `reelbench gate save` writes"),
    ],
)
def test_what_is_not_there(project: None, base: str, message: str) -> None:
    done = run("compare", base)
    assert done.exit_code == 2
    assert message in done.stderr


def test_results_that_are_not_there_are_not_saved(project: None) -> None:
    paths.per_user("svd").unlink()
    done = run("save")
    assert done.exit_code == 2
    assert "dvc repro evaluate" in done.stderr
    assert not paths.BASELINE.exists()
