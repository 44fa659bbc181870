"""Stage `tune`: what it writes, what it must not see, and how it goes on after a break."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from small_project import ratings, write_catalogue, write_params, write_ratings
from typer.testing import CliRunner

from reelbench import paths
from reelbench.cli import app
from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.files import read_json, sha256_file, write_json
from reelbench.models.base import Recommender
from reelbench.models.bias import Bias
from reelbench.params import ParamsError
from reelbench.stages import featurize, inputs, train, tune
from reelbench.tuning.search import TuningError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SPACES: dict[str, Any] = {
    "popularity": {},
    "bias": {"user_damping": {"low": 0.1, "high": 30.0, "log": True}, "item_damping": [1.0, 5.0]},
    "svd": {"factors": [2, 4], "epochs": [5, 10]},
    "frail": {"user_damping": [1.0, 50.0, 5.0], "item_damping": [1.0, 2.0]},
}


class Frail(Bias):
    """Cannot be trained with much damping."""

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        if self.config.user_damping > 30:
            raise FloatingPointError("diverged")
        super()._fit(train, valid, features)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Data up to the stage `inputs`, with small spaces and without MLflow."""
    monkeypatch.chdir(tmp_path)
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    models = {name: content["models"][name] for name in ("popularity", "bias", "svd")}
    models["svd"] |= {"factors": 4, "epochs": 5}
    models["frail"] = models["bias"] | {"_target_": f"{__name__}.Frail", "user_damping": 5.0}
    content |= {"models": models, "search": SPACES, "inputs": {name: [] for name in models}}
    content["tracking"] |= {"name": "none", "uri": None}
    content["targets"] = [__name__]
    content["tune"]["trials"] = 5
    write_params(tmp_path, content)
    write_catalogue(tmp_path)
    write_ratings(tmp_path, ratings())
    featurize.run("ids")
    inputs.run()
    return content


def found(model: str) -> dict[str, Any]:
    return read_json(paths.tuning(model))


def test_the_file_tells_everything() -> None:
    returned = tune.run("bias")
    content = found("bias")
    assert returned == content
    assert [trial["number"] for trial in content["trials"]] == [1, 2, 3, 4, 5]
    assert content["trials"][0]["parameters"] == {"user_damping": 5.0, "item_damping": 2.0}
    values = [trial["value"] for trial in content["trials"]]
    assert content["winner"] == 1 + int(np.argmin(values))
    assert content["ended"] == "all trials of the budget"
    assert content["space"] == SPACES["bias"]
    assert content["objective"] == {"metric": "rmse", "minimize": True}
    assert content["budget"] == {"trials": 5, "seconds": None}
    assert (content["data"], content["split"]) == ("ml-100k", "temporal_user")
    assert content["inputs"]["valid"] == sha256_file(paths.VALID)
    assert content["searcher"] == "TPE (Optuna)"
    assert set(content["importances"]) == set(SPACES["bias"])
    assert list(read_json(paths.tune_cost("bias"))["seconds"]) == ["1", "2", "3", "4", "5"]


def test_the_winners_value_is_that_of_the_pipelines_own_model(project: dict[str, Any]) -> None:
    """The same seed, so that `--write` and `dvc repro` give the model that was chosen."""
    content = tune.run("svd")
    best = content["trials"][content["winner"] - 1]
    project["models"]["svd"] |= best["parameters"]
    write_params(Path(), project)
    train.run("svd")
    valid = Interactions.from_parquet(paths.VALID)
    predicted = Recommender.load(paths.model_dir("svd")).predict(valid.user_idx, valid.item_idx)
    assert np.sqrt(np.mean((predicted - valid.rating) ** 2)) == pytest.approx(best["value"])


def test_a_second_search_gives_the_same_bytes() -> None:
    for model in ("bias", "svd"):
        tune.run(model)
        before = paths.tuning(model).read_bytes()
        tune.run(model)
        assert paths.tuning(model).read_bytes() == before


