from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_project import write_params

from reelbench import paths
from reelbench.files import read_json, sha256_file
from reelbench.params import ParamsError
from reelbench.stages import inputs

BLOCKS = ("ids", "genres", "years", "text")


def params(**wanted: list[str]) -> dict[str, Any]:
    return {"features": {name: {} for name in BLOCKS}, "inputs": wanted}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths.FEATURES.mkdir(parents=True)
    for name in BLOCKS:
        paths.feature_block(name).write_bytes(name.encode())
    write_params(tmp_path, params(bias=[], dnn=["genres", "years"]))


def test_hashes_of_a_models_own_blocks_and_of_ids() -> None:
    inputs.run()
    assert read_json(paths.model_inputs("bias")) == {"ids": sha256_file(paths.feature_block("ids"))}
    assert sorted(read_json(paths.model_inputs("dnn"))) == ["genres", "ids", "years"]


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


def test_unknown_block_is_an_error_that_lists_the_known_and_writes_nothing() -> None:
    write_params(Path(), params(bias=[], dnn=["genre"]))
    message = (
        r"conf/models/dnn\.yaml: features: no block 'genre'; known blocks: genres, ids, text, years"
    )
    with pytest.raises(ParamsError, match=message):
        inputs.run()
    assert not paths.INPUTS.exists()
