"""Predictions, the choice of models that a budget has room for, and `reelbench plan`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from places import ROOT
from small_project import N_ITEMS, N_USERS, ratings, write_catalogue, write_params, write_ratings
from typer.testing import CliRunner

from reelbench import cli, params, paths
from reelbench.costs import plan, predict
from reelbench.costs.plan import BudgetConfig, choose, size_text
from reelbench.costs.predict import Cost, Estimate, Sizes, model_cost, sizes_of
from reelbench.models.base import ModelEntry
from reelbench.params import ParamsError

PARAMS = params.read(ROOT / "params.yaml")
TERMS = params.read(ROOT / "src/reelbench/costs/terms.yaml")
SMALL, LARGE = Sizes.expected(100_000, 1_000, 2_000), Sizes.expected(20_000_000, 140_000, 27_000)
NOTHING = Cost(Estimate(0.0, 0.0), Estimate(0.0, 0.0), Estimate(0.0, 0.0))


def entry(name: str, **changed: Any) -> ModelEntry:
    return ModelEntry.model_validate(PARAMS["models"][name] | changed)


def cost(seconds: float, gigabytes: float) -> Cost:
    return Cost(Estimate(seconds, 0.0), Estimate(gigabytes * 1e9, 0.0), Estimate(0.0, 0.0))


@pytest.fixture
def ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every term of every class costs one second and one byte per unit."""
    one = {
        kind: {
            code: {"code": code, "ratings": 10**9}
            | {q: {"terms": dict.fromkeys(t[q], 1), "error": 0.1} for q in t}
            for code, t in TERMS[kind].items()
        }
        for kind in ("train", "evaluate")
    }
    content = {"costs": one}
    monkeypatch.setattr(predict, "coefficients", lambda: content)


@pytest.mark.parametrize("name", PARAMS["models"])
def test_no_model_of_the_default_set_gets_cheaper_with_more_data(name: str) -> None:
    for kind in ("train", "evaluate"):
        small, large = (model_cost(kind, name, entry(name), s) for s in (SMALL, LARGE))
        assert small is not None and large is not None
        for quantity in predict.QUANTITIES:
            assert 0 < getattr(small, quantity).value <= getattr(large, quantity).value


@pytest.mark.usefixtures("ones")
@pytest.mark.parametrize("name", PARAMS["models"])
def test_every_model_states_how_its_cost_grows(name: str) -> None:
    small, large = (model_cost("train", name, entry(name), s) for s in (SMALL, LARGE))
    assert small is not None and large is not None
    # 200 times as many ratings, 140 times as many users, 14 times as many items
    assert large.seconds.value > 10 * small.seconds.value


def test_every_stage_and_every_model_is_predicted() -> None:
    found = plan.make(PARAMS, SMALL)
    assert [step.name for step in found.steps if step.cost is None] == []
    names = {step.name.partition("@")[0] for step in found.steps}
    assert names == {*yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"], "dvc"} - {
        "tune",
        "repeat",
    }
    assert found.total.seconds.value > 10 and found.skipped == {}


@pytest.mark.usefixtures("ones")
def test_settings_count_and_a_closed_form_grows_with_its_power() -> None:
    seconds = [
        model_cost("train", "svdpp", entry("svdpp", epochs=epochs), LARGE).seconds.value  # type: ignore[union-attr]
        for epochs in (100, 200)
    ]
    assert seconds[1] - 1 == 2 * (seconds[0] - 1)
    memory = [
        model_cost("train", "ease", entry("ease"), Sizes.expected(10**6, items, items)).memory.value  # type: ignore[union-attr]
        for items in (20_000, 40_000)
    ]
    assert memory[1] - memory[0] == 3 * 20_000**2


def test_all_neighbours_are_as_many_as_there_are_items() -> None:
    everything, as_many = (
        model_cost("evaluate", "slim", entry("slim", neighbours=n), SMALL)
        for n in (None, SMALL.items)
    )
    assert everything is not None and everything == as_many


def test_a_model_under_another_name_has_the_cost_of_its_class() -> None:
    assert model_cost("train", "mine", entry("ease"), SMALL) is not None


def test_a_model_of_an_unknown_class_has_no_cost_and_is_run_whatever_the_budget() -> None:
    own = {"_target_": "reelbench.models.base.Recommender", "code": "own.py"}
    content = PARAMS | {
        "models": {"own": own, "bias": PARAMS["models"]["bias"]},
        "budget": {"memory": 1000, "seconds": 1},
    }
    found = plan.make(content, SMALL)
    assert list(found.skipped) == ["bias"]
    assert [step.name for step in found.steps if step.cost is None] == ["train@own", "evaluate@own"]
    assert [*plan.table(found).columns[-1].cells][-1] == "without 2 unknown"


