"""Steps are those of dvc.yaml, for the chosen model and what it reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from places import ROOT

from reelbench import params
from reelbench.params import ParamsError
from replications.runs import Step, only, steps


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
    made: set[Path] = set()
    for step in found.values():
        for path in (dep for dep in step.deps if dep.parts[0] != "src"):
            inside = any(path in out.parents for out in made)
            assert {path, *path.parents} & made or inside, f"{step.label}: {path}"
        made |= set(step.outs)


def test_an_unknown_model() -> None:
    with pytest.raises(ParamsError, match=r"no section 'models.svdz'; did you mean"):
        only(params.read(ROOT / "params.yaml"), "svdz")
