"""Stage `repeat`: a repetition is a run of the pipeline, and goes on where it was killed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from small_project import ratings, write_catalogue, write_params, write_ratings

from reelbench import paths
from reelbench.columns import RATING, REPEAT, TIMESTAMP
from reelbench.files import read_json, write_json
from reelbench.reporting.repeats import read_repeats, read_seed_tables
from reelbench.run import composed
from reelbench.seeds import seed_for
from reelbench.stages import evaluate, featurize, inputs, repeat, split, train

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MODELS = ("bias", "svd", "st_genres")


def conf(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "conf" / "split" / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Ratings that are cleaned and divided, and three models of which one depends on the seed."""
    monkeypatch.chdir(tmp_path)
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    models = {name: content["models"][name] for name in MODELS}
    models["svd"] |= {"factors": 4, "epochs": 5}
    needed = {name: content["inputs"][name] for name in MODELS}
    content |= {"models": models, "inputs": needed, "repeat": {"models": list(MODELS)}, "seed": 1}
    content["evaluate"] |= {"similarity": "ids", "k": [5], "bootstrap_samples": 10}
    content["features"] = {name: content["features"][name] for name in ("ids", "genres", "years")}
    write_catalogue(tmp_path)
    write_ratings(tmp_path, ratings())
    return content


def pipeline(content: dict[str, Any], *models: str) -> None:
    """The stages that the pipeline runs before `repeat`, of these models."""
    content = {**content, "inputs": {name: content["inputs"][name] for name in models}}
    write_params(Path(), content)
    if "all" in content["split"]:
        split.run()
    featurize.run()
    inputs.run()
    for model in models:
        train.run(model)
    evaluate.run()


def metrics(model: str) -> dict[str, Any]:
    found = read_json(paths.metrics(model))
    return {key: value for key, value in found.items() if not isinstance(value, dict)}


def repeated(model: str) -> dict[str, Any]:
    repeat.run(model)
    return read_json(paths.repeats(model))


def test_a_model_that_depends_on_the_seed_is_trained_with_others(project: dict[str, Any]) -> None:
    project["seeds"] = 3
    pipeline(project, *MODELS)
    found = {model: repeated(model) for model in MODELS}
    assert found["bias"]["values"] == found["st_genres"]["values"] == {}
    values = found["svd"]["values"]
    assert values["1"] == metrics("svd")
    rmse = [values[number]["rmse"] for number in "123"]
    assert len(set(rmse)) == 3
    assert found["svd"]["mean"]["rmse"] == pytest.approx(np.mean(rmse))
    assert found["svd"]["deviation"]["rmse"] == pytest.approx(np.std(rmse, ddof=1))

    # what the report reads: tables of the other seeds, for the same users
    own = pd.read_parquet(paths.per_user("svd"))
    tables = read_seed_tables(MODELS)
    assert list(tables) == ["svd"] and len(tables["svd"]) == 2
    for number, table in enumerate(tables["svd"], 2):
        pd.testing.assert_series_equal(table["user_idx"], own["user_idx"])
        assert list(table) == list(own)
        squared = table["squared_error"].sum() / table["n_test"].sum()
        assert values[str(number)]["mse"] == pytest.approx(squared)
    assert sorted(set(pd.read_parquet(paths.repeats_per_user("svd"))[REPEAT])) == [1, 2, 3]

    # the very figures of a run of the pipeline with that seed
    project["models"]["svd"]["seed"] = seed_for(1, "models", "svd", "2")
    pipeline(project, "svd")
    assert metrics("svd") == values["2"]


def test_nothing_is_repeated_by_default(project: dict[str, Any]) -> None:
    pipeline(project, *MODELS)
    assert repeated("svd")["values"] == {}
    assert not paths.repeats_per_user("svd").exists()
    assert read_repeats(MODELS, 5) is None and read_seed_tables(MODELS) == {}


