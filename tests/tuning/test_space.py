"""Spaces: what may stand in `search.NAME`, what is drawn, and what a model refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.compose import compose
from reelbench.models.base import ModelEntry
from reelbench.params import ParamsError
from reelbench.tuning.space import check_space, read_space

ROOT = Path(__file__).parents[2]
FILE = Path("conf/models/svd.yaml")
SVD = ModelEntry.model_validate(
    {"_target_": "reelbench.models.svd.SVD", "code": "svd.py", "factors": 20, "epochs": 5}
    | {"learning_rate": 0.01, "regularization": 0.1, "init_std": 0.1}
)


def space(**parameters: Any) -> Any:
    return read_space("svd", parameters, FILE)


@given(st.floats(-1e3, 1e3))
def test_what_is_proposed_becomes_a_value_of_the_range(proposed: float) -> None:
    found = space(
        b={"low": 3, "high": 7},
        c={"low": 0.001, "high": 10.0, "log": True},
        d={"low": 0.0, "high": 0.3, "step": 0.1},
        e={"low": 10, "high": 30, "step": 10},
    )
    setting = found.decode(dict.fromkeys(found, proposed))
    assert found.contains(setting)
    assert isinstance(setting["b"], int) and isinstance(setting["c"], float)
    assert setting["c"] == float(f"{setting['c']:.4g}")
    assert setting["d"] in (0.0, 0.1, 0.2, 0.3) and setting["e"] in (10, 20, 30)


def test_choices_of_any_type_survive() -> None:
    found = space(a=[1, "x", [2, 3], None, {"b": 1.5}])
    for value in found["a"].values:
        assert found.decode(found.encode({"a": value})) == {"a": value}


def test_finite_spaces() -> None:
    assert space().is_finite and len(space()) == 0
    assert space(a=[1, 2, 3], b={"low": 0, "high": 4}).is_finite
    assert space(d={"low": 0.0, "high": 0.3, "step": 0.1}).is_finite
    assert not space(a=[1, 2], c={"low": 0.0, "high": 1.0}).is_finite


def test_a_default_may_lie_outside() -> None:
    found = space(a=[1, 2], b={"low": 0, "high": 4}, c={"low": 0.5, "high": 1.5})
    assert found.contains({"a": 1, "b": 4, "c": 1})
    assert not found.contains({"a": 3, "b": 4, "c": 1.0})
    assert not found.contains({"a": 1, "b": 2.5, "c": 1.0})
    assert not found.contains({"a": 1, "b": 4, "c": 2.0})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"factors": 5}, r"conf/models/svd.yaml: search.svd.factors: a list of values, or low"),
        ({"factors": []}, r"conf/models/svd.yaml: search.svd.factors.values: .*at least 1"),
        ({"factors": [5, 6, 5]}, r"search.svd.factors: .*a value is listed twice"),
        ({"factors": {"low": 5}}, r"missing key 'high' \(search.svd.factors.high\)"),
        ({"factors": {"low": 5, "hihg": 6}}, r"unknown key 'hihg'.*did you mean 'high'"),
        ({"factors": {"low": 5, "high": 5}}, r"search.svd.factors: .*low must be less than high"),
        ({"factors": {"low": 0, "high": 5, "log": True}}, r"must start above 0"),
        ({"factors": {"low": 0, "high": float("inf")}}, r"both finite"),
        ({"factors": {"low": "a", "high": 5}}, r"search.svd.factors.low"),
        ({"factors": {"low": 1, "high": 8, "step": 2}}, r"step must lead from low to high"),
        ({"factors": {"low": 1, "high": 8, "step": -1}}, r"factors.step: .*greater than 0"),
        ({"factors": {"low": 1, "high": 8, "step": 1, "log": True}}, r"exclude each other"),
        (["factors"], r"search.svd: a mapping of parameters"),
    ],
)
def test_what_is_no_space_is_named(content: Any, message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        read_space("svd", content, FILE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"factorz": [1]}, r"conf/models/svd.yaml: search.svd.factorz: .*no parameter 'factorz'"),
        ({"factors": [8, 0]}, r"search.svd.factors: the model refuses 0: .*greater than 0"),
        ({"factors": {"low": 1.0, "high": 8.0}}, r"search.svd.factors: the model refuses 3.59"),
        ({"regularization": {"low": -1.0, "high": 1.0}}, r"refuses -1.0"),
    ],
)
def test_what_the_model_refuses_is_named(content: Any, message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        check_space("svd", read_space("svd", content, FILE), SVD, FILE)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+search.svd.factorz=[1]", r"conf/models/svd.yaml: search.svd.factorz"),
        ("search.svd.epochs=[0]", r"conf/models/svd.yaml: search.svd.epochs: the model refuses 0"),
        ("+search.nobody={}", r"conf/models/nobody.yaml: search.nobody: no model 'nobody'"),
        ("tune.trials=0", r"conf/config.yaml: tune.trials"),
        (
            "tune.objective=recal_at_10",
            r"unknown metric 'recal_at_10'; did you mean 'recall_at_10'",
        ),
        ("tune.objective=ndcg_at_7", r"tune.objective: unknown metric 'ndcg_at_7'"),
        ("tune.models=[nobody]", r"tune.models: no model 'nobody'"),
    ],
)
def test_compose_checks(
    override: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(ParamsError, match=message):
        compose(tmp_path / "params.yaml", [override])


def test_every_declared_space_is_one_and_is_asked_of_every_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    content = compose(tmp_path / "params.yaml")
    assert set(content["search"]) == set(content["models"])
    assert content["tune"]["models"] == []
