"""A replication on a tiny data set: its own folder, its own numbers, and nothing twice."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from places import ROOT
from tiny import write_tiny
from typer.testing import CliRunner

from reelbench import params, paths
from reelbench.files import sha256_file
from reelbench.params import ParamsError
from reelbench.stages import __main__ as stages
from replications import __main__ as main
from replications import runs
from replications.__main__ import app
from replications.measure import Measured, Study, run_parts
from replications.published import Fault, Plan, Variant, systems
from replications.results import FOLDER, Report, Result, read_all
from replications.runs import Step, StepError, only, steps

pytestmark = pytest.mark.slow


NAME = "latest_small_temporal"


DROP = "drop_cold_items"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """System B on 40 users; its hashes are those of the published files, so they are left out."""
    folder = tmp_path_factory.mktemp("replication")
    write_tiny(folder / "raw")
    hashes = "data.source.files={ratings.csv:null,movies.csv:null,tags.csv:null}"
    overrides = (f"data.root={folder / 'raw'}", hashes, "evaluate.bootstrap_samples=50")
    return Study(NAME, overrides, seeds=2, folder=folder / "work")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with results: not the real one, where a pipeline may run just now."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("conf", "dvc.yaml"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / paths.PARAMS, folder / paths.PARAMS)
    (folder / "dvc.lock").write_text("schema: '2.0'\n")
    (folder / paths.metrics("svds")).parent.mkdir(parents=True)
    (folder / paths.metrics("svds")).write_text("{}\n")
    return folder


@pytest.fixture(autouse=True)
def in_checkout(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)
    monkeypatch.setattr(runs, "_execute", in_this_process)


EXECUTE = runs._execute


def in_this_process(step: Step, folder: Path) -> tuple[float, int]:
    """A step without the seconds that a process takes to start; one test has the real thing."""
    with contextlib.chdir(folder):
        if stages.main([word for word in (step.stage, step.name) if word]):
            raise StepError(f"{step.label} failed")
    return 0.5, 1


SVDS = Variant(model="svds", overrides=(".factors=3",))


NOWHERE = Variant(model="svds", overrides=("data.root=/nowhere",))


PLAN = Plan(
    model="svds",
    overrides=(".factors=3",),
    metrics=("rmse", "mae", "n_test"),
    faults={DROP: Fault()},
)


def test_a_plan_has_the_figures_of_its_variants(study: Study) -> None:
    part = {("b_svds",): lambda study: {"b_svds": study.carry_out(PLAN)}}
    found = run_parts(part, study, ["b_svds"])
    done = found["b_svds"]
    assert list(found) == ["b_svds"] and not done.not_run
    assert done.same["rmse"].runs == 2 and done.same["rmse"].deviation == pytest.approx(0, abs=1e-6)
    assert done.honest["rmse"].low < done.honest["rmse"].value < done.honest["rmse"].high
    for worth in done.worth:
        gap = done.same[worth.metric].mean - done.honest[worth.metric].value
        assert worth.difference == pytest.approx(gap, abs=1e-6)
    # 6 steps, and one of evaluation for the fault; the second seed repeats all but two
    assert done.seconds >= 7 * 0.5 and done.peak_memory_bytes == 1
    test = pd.read_parquet(study.ran[-1].file(paths.TEST))
    assert done.honest["n_test"].value == len(test)


def test_a_second_run_runs_nothing(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    before = study.measure(SVDS)
    monkeypatch.setattr(runs, "_execute", lambda *_: pytest.fail("a step ran again"))
    assert study.measure(SVDS) == before
    assert replace(study, ran=[], _measured={}).measure(SVDS) == before


def test_another_parameter_runs_what_depends_on_it(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.run(SVDS)
    ran = []
    monkeypatch.setattr(runs, "_execute", lambda s, f: ran.append(s.label) or in_this_process(s, f))
    study.run(SVDS.with_(".factors=2"))
    assert ran == ["inputs", "train@svds", "evaluate"]
    ran.clear()
    study.run(SVDS.with_("evaluate.k=[5]"))
    assert ran == ["inputs", "evaluate"]


def test_a_step_runs_in_a_process_of_its_own(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_execute", EXECUTE)
    alone = replace(study, folder=tmp_path, ran=[])
    ran = alone.run(SVDS, upto="download")
    assert ran.file(paths.RAW / "ratings.csv").is_file() and not ran.file(paths.CLEAN).exists()
    assert ran.peak_memory_bytes > 1e7 and ran.seconds > 0
    with pytest.raises(StepError, match=r"svds: download: .*/nowhere"):
        alone.run(NOWHERE)


def test_a_part_that_fails_says_why_and_hides_no_other_row(study: Study) -> None:
    parts = {
        ("b_svds",): lambda study: {"b_svds": study.run(NOWHERE)},
        ("b_dnn", "b_dnn_recall"): lambda study: {}["nothing"],
        ("b_split",): lambda study: {"b_split": "here"},
    }
    found = run_parts(parts, study, ["b_split", "b_svds", "b_dnn"])
    assert found["b_svds"].not_run == "failed: download failed"
    assert found["b_dnn"].not_run == found["b_dnn_recall"].not_run == "failed: KeyError: 'nothing'"
    assert found["b_split"].shown == "here"


def test_chosen_rows_alone(study: Study) -> None:
    parts = {("b_split",): lambda study: {}, ("b_svds",): lambda study: {"b_svds": "here"}}
    found = run_parts(parts, study, ["b_svds"])
    assert list(found) == ["b_svds"] and found["b_svds"].shown == "here"


def test_the_checkout_is_left_alone(study: Study, checkout: Path) -> None:
    before = {file: sha256_file(file) for file in checkout.rglob("*") if file.is_file()}
    study.run(SVDS.with_(".factors=4"))
    after = {file: sha256_file(file) for file in checkout.rglob("*") if file.is_file()}
    assert after == before
    assert checkout / paths.metrics("svds") in after


def test_a_spread_of_one_run_has_no_deviation() -> None:
    one = {"rmse": 1.0, "intervals": {}}
    assert Measured((one,)).spread("rmse").deviation is None
    two = Measured((one, one | {"rmse": 2.0}))
    assert two.spread("rmse").mean == 1.5 and two.spread("rmse").runs == 2
    assert two.spread("rmse").deviation == pytest.approx(0.5**0.5)
    assert two.estimate("rmse").value == 1.0 and two.estimate("rmse").low is None


def test_the_command_writes_its_files(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["first", "second"])
    parts = {
        ("b_svds",): lambda _: {"b_svds": "here"},
        ("b_split",): lambda _: {"b_split": next(answers)},
    }
    monkeypatch.setattr(main, "parts", lambda system, own: parts)
    done = CliRunner().invoke(app, [NAME])
    assert done.exit_code == 0, done.output
    assert "b_svds: here" in done.stdout
    again = CliRunner().invoke(app, [NAME, "--row", "b_split"])
    assert again.exit_code == 0 and "b_split: second" in again.stdout
    assert "b_svds" not in again.stdout
    kept = read_all()[NAME].rows
    assert (kept["b_svds"].shown, kept["b_split"].shown) == ("here", "second")
    assert isinstance(read_all()[NAME], Report)
    assert "| here (20" in paths.REPLICATION_MD.read_text(encoding="utf-8")
    table = pd.read_csv(paths.REPLICATION_TABLE).set_index("row")
    assert len(table) == sum(len(system.rows) for system in systems().values())
    assert table["difference"]["b_svds"] == "here"
    for mistake in (["--root", "nowhere"], ["--list", "no.csv"], ["--row", "b_gold"]):
        refused = CliRunner().invoke(app, [NAME, *mistake])
        assert refused.exit_code == 2 and mistake[1] in refused.stderr
    assert read_all()[NAME].rows == kept
    before = (FOLDER / f"{NAME}.json").read_bytes(), paths.REPLICATION_MD.read_bytes()
    parts["b_split",] = lambda _: {"b_split": Result(not_run="failed: no data")}
    failed = CliRunner().invoke(app, [NAME, "--row", "b_split"])
    assert failed.exit_code == 1 and "not run: failed: no data" in failed.stdout
    assert before == (
        (FOLDER / f"{NAME}.json").read_bytes(),
        paths.REPLICATION_MD.read_bytes(),
    )
    wrong = CliRunner().invoke(app, ["golden"])
    assert wrong.exit_code == 2 and "no replication 'golden'" in wrong.stderr


def test_a_mended_file_is_read_again(study: Study, tmp_path: Path) -> None:
    shutil.copytree(study.folder.parent / "raw", tmp_path / "raw")
    first = runs._fingerprint(str(tmp_path / "raw"))
    (tmp_path / "raw" / "tags.csv").write_text("userId,movieId,tag,timestamp\n")
    assert runs._fingerprint(str(tmp_path / "raw")) != first


pytestmark = pytest.mark.slow


def door(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reelbench.cli", "replicate", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_in_a_checkout_all_arguments_are_passed_on() -> None:
    shown = door(ROOT, "--help")
    assert shown.returncode == 0 and "--root" in shown.stdout, shown.stderr
    wrong = door(ROOT, "golden", "--seeds", "1")
    assert wrong.returncode == 2 and "no replication 'golden'" in wrong.stderr


def test_elsewhere_a_sentence_says_what_is_missing(tmp_path: Path) -> None:
    refused = door(tmp_path, "tmdb_titles")
    assert refused.returncode == 2 and refused.stdout == ""
    assert "no replications/ folder here" in refused.stderr


@pytest.fixture(scope="module")
def found() -> dict[str, Step]:
    content = params.read(ROOT / "params.yaml")
    content["evaluate"]["similarity"] = "ids"
    return {s.label: s for s in steps(only(content, "dnn"), ROOT / "dvc.yaml")}


def test_the_order_and_what_is_left_out(found: dict[str, Step]) -> None:
    blocks = ["featurize@ids", "featurize@genres", "featurize@years"]
    before = ["download", "clean", "split", *blocks, "inputs"]
    assert list(found) == [*before, "train@dnn", "evaluate"]


def test_references_have_their_values(found: dict[str, Step]) -> None:
    train = found["train@dnn"]
    assert (train.stage, train.name) == ("train", "dnn")
    assert "models.dnn" in train.params and "seed" in train.params
    assert Path("src/reelbench/models/network") in train.deps
    assert Path("data/inputs/dnn.json") in train.deps
    assert Path("data/models/dnn") in train.outs
    assert Path("reports/metrics.json") in found["evaluate"].outs
    assert Path("data/features/ids.npz") in found["evaluate"].deps
    assert "$" not in str(found)


def test_every_dependency_is_made_by_an_earlier_step(found: dict[str, Step]) -> None:
    # imported runs come from a command
    made = {Path("params.yaml"), Path("data/imported")}
    for step in found.values():
        for path in (dep for dep in step.deps if dep.parts[0] != "src"):
            inside = any(path in out.parents for out in made)
            assert {path, *path.parents} & made or inside, f"{step.label}: {path}"
        made |= set(step.outs)


def test_an_unknown_model() -> None:
    with pytest.raises(ParamsError, match=r"no section 'models.svdz'; did you mean"):
        only(params.read(ROOT / "params.yaml"), "svdz")