@pytest.mark.parametrize("change", ["deleted", "changed"])
def test_test_rows_are_not_looked_at(change: str) -> None:
    models = ("popularity", "bias", "svd", "frail")
    before = {model: (tune.run(model), paths.tuning(model).read_bytes())[1] for model in models}
    if change == "deleted":
        for file in (paths.TEST, paths.INTERACTIONS):
            file.unlink()
    else:
        test = pd.read_parquet(paths.TEST)
        test.assign(rating=(6 - test["rating"]).astype("float32")).to_parquet(paths.TEST)
    shutil.rmtree(paths.SEARCHES)
    after = {model: (tune.run(model), paths.tuning(model).read_bytes())[1] for model in models}
    assert after == before


def test_valid_rows_do_matter() -> None:
    """Without this, a comparison of files that never change would pass too."""
    before = [trial["value"] for trial in tune.run("bias")["trials"]]
    valid = pd.read_parquet(paths.VALID)
    valid.assign(rating=(6 - valid["rating"]).astype("float32")).to_parquet(paths.VALID)
    after = [trial["value"] for trial in tune.run("bias")["trials"]]
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_a_model_that_only_ranks_is_ranked(project: dict[str, Any]) -> None:
    project["search"]["popularity"] = {}
    content = tune.run("popularity")
    assert content["objective"]["metric"] == "ndcg_at_10"
    assert content["trials"] == [] and content["winner"] is None
    project["tune"]["objective"] = "ndcg_at_10"
    write_params(Path(), project)
    content = tune.run("bias")
    values = [trial["value"] for trial in content["trials"]]
    assert content["trials"][content["winner"] - 1]["value"] == max(values)


def test_a_search_that_breaks_off_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tune.run("svd")
    bytes_of_whole = paths.tuning("svd").read_bytes()
    shutil.rmtree(paths.tuning_dir("svd"))
    trained = count_fits(monkeypatch, "svd", stop_at=3)
    with pytest.raises(KeyboardInterrupt):
        tune.run("svd")
    broken = found("svd")
    assert len(broken["trials"]) == 2 and broken["ended"] is None
    trained.clear()
    count_fits(monkeypatch, "svd")
    assert tune.run("svd") == whole
    assert paths.tuning("svd").read_bytes() == bytes_of_whole


