"""Writing the best values to `conf/models/`, and nothing else in the file."""

from __future__ import annotations

import difflib
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from places import MODEL_FILES, ROOT

from reelbench.compose import compose
from reelbench.tuning import record
from reelbench.tuning.search import TuningError

TEXT = """\
# @package _global_
models:
  mine:
    _target_: a.Mine
    features: [genres, years]  # in this order
    # how much
    factors: 32   # enough
    hidden: [64]
    rates: {low: 1e-6, high: 'x'}
    rate: 1e-6
inputs:
  mine: ${models.mine.features}
# what is tried
search:
  mine:
    factors: [16, 32]
    rate: {low: 1e-6, high: 0.1, log: true}
"""


def lines(before: str, after: str) -> list[str]:
    """Lines that went and came."""
    marked = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in marked if line[0] in "-+"]


def search(model: str, default: dict[str, Any], best: dict[str, Any]) -> dict[str, Any]:
    """Content of a file of two trials."""
    rows = [{"number": 1, "parameters": default, "value": 0.9, "error": None}]
    rows += [{"number": 2, "parameters": best, "value": 0.8, "error": None}]
    objective = {"metric": "rmse", "minimize": True}
    return {"model": model, "default": default, "trials": rows, "winner": 2} | {
        "objective": objective
    }


def test_values_change_and_nothing_else() -> None:
    after = record.changed(TEXT, "mine", {"factors": 64, "rate": 0.0001234})
    assert lines(TEXT, after) == [
        "-     factors: 32   # enough",
        "+     factors: 64   # enough",
        "-     rate: 1e-6",
        "+     rate: 0.0001234",
    ]


def test_a_key_that_comes_from_a_common_file_is_added() -> None:
    after = record.changed(TEXT, "mine", {"dropout": 0.25, "layers": [8, 4]})
    content = yaml.safe_load(after)["models"]["mine"]
    assert content["dropout"] == 0.25 and content["layers"] == [8, 4]
    assert lines(TEXT, after) == ["+     dropout: 0.25", "+     layers: [8, 4]"]


def test_lists_and_mappings_stay_on_their_line() -> None:
    after = record.changed(TEXT, "mine", {"hidden": [128, 64], "rates": {"low": 2}})
    assert lines(TEXT, after)[1::2] == ["+     hidden: [128, 64]", "+     rates: {low: 2}"]


def test_the_files_of_this_project_are_kept() -> None:
    for file in MODEL_FILES:
        text = file.read_text(encoding="utf-8")
        assert record.changed(text, file.stem, {}) == text, file
        added = record.changed(text, file.stem, {"new_one": 0.5})
        assert [line.strip() for line in lines(text, added)] == ["+     new_one: 0.5"], file


def test_a_file_without_the_model_is_refused() -> None:
    with pytest.raises(TuningError, match=r"no section models\.other"):
        record.changed(TEXT, "other", {"factors": 1})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    compose()
    return tmp_path


def test_winners_reach_params(project: Path) -> None:
    params = Path("params.yaml")
    before = yaml.safe_load(params.read_text())
    bias = search("bias", {"item_damping": 2.0}, {"item_damping": 3.5})
    svd = search("svd", {"epochs": 100}, {"epochs": 100})
    said = record.write_to_conf([bias, svd], compose)
    assert said == [
        "conf/models/bias.yaml: item_damping written",
        "params.yaml: composed from conf/",
    ]
    before["models"]["bias"]["item_damping"] = 3.5
    assert yaml.safe_load(params.read_text()) == before
    assert Path("conf/models/svd.yaml").read_text() == FILES_BY_NAME["svd"].read_text()


FILES_BY_NAME = {file.stem: file for file in MODEL_FILES}


COMMON, OWN = "  - _common@models.bias\n", "  - _self_\n"


def with_a_common_file(*order: str) -> None:
    """`bias` composed of its own file and one that it might share with others."""
    Path("conf/models/_common.yaml").write_text("item_damping: 2.0\n")
    own = Path("conf/models/bias.yaml")
    defaults = "defaults:\n" + "".join(order)
    own.write_text(own.read_text().replace("models:\n", defaults + "models:\n", 1))


def search_of_bias() -> dict[str, Any]:
    """The search that found 3.5 for `item_damping`."""
    return search("bias", {"item_damping": 2.0}, {"item_damping": 3.5})


def test_the_models_own_file_wins_over_a_common_one(project: Path) -> None:
    with_a_common_file(COMMON, OWN)
    record.write_to_conf([search_of_bias()], compose)
    params = yaml.safe_load(Path("params.yaml").read_text())
    assert params["models"]["bias"]["item_damping"] == 3.5


def test_a_common_file_that_wins_over_the_models_own_is_named(project: Path) -> None:
    with_a_common_file(OWN, COMMON)
    with pytest.raises(TuningError, match=r"models.bias.item_damping is composed from elsewhere"):
        record.write_to_conf([search_of_bias()], compose)


def test_a_summary_says_what_was_gained() -> None:
    best = search("svd", {"epochs": 60, "factors": 8}, {"epochs": 100, "factors": 8})
    assert record.summary(best) == (
        "svd: rmse 0.80000 in 2 trials, 0.90000 with the parameters of conf/; best: epochs=100"
    )
    kept = best | {"winner": 1}
    assert record.summary(kept).endswith("conf/, which stay the best")
    assert record.summary(best | {"trials": [], "winner": None}) == "svd: nothing to tune"
