from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from small_project import ratings, write_catalogue, write_params, write_ratings

from reelbench import paths
from reelbench.files import read_json, sha256_file, write_json
from reelbench.params import ParamsError
from reelbench.stages import inputs

BLOCKS = ("ids", "genres", "years", "text")
ROOT = Path(__file__).parents[2]
# what the stage reads beside the code that trainings share
OWN_CODE = ("costs", "data/identity.py", "machine.py", "stages/inputs.py")


def params(**wanted: list[str]) -> dict[str, Any]:
    return {"features": {name: {} for name in BLOCKS}, "inputs": wanted}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths.FEATURES.mkdir(parents=True)
    for name in BLOCKS:
        paths.feature_block(name).write_bytes(name.encode())
    write_catalogue(tmp_path)
    write_ratings(tmp_path, ratings())
    write_params(tmp_path, params(bias=[], dnn=["genres", "years"]))


def test_hashes_of_the_parts_of_a_models_own_blocks_and_of_ids() -> None:
    inputs.run()
    found = read_json(paths.model_inputs("bias"))
    assert found["features"] == {"ids": sha256_file(paths.feature_block("ids"))}
    assert (found["train"], found["valid"]) == (sha256_file(paths.TRAIN), sha256_file(paths.VALID))
    assert sorted(read_json(paths.model_inputs("dnn"))["features"]) == ["genres", "ids", "years"]


def test_the_test_part_changes_nothing_and_the_train_part_everything() -> None:
    inputs.run()
    before = {m: paths.model_inputs(m).read_bytes() for m in ("bias", "dnn")}
    paths.TEST.write_bytes(b"other")
    inputs.run()
    assert before == {m: paths.model_inputs(m).read_bytes() for m in ("bias", "dnn")}
    ratings(seed=1)["train"].to_parquet(paths.TRAIN)
    inputs.run()
    assert all(before[m] != paths.model_inputs(m).read_bytes() for m in ("bias", "dnn"))


def test_the_shared_code_is_what_the_stage_depends_on() -> None:
    deps = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["inputs"]["deps"]
    code = {dep.removeprefix("src/reelbench/") for dep in deps if dep.startswith("src/")}
    assert {*inputs.SHARED_CODE, *OWN_CODE} == code


def test_a_block_changes_the_file_of_its_readers_alone() -> None:
    inputs.run()
    before = {m: paths.model_inputs(m).read_bytes() for m in ("bias", "dnn")}
    paths.feature_block("text").write_bytes(b"other")
    inputs.run()
    assert before == {m: paths.model_inputs(m).read_bytes() for m in ("bias", "dnn")}
    paths.feature_block("genres").write_bytes(b"other")
    inputs.run()
    assert before["bias"] == paths.model_inputs("bias").read_bytes()
    assert before["dnn"] != paths.model_inputs("dnn").read_bytes()


def test_blocks_in_which_the_data_set_has_nothing_stand_in_the_files_of_their_readers() -> None:
    write_json(paths.block_key("years"), {"key": "a", "empty": True})
    write_json(paths.block_key("genres"), {"key": "b", "empty": False})
    inputs.run()
    assert read_json(paths.model_inputs("dnn"))["empty"] == ["years"]
    assert "empty" not in read_json(paths.model_inputs("bias"))


def test_unknown_block_is_an_error_that_lists_the_known_and_writes_nothing() -> None:
    write_params(Path(), params(bias=[], dnn=["genre"]))
    message = (
        r"conf/models/dnn\.yaml: features: no block 'genre'; known blocks: genres, ids, text, years"
    )
    with pytest.raises(ParamsError, match=message):
        inputs.run()
    assert not paths.INPUTS.exists()


def test_without_ratings_models_that_predict_them_are_skipped() -> None:
    targets = {"bias": "bias.Bias", "popularity": "popularity.Popularity"}
    models = {name: {"_target_": f"reelbench.models.{t}"} for name, t in targets.items()}
    content = params(bias=[], popularity=[]) | {"models": models, "data": {"name": "clicks"}}
    write_params(Path(), content)
    known = read_json(paths.CATALOGUE) | {"rating_min": 1.0, "rating_max": 1.0}
    write_json(paths.CATALOGUE, known | {"implicit": True, "name": "clicks"})
    inputs.run()
    assert read_json(paths.model_inputs("bias"))["skipped"] == "the data have no ratings"
    assert "skipped" not in read_json(paths.model_inputs("popularity"))
    write_params(Path(), content | {"inputs": {"bias": []}, "models": {"bias": models["bias"]}})
    with pytest.raises(
        ParamsError, match="no model can be trained: bias: the data have no ratings"
    ):
        inputs.run()
