"""Repeated training: one run per seed or fold, and numbers that add up."""

from __future__ import annotations

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
from reelbench.features.block import IdsBlock, write_block
from reelbench.files import read_json, write_json
from reelbench.params import ParamsError
from reelbench.stages.featurize import read_catalogue
from reelbench.tuning import repeat

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Data of a run with split=kfold, and the committed models `svd` and `bias`."""
    monkeypatch.chdir(tmp_path)
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    split = yaml.safe_load((ROOT / "conf" / "split" / "kfold.yaml").read_text(encoding="utf-8"))
    content |= {"split": split, "seed": 1}
    content["evaluate"] |= {"similarity": "ids", "k": [5]}
    content["models"]["svd"] |= {"factors": 4, "epochs": 5}
    content["models"]["bias"]["features"] = ["genres"]
    write_params(tmp_path, content)
    write_catalogue(tmp_path)
    write_ratings(tmp_path, ratings())
    write_block(IdsBlock().build(read_catalogue()), paths.feature_block("ids"))
    write_block({"genres": np.zeros((24, 1), np.float32)}, paths.feature_block("genres"))
    return content


def test_seeds_differ_but_repeat() -> None:
    found = repeat.seeds("svd", 3)
    rmse = found["values"]["rmse"]
    assert len(set(rmse)) == 3
    assert found["mean"]["rmse"] == pytest.approx(np.mean(rmse))
    assert found["deviation"]["rmse"] == pytest.approx(np.std(rmse, ddof=1))
    assert repeat.seeds("svd", 2)["values"]["rmse"] == rmse[:2]
    assert read_json(paths.repeats("svd", "seeds"))["values"]["rmse"] == rmse[:2]


def test_a_model_without_chance_has_no_spread() -> None:
    assert repeat.seeds("bias", 3)["deviation"]["rmse"] == 0
    assert repeat.seeds("bias", 1)["deviation"]["rmse"] is None


def test_every_rating_is_predicted_in_one_of_the_folds() -> None:
    found = repeat.folds("bias", read_catalogue())
    assert found["runs"] == 5
    assert sum(found["values"]["n_test"]) == len(pd.read_parquet(paths.INTERACTIONS))
    assert len(set(found["values"]["rmse"])) == 5


def test_features_are_built_from_the_train_part_of_each_fold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trains = []
    build = repeat._build
    monkeypatch.setattr(
        repeat, "_build", lambda name, c: trains.append(len(c.train)) or build(name, c)
    )
    repeat.folds("bias", read_catalogue())
    assert trains == [288] * 5  # of 400: a fifth is test, a tenth of the rest valid


def test_folds_of_another_split_are_refused(project: dict[str, Any], tmp_path: Path) -> None:
    split = yaml.safe_load((ROOT / "conf" / "split" / "random.yaml").read_text(encoding="utf-8"))
    write_params(tmp_path, project | {"split": split})
    with pytest.raises(ParamsError, match=r"folds need split=kfold.*split random"):
        repeat.folds("bias", read_catalogue())


@pytest.mark.parametrize("command", ["seeds", "folds", "tune", "spark"])
def test_a_run_of_other_data_is_refused(
    command: str, project: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / paths.CATALOGUE
    write_json(file, read_json(file) | {"name": "others"})
    done = CliRunner().invoke(app, [command, "bias"])
    assert done.exit_code == 2
    assert f"data/ has data others and params.yaml {project['data']['name']}" in done.output
    assert not paths.TUNING.exists()


def test_the_commands_print_mean_and_deviation() -> None:
    done = CliRunner().invoke(app, ["seeds", "bias", "svd", "--n", "2"])
    assert done.exit_code == 0
    lines = [line for line in done.stdout.splitlines() if " rmse " in line]
    assert [line.split()[0] for line in lines] == ["bias", "svd"]
    assert lines[0].endswith("± 0.000000")
    wrong = CliRunner().invoke(app, ["folds", "no_such_model"])
    assert wrong.exit_code == 2 and "no_such_model" in wrong.stderr
