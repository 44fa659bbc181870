"""Spaces: what may stand in `search.NAME`, what is drawn, and what a model refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
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


@given(st.floats(0, 1, exclude_max=True))
def test_what_is_drawn_is_in_the_space(position: float) -> None:
    found = space(
        a=[1, "x", [2, 3]],
        b={"low": 3, "high": 7},
        c={"low": 0.001, "high": 10.0, "log": True},
        d={"low": 0.0, "high": 0.3},
        e={"low": 1, "high": 1000, "log": True},
    )
    setting = found.at([position] * len(found))
    assert found.contains(setting)
    assert isinstance(setting["b"], int) and isinstance(setting["e"], int)
    assert isinstance(setting["c"], float)


def test_a_drawn_number_has_four_digits() -> None:
    value = space(c={"low": 0.001, "high": 10.0, "log": True}).at([0.123456])["c"]
    assert value == float(f"{value:.4g}")


def test_every_integer_and_choice_is_as_likely() -> None:
    found = space(a=["x", "y"], b={"low": 1, "high": 4})
    positions = (np.arange(400) + 0.5) / 400
    counts = np.unique([found.at([p, p])["b"] for p in positions], return_counts=True)
    assert counts[0].tolist() == [1, 2, 3, 4]
    assert np.ptp(counts[1]) <= 2
    assert sum(found.at([p, p])["a"] == "x" for p in positions) == 200


def test_a_logarithmic_range_has_its_geometric_mean_in_the_middle() -> None:
    assert space(c={"low": 0.01, "high": 100.0, "log": True}).at([0.5])["c"] == 1.0
    assert space(c={"low": 0.0, "high": 100.0}).at([0.5])["c"] == 50.0


def test_sizes() -> None:
    assert space().size == 1 and len(space()) == 0
    small = space(a=[1, 2, 3], b={"low": 0, "high": 4})
    assert small.size == 15 and not small.is_grid
    settings = list(small.every())
    assert len(settings) == 15 and all(small.contains(setting) for setting in settings)
    assert space(c={"low": 0.0, "high": 1.0}).size == float("inf")
    assert space(a=[1, 2]).is_grid


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
        ({"factors": [5, 6, 5]}, r"search.svd.factors: .*a value is there twice"),
        ({"factors": {"low": 5}}, r"missing key 'high' \(search.svd.factors.high\)"),
        ({"factors": {"low": 5, "hihg": 6}}, r"unknown key 'hihg'.*did you mean 'high'"),
        ({"factors": {"low": 5, "high": 5}}, r"search.svd.factors: .*low must be less than high"),
        ({"factors": {"low": 0, "high": 5, "log": True}}, r"must begin above 0"),
        ({"factors": {"low": 0, "high": float("inf")}}, r"both finite"),
        ({"factors": {"low": "a", "high": 5}}, r"search.svd.factors.low"),
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
        ("tune.objective=rmsee", r"tune.objective: no metric 'rmsee'"),
        ("tune.objective=ndcg_at_7", r"tune.objective: no metric 'ndcg_at_7'"),
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
