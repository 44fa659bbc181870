from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
from reporting_samples import content, note, result

from reelbench import paths
from reelbench.files import read_json, write_json
from reelbench.reporting import page
from reelbench.reporting.tuning import Tuning, read_tuning, tuning_costs
from reelbench.tuning import record

SPACES: dict[str, Any] = {
    "svd": {"factors": [8, 16]},
    "bias": {"user_damping": [1.0]},
    "popularity": {},
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(model: str, **changes: Any) -> None:
    row: dict[str, Any] = {"number": 1, "parameters": {"factors": 8}, "value": 0.9}
    best = {"number": 2, "parameters": {"factors": 16}, "value": 0.8, "error": None}
    content = {
        "searcher": "grid search (Surprise)",
        "data": "toy",
        "split": "random",
        "budget": {"trials": 3, "seconds": None},
        "objective": {"metric": "rmse", "minimize": True},
        "trials": [row | {"error": None}, best, best | {"number": 3, "value": None, "error": "x"}],
        "winner": 2,
        "ended": "all trials of the budget",
    }
    write_json(paths.tuning(model), content | changes)


def read(**models: Any) -> Tuning | None:
    return read_tuning(["svd", "bias", "popularity"], models, SPACES)


def said(name: str) -> str:
    return note(name, dataclasses.replace(content(result("bias")), tuning=read()))


def test_no_section_without_a_search() -> None:
    assert read() is None
    write("svd", ended=None)
    write("bias", trials=[], winner=None)
    assert read() is None
    assert "Tuning" not in page.leaderboard(content(result("bias")))


def test_a_row_per_search() -> None:
    write("svd")
    tuning = read(svd={"factors": 16, "epochs": 5})
    assert tuning is not None
    (row,) = tuning.searches
    expected = ["svd", "grid search (Surprise)", "3", "1", "rmse", "0.9000", "0.8000"]
    assert row.cells == [*expected, "the best trial"]
    assert len(row.cells) == len(tuning.table.titles) == len(tuning.table.align)
    assert tuning.fixed == ["popularity"] and tuning.untuned == ["bias"]


def test_parameters_that_were_changed_since_are_not_called_tuned() -> None:
    write("svd")
    tuning = read(svd={"factors": 8})
    assert tuning is not None and tuning.searches[0].cells[-1] == "others"


def test_the_cost_of_tuning_is_that_of_the_search_behind_the_parameters() -> None:
    write("svd")
    spent = {"1": 2.5, "2": 3.0, "3": 0.5}
    write_json(paths.tune_cost("svd"), {"seconds": spent, "cpu_seconds": spent})
    write("bias")
    write_json(paths.tune_cost("bias"), {"seconds": spent})  # of an older version
    now = {"svd": {"factors": 16}, "bias": {"factors": 16}, "popularity": {}}
    assert tuning_costs(now) == {"svd": {"tuning_cpu_seconds": 6.0}, "bias": {}, "popularity": {}}
    assert tuning_costs({"svd": {"factors": 8}}) == {"svd": {}}


def test_another_checkout_knows_the_cost_of_tuning_from_the_published_search() -> None:
    write("svd")
    write_json(paths.tune_cost("svd"), {"seconds": {}, "cpu_seconds": {"1": 2.0, "2": 1.5}})
    record.publish(read_json(paths.tuning("svd")) | {"model": "svd"})
    shutil.rmtree(paths.SEARCHES)
    assert tuning_costs({"svd": {"factors": 16}}) == {"svd": {"tuning_cpu_seconds": 3.5}}


def test_one_budget_is_stated_for_all() -> None:
    write("svd")
    write("bias", trials=[{"number": 1, "parameters": {}, "value": 0.9, "error": None}], winner=1)
    assert said("budget") == "Tuning: every model had 3 trials on valid of toy/random."
    write("bias", budget={"trials": 9, "seconds": None})
    assert said("budget").startswith("Tuning: budgets differ, from 3 to 9 trials")
    shutil.rmtree(paths.tuning_dir("bias"))
    assert said("budget").startswith("Tuning: each model of the table had 3 trials")
    assert "Not tuned by a search: bias." in said("tuning")
    assert "Nothing to tune: popularity." in said("tuning")


def test_a_space_that_is_smaller_than_the_budget_is_named() -> None:
    write("svd", budget={"trials": 12, "seconds": 60.0}, ended="every setting tried")
    assert "12 trials within 60 seconds" in said("budget")
    assert "Fewer trials: svd (every setting tried)." in said("tuning")


def test_the_most_important_parameter_is_named() -> None:
    write("svd", importances={"factors": 0.71, "epochs": 0.29})
    write("bias")
    assert "(share of the variance, by fANOVA): svd factors (71 %)." in said("tuning")


def test_leaderboard_and_page_have_the_same_table() -> None:
    write("svd")
    reported = dataclasses.replace(content(result("svd"), result("bias")), tuning=read())
    text = page.leaderboard(reported)
    assert "## Tuning" in text
    assert "| svd | grid search (Surprise) | 3 | 1 | rmse | 0.9000 | 0.8000 | others |" in text
    html = page.render(reported, {})
    assert reported.tuning is not None
    assert note("budget", reported) in html
    for cell in reported.tuning.searches[0].cells:
        assert cell in html
    before_scripts = html[: html.index("<script>")]
    assert before_scripts.count("<table>") == before_scripts.count('class="scroll"')
