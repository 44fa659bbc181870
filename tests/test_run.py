"""`reelbench run`: the choice of parameters and split, and what a failure says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from checkout import copy_checkout
from places import ROOT
from typer.testing import CliRunner

from reelbench import paths, run
from reelbench.cli import app
from reelbench.compose import compose
from reelbench.files import write_json
from reelbench.params import ParamsError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    os.symlink(ROOT / "conf", "conf")
    return tmp_path


def test_quick_has_the_blocks_of_its_models_and_of_answers(project: Path) -> None:
    content = run.composed(run.choices("ml-latest-small", True, ["seed=7"]))
    read = {block for own in content["inputs"].values() for block in own}
    assert set(content["features"]) == read | {"ids", "genres", "tags", "directors", "cast"}
    assert "text" not in read and content["evaluate"]["similarity"] == "ids"
    assert content["data"]["name"] == "ml-latest-small" and content["seed"] == 7
    assert not paths.PARAMS.exists()


def test_overrides_of_the_user_replace_ours(project: Path) -> None:
    chosen = run.choices(
        "csv", True, ["models=[bias]", "features=[ids]", "evaluate.similarity=ids"]
    )
    content = compose(project / "params.yaml", chosen)
    assert list(content["models"]) == ["bias"] and list(content["features"]) == ["ids"]


def test_an_unknown_data_set_is_a_sentence(project: Path) -> None:
    with pytest.raises(ParamsError, match=r"no data set 'ml-1mm': .* did you mean 'ml-1m'"):
        run.choices("ml-1mm", False, [])
    done = CliRunner().invoke(app, ["run", "ml-1mm"])
    assert done.exit_code == 2 and "Traceback" not in done.output


@pytest.mark.parametrize(
    ("counts", "times", "split"),
    [
        ([9, 3, 3, 1], True, "temporal_user"),
        ([9, 3, 3, 1], False, "random_by_user"),
        ([9, 2, 2, 1], True, "random"),
    ],
)
def test_the_split_fits_the_ratings(
    project: Path, counts: list[int], times: bool, split: str
) -> None:
    paths.CLEAN.mkdir(parents=True)
    users = np.repeat(np.arange(len(counts)), counts)
    pq.write_table(pa.table({"user_idx": users}), paths.INTERACTIONS)
    write_json(paths.CATALOGUE, {"has_timestamps": times})
    chosen, why = run._split()
    assert chosen == split and why.startswith(f"Split {split}: ")


def test_a_failure_is_what_the_stage_said() -> None:
    lines = [
        "Running stage 'clean':",
        "clean: data/raw/ratings.csv of 3 movies",
        "clean: ratings.csv, line 3: rating is not a number",
        "ERROR: failed to reproduce 'clean': failed to run: sh src/run.sh clean, exited with 2",
    ]
    assert run._failure(lines) == "clean: ratings.csv, line 3: rating is not a number"
    lines[-1:] = ["ERROR: failed to reproduce 'clean': failed to run: sh …, exited with 1"]
    assert run._failure(lines).endswith("exited with 1")  # a bug: the output as it is


def test_a_plan_for_a_data_set_that_is_named(project: Path) -> None:
    done = CliRunner().invoke(app, ["plan", "ml-1m", "--quick", "--json"])
    assert done.exit_code == 0 and '"train@ease"' in done.output and "train@dnn" not in done.output


@pytest.mark.slow
def test_a_stage_is_a_line_with_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    stages = {
        "first": "echo said by first > a; echo noise; echo WARNING: mend this; "
        "echo WARNING: before absl::InitializeLog",
        "second": "cat a > b",
        "third": "cat b > c; mkdir -p d",
    }
    lines = [f"  {name}:\n    cmd: '{cmd}'\n" for name, cmd in stages.items()]
    for number, (deps, outs) in enumerate([("", "a"), ("a", "b"), ("b", "c, d")]):
        lines[number] += f"    deps: [{deps}]\n    outs: [{outs}]\n"
    (tmp_path / "dvc.yaml").write_text("stages:\n" + "".join(lines))
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], check=True)
    left = {"first": 1.0, "second": 40.0, "third": 300.0}
    monkeypatch.setattr(run, "_expected", lambda: dict(left))
    run.repro()
    warning, *done = capsys.readouterr().err.strip().splitlines()
    assert warning == "WARNING: mend this"  # and not that d is empty, or what TensorFlow says
    shown = [line for line in done if line.strip()]
    assert [line.split()[0] for line in shown] == ["first", "second", "third"]
    assert shown[0].endswith("up to 6 min left") and shown[1].endswith("up to 5 min left")
    assert shown[2].endswith(" s")
    assert "noise" in paths.LOG.read_text()
    (tmp_path / "dvc.yaml").write_text((tmp_path / "dvc.yaml").read_text().replace("-p d", "-p d;"))
    run.repro()
    assert [line.split()[0] for line in capsys.readouterr().err.splitlines() if line] == ["third"]


def test_what_is_left_is_of_the_plan_or_of_the_run_before(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = ["models=[bias,ease]", "features=[ids]", "evaluate.similarity=ids"]
    compose(overrides=overrides)
    planned = run._expected()
    assert {"download", "featurize", "train@bias", "train@ease", "evaluate"} <= planned.keys()
    assert not any(name.startswith("evaluate@") for name in planned)
    write_json(paths.train_cost("ease"), {"stage_seconds": 1234.5})
    known = run._expected()
    assert known["train@ease"] == 1234.5
    compose(overrides=["data=csv", *overrides])
    assert run._expected() == {}  # nothing is known of the size


@pytest.mark.slow
def test_a_stage_that_fails_ends_with_its_sentence_in_any_folder(tmp_path: Path) -> None:
    folder = tmp_path / "Prü fung #1"
    folder.mkdir()
    copy_checkout(folder)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    (folder / "own").mkdir()
    (folder / "own" / "ratings.csv").write_text("user_id,item_id,stars\n1,2,3\n")
    (folder / "own" / "items.csv").write_text("item_id,title,genres\n2,Heat (1995),Drama\n")
    command = [sys.executable, "-m", "reelbench.cli", "run", "csv", "--quick", "data.root=own"]
    environment = os.environ | {"PYTHONPATH": "src"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "run: clean: data/raw/ratings.csv, line 1: no column 'rating'" in done.stderr
    assert "Traceback" not in done.stderr and "ERROR" not in done.stderr


@pytest.mark.parametrize(("now", "changed"), [("1,2,3\n", False), ("1,2,4\n", True)])
def test_a_file_that_has_changed_since_is_read_again(
    project: Path, monkeypatch: pytest.MonkeyPatch, now: str, changed: bool
) -> None:
    for folder, text in ((paths.RAW, "1,2,3\n"), (project / "mine", now)):
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "ratings.csv").write_text(text, encoding="utf-8")
    called: list[tuple[str, ...]] = []
    monkeypatch.setattr(run, "repro", lambda *targets: called.append(targets))
    run.run("csv", False, [f"data.root='{project / 'mine'}'", "split=random"])
    assert called == [*[("--force", "--single-item", "download")][: int(changed)], ()]


def test_the_answer_as_json(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the run says meanwhile, standard output has one document."""
    monkeypatch.setattr(run, "repro", lambda *targets: print("a stage", file=sys.stderr))
    paths.LEADERBOARD_MD.parent.mkdir()
    paths.LEADERBOARD_MD.write_text("# ml-100k\n\nUse `ease` to rank movies.\n", encoding="utf-8")
    paths.LEADERBOARD_CSV.write_text("model,rmse,ndcg_at_10\nsvd,0.91234567891234,0.1\nease,,0.3\n")
    chosen = ["models=[bias]", "features=[ids]", "evaluate.similarity=ids"]
    done = CliRunner().invoke(app, ["run", *chosen, "--json"])
    assert done.exit_code == 0 and "a stage" in done.stderr
    found = json.loads(done.stdout)
    assert found["verdict"] == "Use `ease` to rank movies." and found["split"] == ""
    assert found["leaderboard"] == [
        {"model": "svd", "rmse": 0.91234567891234, "ndcg_at_10": 0.1},
        {"model": "ease", "rmse": None, "ndcg_at_10": 0.3},
    ]
    assert Path(found["page"]) == project / paths.INDEX_HTML
    text = CliRunner().invoke(app, ["run", *chosen]).stdout
    assert "0.9123" in text and "—" in text and found["verdict"] in text