def test_the_files_of_terms_and_coefficients_agree() -> None:
    for kind, entries in predict.coefficients()["costs"].items():
        for name, found in entries.items():
            known = (TERMS[kind] if found["code"] else TERMS["stages"])[found["code"] or kind]
            for quantity in predict.QUANTITIES:
                assert {*found[quantity]["terms"]} <= {*known[quantity]}, (kind, name)
                assert all(number > 0 for number in found[quantity]["terms"].values())


def test_who_cannot_fold_in_is_skipped_where_test_users_are_unknown() -> None:
    """Which is known before anything is fitted, of models with members and bases too."""
    rerank = "reelbench.models.rerank.Rerank"
    bases = {"ranked": {"ials": PARAMS["models"]["ials"]}, "lost": {"mf": PARAMS["models"]["mf"]}}
    models = {name: {"_target_": rerank, "base": base} for name, base in bases.items()}
    content = PARAMS | {"models": PARAMS["models"] | models, "split": {"method": "held_out_users"}}
    skipped = plan.make(content, SMALL).skipped
    networks = {"mf", "dnn", "glove", "finetune", "hybrid", "demographic"}
    assert set(skipped) == networks | {"co_clustering", "lost"}
    assert set(skipped.values()) == {plan._NO_FOLD_IN}


def test_what_needs_more_memory_than_the_budget_has_is_skipped() -> None:
    models = {"large": cost(1, 31), "small": cost(100, 1), "unknown": None}
    found = choose(models, NOTHING, BudgetConfig(memory="22GB"))
    assert found == {"large": "would need 31 GB, 22 GB are allowed"}


def test_without_a_budget_memory_is_that_of_the_machine_less_a_reserve(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("reelbench.costs.plan.memory_bytes", lambda: 24 * 10**9)
    found = choose({"large": cost(1, 31), "fits": cost(10**9, 21)}, NOTHING, BudgetConfig())
    assert found == {"large": "would need 31 GB, 22 GB are free"}


def test_of_the_seconds_the_cheapest_models_are_run() -> None:
    models = {"slow": cost(50, 1), "quick": cost(5, 1), "medium": cost(20, 1), "large": cost(1, 9)}
    found = choose(models, cost(10, 0), BudgetConfig(memory="2GB", seconds=60))
    assert sorted(found) == ["large", "slow"]
    assert found["slow"] == "would need 50 s, 25 s are left"


@pytest.mark.parametrize(
    ("value", "expected"), [("2GB", 2 * 10**9), (5000, 5000), ("1.5 mb", 1_500_000)]
)
def test_sizes_are_read(value: object, expected: int) -> None:
    assert BudgetConfig(memory=value).memory == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["2", 2, "GB", "2 apples", 0])
def test_what_is_no_size_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="memory"):
        BudgetConfig(memory=value)  # type: ignore[arg-type]


def test_sizes_are_written() -> None:
    texts = [size_text(n) for n in (31.2e9, 2e9, 123e6, 1.5e3, 7, 0)]
    assert texts == ["31 GB", "2.0 GB", "123 MB", "1.5 KB", "7 B", "0 B"]


def test_sizes_are_those_of_the_split_and_else_of_the_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sizes_of(PARAMS)
    assert (before.all_ratings, before.users, before.items) == (100_000, 943, 1682)
    parts = ratings()
    write_catalogue(tmp_path)
    write_ratings(tmp_path, parts)
    after = sizes_of(PARAMS)
    assert (after.users, after.items, after.all_ratings) == (N_USERS, N_ITEMS, 400)
    assert after.user_pairs == (parts["train"]["user_idx"].value_counts() ** 2).sum()
    assert sizes_of(PARAMS, [1000, 10, 20]).all_ratings == 1000


def test_the_plan_is_printed_as_a_table_and_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, PARAMS | {"budget": {"memory": "300MB", "seconds": None}})
    table = CliRunner().invoke(cli.app, ["plan"], terminal_width=200)
    assert table.exit_code == 0, table.output
    assert "train@dnn" in table.output and "skipped: would need" in table.output
    stated = ["--ratings", "1000", "--users", "10", "--items", "20"]
    found = json.loads(CliRunner().invoke(cli.app, ["plan", "--json", *stated]).output)
    assert found["sizes"]["all_ratings"] == 1000
    assert len(found["steps"]["train@bias"]["cost"]["seconds"]) == 2
    assert found["total"]["seconds"][0] > 0
    assert not paths.PLAN.exists()


def test_a_size_that_is_not_known_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = {key: value for key, value in PARAMS["data"].items() if key != "size"}
    write_params(tmp_path, PARAMS | {"data": data})
    found = CliRunner().invoke(cli.app, ["plan"])
    assert found.exit_code == 2 and "--ratings" in found.output
    only = CliRunner().invoke(cli.app, ["plan", "--ratings", "5"])
    assert only.exit_code == 2 and "go together" in only.output
    with pytest.raises(ParamsError):
        sizes_of(PARAMS | {"data": data})
