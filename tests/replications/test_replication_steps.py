"""Steps are those of dvc.yaml, for the chosen models and what they read."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelbench import params
from reelbench.params import ParamsError
from replications.pipeline import Step, only, steps

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found() -> dict[str, Step]:
    content = params.read(ROOT / "params.yaml")
    content["evaluate"]["similarity"] = "ids"
    return {s.label: s for s in steps(only(content, ["svds", "dnn"]), ROOT / "dvc.yaml")}


def test_the_order_and_what_is_left_out(found: dict[str, Step]) -> None:
    assert list(found) == [
        "download",
        "clean",
        "split",
        "featurize@ids",
        "featurize@genres",
        "featurize@years",
        "inputs",
        "train@svds",
        "train@dnn",
        "evaluate",
    ]


def test_references_have_their_values(found: dict[str, Step]) -> None:
    train = found["train@svds"]
    assert train.arguments == ["train", "svds"]
    assert "models.svds" in train.params and "seed" in train.params
    assert Path("src/reelbench/models/svds.py") in train.code
    assert Path("data/inputs/svds.json") in train.data
    assert Path("data/models/svds") in train.outs
    assert Path("reports/metrics.json") in found["evaluate"].outs
    assert Path("data/features/ids.npz") in found["evaluate"].data
    assert "$" not in str(found)


def test_every_dependency_is_made_by_an_earlier_step(found: dict[str, Step]) -> None:
    made: set[Path] = set()
    for step in found.values():
        for path in step.data:
            parents = {path, *path.parents}
            inside = any(path in out.parents for out in made)
            assert parents & made or inside, f"{step.label}: {path}"
        made |= set(step.outs)


def test_a_model_that_is_not_there(found: dict[str, Step]) -> None:
    with pytest.raises(ParamsError, match=r"no section 'models.svdz'; did you mean"):
        only(params.read(ROOT / "params.yaml"), ["svdz"])
