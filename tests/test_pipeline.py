"""The whole pipeline, by DVC, on a tiny data set in a clone of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from checkout import IDENTITY, copy_checkout
from tiny import write_tiny

#: one of each kind (the blend has a factorisation machine, neighbours and two rankers in it);
#: test_leak.py trains them all, and `make repro` runs them all
MODELS = ["bias", "blend", "dnn", "popularity", "st", "svd"]
#: what they read, and two that learn vocabularies; test_leak.py makes all
BLOCKS = ["ids", "genres", "years", "titles", "text", "tags", "demographics"]
#: the files that hold seconds and bytes, and so differ from run to run
COST_FILES = re.compile(r"data/costs/.*|reports/(leaderboard\.(csv|md)|index\.html)")

pytestmark = pytest.mark.slow


class Clone:
    """A checkout in a temporary folder, driven as a user would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        binaries = str(Path(sys.executable).parent)
        self.environment = os.environ | {
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": "src",
            "DVC_NO_ANALYTICS": "1",
        }
        self.environment.pop("VIRTUAL_ENV", None)

    def run(self, *command: str, code: int = 0) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        output = done.stdout + done.stderr
        assert done.returncode == code, f"{' '.join(command)}\n{output[-4000:]}"
        return output

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", *IDENTITY, "commit", "--quiet", "--allow-empty", "--message", "state")

    def stages_run(self, *command: str) -> list[str]:
        return re.findall(r"Running stage '([^']+)'", self.run(*command))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with the pipeline run once."""
    folder = tmp_path_factory.mktemp("clone")
    copy_checkout(folder)
    write_tiny(folder / "tiny")
    choose_tiny_data(folder)
    clone = Clone(folder)
    clone.run("git", "init", "--quiet")
    clone.run(sys.executable, "-m", "reelbench.cli", "params")
    clone.commit()
    clone.run("dvc", "repro")
    clone.commit()
    return clone


def choose_tiny_data(folder: Path) -> None:
    """Edit conf/ as a user would; fewer models and blocks, and networks train for few epochs."""
    config = folder / "conf" / "config.yaml"
    text = config.read_text(encoding="utf-8").replace("data: ml-100k", "data: ml-latest-small")
    for group, chosen in (("models", MODELS), ("features", BLOCKS)):
        text = re.sub(rf"(?m)^  - {group}: .*", f"  - {group}: [{', '.join(chosen)}]", text)
    config.write_text(f"{text}\ndata:\n  root: tiny\n", encoding="utf-8")
    for file in (folder / "conf" / "models").glob("*.yaml"):
        content = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r"(?m)^( *epochs:) \d+", r"\1 3", content), encoding="utf-8")


def metrics(clone: Clone, model: str) -> dict[str, float]:
    return json.loads((clone.folder / "reports" / "metrics.json").read_text())[model]


def test_every_model_is_in_the_leaderboard(clone: Clone) -> None:
    leaderboard = (clone.folder / "reports" / "leaderboard.md").read_text(encoding="utf-8")
    for model in MODELS:
        assert f"| {model} |" in leaderboard.replace("`", "").replace("*", "")
        assert 0 <= metrics(clone, model)["ndcg_at_10"] <= 1
    assert len({metrics(clone, m)["n_test"] for m in MODELS}) == 1


def test_the_page_asks_for_nothing_from_elsewhere(clone: Clone) -> None:
    page = (clone.folder / "reports" / "index.html").read_text(encoding="utf-8")
    # what the charts' own code does, the browser test of the page watches
    page = re.sub(r"<script\b.*?</script>", "", page, flags=re.S)
    fetched = re.findall(r"(?:src|href)\s*=\s*[\"']?(?!data:|#)([^\"'>\s]+)", page)
    assert not [url for url in fetched if not url.startswith("data:")]
    assert "url(http" not in page and "@import" not in page


def test_every_model_is_one_run_in_mlflow(clone: Clone) -> None:
    code = (
        "import mlflow; mlflow.set_tracking_uri('sqlite:///mlflow.db');"
        "runs = mlflow.search_runs(search_all_experiments=True);"
        "models = runs[runs['tags.reelbench.model'].notna()];"
        "print('RUNS', sorted(models['tags.mlflow.runName']))"
    )
    before = clone.run(sys.executable, "-c", code)
    assert f"RUNS {MODELS}" in before
    clone.run(sys.executable, "-m", "reelbench.cli", "track")
    assert f"RUNS {MODELS}" in clone.run(sys.executable, "-c", code)


def test_no_model_holds_a_pickle(clone: Clone) -> None:
    files = [p for p in (clone.folder / "data").rglob("*") if p.is_file()]
    assert files
    assert not [p for p in files if p.suffix in {".pkl", ".pickle", ".joblib", ".keras"}]
    assert not [p for p in files if p.read_bytes()[:1] == b"\x80" and p.suffix != ".parquet"]


def test_a_second_repro_runs_nothing(clone: Clone) -> None:
    assert clone.stages_run("dvc", "repro") == []


def test_one_changed_parameter_reruns_one_model(clone: Clone) -> None:
    ran = clone.stages_run("dvc", "exp", "run", "-S", "models.svd.factors=20")
    assert ran == ["inputs", "train@svd", "evaluate", "report"]
    folders = (clone.folder / "data" / "evaluation").iterdir()
    times = {folder.name: (folder / "metrics.json").stat().st_mtime for folder in folders}
    assert max(times, key=lambda name: times[name]) == "svd"
    assert (
        yaml.safe_load((clone.folder / "params.yaml").read_text())["models"]["svd"]["factors"] == 20
    )
    # back to the committed state, for the other tests
    clone.run("git", "checkout", "--", ".")
    clone.run("dvc", "checkout")


def test_a_model_that_a_budget_has_no_room_for_is_skipped_with_the_reason(clone: Clone) -> None:
    # TensorFlow alone takes more, and all others take less
    ran = clone.stages_run("dvc", "exp", "run", "-S", "budget.memory=600MB")
    assert ran == ["inputs", "train@dnn", "evaluate", "report"]
    reports = clone.folder / "reports"
    for name in ("leaderboard.csv", "leaderboard.md", "index.html"):
        assert "would need" in (reports / name).read_text(encoding="utf-8"), name
    rows = pd.read_csv(reports / "leaderboard.csv").set_index("model")
    assert list(rows["skipped"].dropna().index) == ["dnn"] and rows["ndcg_at_10"].isna().sum() == 1
    assert sorted(rows.index) == MODELS
    assert list(json.loads((reports / "metrics.json").read_text())) == sorted({*MODELS} - {"dnn"})
    assert clone.stages_run("dvc", "repro") == []
    clone.run("git", "checkout", "--", ".")
    clone.run("dvc", "checkout")


def test_a_typo_in_an_override_is_refused(clone: Clone) -> None:
    assert "factorz" in clone.run("dvc", "exp", "run", "-S", "models.svd.factorz=5", code=255)


def test_a_model_is_tuned_where_it_is_asked_for(clone: Clone) -> None:
    """Off by default; the stage changes no parameter, and the report tells of it."""
    assert [file.name for file in (clone.folder / "data" / "tuning").iterdir()] == [".keep"]
    tuned = ("-S", "tune.models=[bias]", "-S", "tune.trials=3")
    ran = clone.stages_run("dvc", "exp", "run", *tuned)
    assert ran == ["inputs", "tune@bias", "report"]
    found = json.loads((clone.folder / "data" / "tuning" / "bias" / "search.json").read_text())
    assert len(found["trials"]) == 3
    assert clone.run("git", "status", "--porcelain", "conf") == ""
    assert "every model had" not in metrics_table(clone)
    assert "each model of the table had 3 trials" in metrics_table(clone)
    assert clone.stages_run("dvc", "repro") == []
    clone.run("git", "checkout", "--", ".")
    clone.run("git", "clean", "--force", "--quiet", "-d", "reports")
    clone.run("dvc", "checkout")


def test_a_model_is_trained_with_other_seeds_where_it_is_asked_for(clone: Clone) -> None:
    assert [file.name for file in (clone.folder / "data" / "repeats").iterdir()] == [".keep"]
    ran = clone.stages_run("dvc", "exp", "run", "-S", "seeds=2", "-S", "repeat.models=[svd,bias]")
    assert sorted(ran) == ["inputs", "repeat@bias", "repeat@svd", "report"]
    rows = pd.read_csv(clone.folder / "reports" / "repeats.csv")
    assert set(rows["model"]) == {"svd"} and sorted(set(rows["repeat"])) == [1, 2]
    assert "## Repetitions: RMSE by seed" in metrics_table(clone)
    assert clone.stages_run("dvc", "repro") == []
    clone.run("git", "checkout", "--", ".")
    clone.run("git", "clean", "--force", "--quiet", "-d", "reports")
    clone.run("dvc", "checkout")


def metrics_table(clone: Clone) -> str:
    return (clone.folder / "reports" / "leaderboard.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("notebook", ["01_data", "02_compare", "03_your_data"])
def test_a_notebook_runs_from_top_to_bottom(clone: Clone, notebook: str) -> None:
    if notebook == "03_your_data":  # as after a run that stopped before its last cell
        head = clone.run("git", "rev-parse", "HEAD").strip()
        left = ("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "left")
        commit = clone.run("git", *IDENTITY, *left).strip()
        clone.run("git", "update-ref", f"refs/exps/{head[:2]}/{head[2:]}/your-data", commit)
    clone.run("jupyter-execute", f"notebooks/{notebook}.ipynb")
    assert clone.run("git", "status", "--porcelain", "notebooks", "conf", "params.yaml") == ""


def test_a_rerun_from_nothing_gives_the_same_bytes(clone: Clone) -> None:
    before = yaml.safe_load((clone.folder / "dvc.lock").read_text())["stages"]
    shutil.rmtree(clone.folder / "data")
    shutil.rmtree(clone.folder / ".dvc" / "cache")
    shutil.rmtree(clone.folder / ".dvc" / "tmp")
    ran = clone.stages_run("dvc", "repro")
    assert set(ran) >= {f"train@{model}" for model in MODELS}
    after = yaml.safe_load((clone.folder / "dvc.lock").read_text())["stages"]
    assert differing_outs(before, after) == []


def differing_outs(before: dict, after: dict) -> list[str]:
    """Paths of outs whose hash differs, the named cost files left out."""
    hashes = [
        {out["path"]: out["md5"] for stage in lock.values() for out in stage.get("outs", [])}
        for lock in (before, after)
    ]
    assert hashes[0].keys() == hashes[1].keys()
    changed = [path for path in hashes[0] if hashes[0][path] != hashes[1][path]]
    return [path for path in changed if not COST_FILES.fullmatch(path)]