@pytest.mark.parametrize("kind", ["expanding", "sliding"])
def test_another_window_is_what_the_pipeline_would_have_made(
    kind: str, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    project["split"] = conf("windows") | {"kind": kind, "cuts": 3}
    models = ("bias", "st_genres")
    pipeline(project, *models)
    divided, divide = [], split.run
    monkeypatch.setattr(split, "run", lambda: divided.append(divide()))
    found = {model: repeated(model) for model in models}
    assert len(divided) == 2  # both models read the same parts
    assert {record["own"] for record in found.values()} == {3}
    project["split"]["window"] = 2
    pipeline(project, *models)
    for model, record in found.items():
        assert record["values"]["2"] == metrics(model), model
    cold = read_json(paths.SPLIT_COUNTS)["cold"]["test"]
    sizes = read_json(paths.SPLIT_COUNTS)["parts"]["test"]
    shares = found["bias"]["cold"]["2"]
    assert shares["users"] == pytest.approx(cold["users"] / sizes["users"])
    assert shares["items"] == pytest.approx(cold["items"] / sizes["items"])
    assert (
        max(cold["rows_of_users"], cold["rows_of_items"]) <= shares["rows"] * sizes["rows"] + 1e-9
    )
    assert read_seed_tables(models) == {}


def test_figures_of_a_window_do_not_depend_on_what_came_after(project: dict[str, Any]) -> None:
    """The last test rows change; figures of the windows before stay the same to the last digit."""
    project["split"] = conf("windows") | {"cuts": 3}
    values = []
    for turned in (False, True):
        table = pd.read_parquet(paths.INTERACTIONS)
        last = table[TIMESTAMP] >= table[TIMESTAMP].nlargest(40).min()
        table.loc[last, RATING] = 6 - table[RATING] if turned else table[RATING]
        table.to_parquet(paths.INTERACTIONS)
        pipeline(project, "st_genres")
        values.append(repeated("st_genres")["values"])
    before, after = values
    assert {n: before[n] for n in "12"} == {n: after[n] for n in "12"}
    assert before["3"] != after["3"]


def test_every_rating_is_predicted_in_one_of_the_folds(project: dict[str, Any]) -> None:
    project["split"] = conf("kfold") | {"all": True, "fold": 2}
    pipeline(project, "bias")
    values = repeated("bias")["values"]
    assert sorted(values) == list("12345") and values["2"] == metrics("bias")
    assert sum(value["n_test"] for value in values.values()) == 400


def test_it_goes_on_where_it_was_killed(
    project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    project["seeds"] = 4
    pipeline(project, "svd")
    whole = repeated("svd")
    tables = pd.read_parquet(paths.repeats_per_user("svd"))
    shutil.rmtree(paths.REPETITIONS)
    seeds, fit = [], train.run

    def killed(model: str) -> None:
        if len(seeds) == 1:
            raise KeyboardInterrupt
        seeds.append(model)
        fit(model)

    monkeypatch.setattr(train, "run", killed)
    here = Path.cwd()
    with pytest.raises(KeyboardInterrupt):
        repeat.run("svd")
    assert Path.cwd() == here
    monkeypatch.setattr(train, "run", lambda model: (seeds.append(model), fit(model)))
    assert repeated("svd") == whole
    assert len(seeds) == 3  # one before the break, two after it
    pd.testing.assert_frame_equal(pd.read_parquet(paths.repeats_per_user("svd")), tables)
    assert repeated("svd") == whole and len(seeds) == 3
    # with another number, finished repetitions are kept
    write_params(Path(), project | {"seeds": 5})
    assert set(repeated("svd")["values"]) == set("12345") and len(seeds) == 4
    write_params(Path(), project | {"seeds": 2})
    assert set(repeated("svd")["values"]) == set("12") and len(seeds) == 4
    # another root seed, and so another training, does not
    pipeline(project | {"seed": 2}, "svd")
    seeds.clear()
    assert repeated("svd")["values"] != whole["values"] and len(seeds) == 3


def test_a_model_that_was_skipped_is_not_repeated(project: dict[str, Any]) -> None:
    project["seeds"] = 2
    pipeline(project, *MODELS)
    write_json(paths.skipped("svd"), {"reason": "no room"})
    assert repeated("svd")["values"] == {}


def test_compose_lists_what_is_repeated() -> None:
    def models(*overrides: str) -> list[str]:
        return composed(["models=[bias,svd]", *overrides])["repeat"]["models"]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        assert models() == models("split=kfold") == models("split=source_folds") == []
        assert models("seeds=3") == models("split=windows") == ["bias", "svd"]
        assert models("split=kfold", "split.all=true") == ["bias", "svd"]
        assert models("seeds=3", "repeat.models=[svd]") == ["svd"]
        with pytest.raises(ValueError, match=r"repeat\.models: no model 'nobody'"):
            models("repeat.models=[nobody]")
        with pytest.raises(ValueError, match=r"choose seeds=1, or split\.all=false"):
            models("seeds=3", "split=windows")