def test_only_the_same_search_goes_on(
    project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    count_fits(monkeypatch, "svd", stop_at=3)
    with pytest.raises(KeyboardInterrupt):
        tune.run("svd")
    project["models"]["svd"]["learning_rate"] *= 2
    write_params(Path(), project)
    trained = count_fits(monkeypatch, "svd")
    tune.run("svd")
    assert len(trained) == 4  # all settings of the space


def test_a_finished_search_is_repeated_unless_it_need_not_be(
    project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tune.run("svd")
    trained = count_fits(monkeypatch, "svd")
    assert tune.run("svd", force=False) == first
    assert trained == []
    tune.run("svd")
    assert len(trained) == 4
    write_params(Path(), project | {"seed": 7})
    tune.run("svd", force=False)
    assert len(trained) == 8


def count_fits(
    monkeypatch: pytest.MonkeyPatch, model: str, stop_at: int | None = None
) -> list[Any]:
    """Configs that are trained from now on; a break by the user at one of them."""
    from reelbench.models.svd import SVD

    trained: list[Any] = []
    fit = Recommender.fit

    def counted(self: Any, *parts: Any) -> Any:
        trained.append(self.config)
        if len(trained) == stop_at:
            raise KeyboardInterrupt
        return fit(self, *parts)

    monkeypatch.setattr(SVD, "fit", counted)
    return trained


def test_a_failed_trial_is_skipped(project: dict[str, Any]) -> None:
    content = tune.run("frail")
    errors = [t["error"] for t in content["trials"] if t["parameters"]["user_damping"] == 50]
    assert errors and set(errors) == {"FloatingPointError: diverged"}
    assert content["trials"][content["winner"] - 1]["value"] is not None


def test_a_search_without_any_success_is_an_error(project: dict[str, Any]) -> None:
    project["models"]["frail"]["user_damping"] = 60.0
    project["search"]["frail"] = {"user_damping": [50.0, 70.0]}
    write_params(Path(), project)
    with pytest.raises(TuningError, match="every trial failed, the first with FloatingPointError"):
        tune.run("frail")


def test_an_empty_valid_is_an_error_that_says_what_to_do() -> None:
    pd.read_parquet(paths.VALID).iloc[:0].to_parquet(paths.VALID)
    with pytest.raises(TuningError, match=r"valid is empty in split temporal_user.*split\.valid"):
        tune.run("bias")


def test_without_ratings_a_model_that_predicts_them_is_refused() -> None:
    content = read_json(paths.CATALOGUE)
    write_json(paths.CATALOGUE, content | {"implicit": True})
    with pytest.raises(TuningError, match="svd predicts ratings, and these data have none"):
        tune.run("svd")


def test_a_wrong_space_or_model_is_named(project: dict[str, Any]) -> None:
    with pytest.raises(ParamsError, match="did you mean 'bias'"):
        tune.run("bais")
    project["search"]["bias"] = {"damping": [1]}
    write_params(Path(), project)
    with pytest.raises(ParamsError, match=r"conf/models/bias.yaml: search.bias.damping"):
        tune.run("bias")


def test_the_command_says_what_was_found() -> None:
    done = CliRunner().invoke(app, ["tune", "svd", "popularity"])
    assert done.exit_code == 0, done.output
    first, second = [line for line in done.stdout.splitlines() if "trial " not in line][-2:]
    assert first.startswith("svd: rmse ") and "in 4 trials" in first
    assert second == "popularity: nothing to tune"
    same = CliRunner().invoke(app, ["tune", "svd", "popularity", "--json"])
    assert json.loads(same.stdout) == {name: found(name) for name in ("svd", "popularity")}
    assert second in same.stderr.splitlines()
    wrong = CliRunner().invoke(app, ["tune", "no_such_model"])
    assert wrong.exit_code == 2 and "no_such_model" in wrong.stderr


def test_the_command_writes_the_winner(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a copy of this project's conf/, which is composed again."""
    shutil.copytree(ROOT / "conf", "conf")
    config = Path("conf/config.yaml")
    text = re.sub(r"trials: \d+", "trials: 3", config.read_text())
    config.write_text(text.replace("tracking: sqlite", "tracking: none"))
    own = Path("conf/models/bias.yaml")
    own.write_text(own.read_text().replace("    item_damping: 2.0", "    item_damping: 2000.0"))
    runner = CliRunner()
    assert runner.invoke(app, ["params"]).exit_code == 0
    before = own.read_text().splitlines()
    done = runner.invoke(app, ["tune", "bias", "--write"])
    assert done.exit_code == 0, done.output
    assert "conf/models/bias.yaml: " in done.stdout
    content = found("bias")
    best = content["trials"][content["winner"] - 1]["parameters"]
    assert content["winner"] > 1
    written = yaml.safe_load(paths.PARAMS.read_text())["models"]["bias"]
    assert {name: written[name] for name in best} == best
    after = own.read_text().splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert {line.split(":")[0].strip() for line in changed} == set(best)
    published = read_json(paths.TUNING)["bias"]
    spent = read_json(paths.tune_cost("bias"))["cpu_seconds"]
    assert published.pop("cpu_seconds") == pytest.approx(sum(spent.values()), abs=1e-3)
    assert len(spent) == len(content["trials"]) and published == content
    repeated = runner.invoke(app, ["tune", "bias", "--write"])
    assert repeated.exit_code == 0  # a new search: it begins with what was written
    assert found("bias")["default"] == best


@pytest.mark.parametrize("command", ["tune", "spark"])
def test_a_run_of_other_data_is_refused(command: str, project: dict[str, Any]) -> None:
    file = paths.CATALOGUE
    write_json(file, read_json(file) | {"name": "others"})
    done = CliRunner().invoke(app, [command, "bias"])
    assert done.exit_code == 2
    assert f"data/ has data others and params.yaml {project['data']['name']}" in done.output
    assert not paths.TUNING.exists()
