from __future__ import annotations

import pytest
from gate_samples import CONFIG, results

from reelbench.gate import GateError, ModelResults, Row, compare, render


def run(new: ModelResults, base: ModelResults | None = None) -> dict[str, Row]:
    rows = compare({"svd": base or results()}, {"svd": new}, CONFIG, seed=1)
    return {row.key: row for row in rows}


def failures(new: ModelResults, base: ModelResults | None = None) -> dict[str, str]:
    return {key: row.failure for key, row in run(new, base).items() if row.failure}


def test_nothing_moved() -> None:
    assert run(results()) == {}
    assert "Nothing moved" in render([], "a", "b")


def test_three_percent_worse_is_stopped_and_the_row_says_why() -> None:
    rows = run(results(error=1.03))
    assert rows["rmse"].failure.startswith("worse by 3.0%, more than the 1.0% allowed (p < 1e-6")
    assert rows["rmse"].change == pytest.approx(0.03)
    text = render(list(rows.values()), "base", "new")
    assert "**Stopped**" in text
    assert "- `svd` rmse: worse by 3.0%" in text


def test_a_rerun_with_another_seed_is_not() -> None:
    for noise in range(1, 21):
        rows = run(results(noise=noise))
        assert rows["rmse"].moved and rows["ndcg_at_10"].moved, noise
        assert not [row for row in rows.values() if row.failure], noise


def test_less_than_the_tolerance_passes_however_sure() -> None:
    row = run(results(error=1.005))["rmse"]
    assert row.p_corrected is not None and row.p_corrected < 0.05
    assert row.failure == ""


def test_higher_is_better_for_ranking_and_lower_for_errors() -> None:
    assert set(failures(results(ndcg=0.95))) == {"ndcg_at_10"}
    assert failures(results(error=0.9, ndcg=1.2)) == {}


def test_more_than_the_tolerance_by_chance_passes() -> None:
    """One user in three hundred carries the whole loss: no evidence."""
    new = results()
    new.per_user.loc[0, "ndcg_at_10"] = 0.0
    new.metrics["ndcg_at_10"] *= 0.96
    assert failures(new) == {}


def test_without_tables_the_tolerance_decides() -> None:
    found = failures(results(error=1.03, per_user=None))
    assert found["rmse"].endswith("(no values per user to test with)")
    assert failures(results(error=1.005, per_user=None)) == {}


def test_a_metric_without_values_per_user_is_gated_by_its_tolerance_alone() -> None:
    config = CONFIG.model_copy(update={"tolerances": {"coverage_at_10": 0.03}})
    rows = compare({"svd": results()}, {"svd": results(ndcg=0.9)}, config, seed=1)
    failure = next(row.failure for row in rows if row.key == "coverage_at_10")
    assert failure.endswith("(no values per user to test with)")


def test_other_test_users_cannot_be_compared() -> None:
    new = results(error=1.001)
    new.per_user["user_idx"] += 1
    with pytest.raises(GateError, match="number of test ratings per user"):
        failures(new)


def test_what_is_not_gated_is_shown_and_stops_nothing() -> None:
    rows = run(results(ndcg=0.99))
    assert not rows["coverage_at_10"].gated
    text = render(list(rows.values()), "base", "new")
    assert "<summary>1 other numbers moved</summary>" in text
    assert "**Passed**" in text


def test_costs_on_the_same_machine() -> None:
    assert failures(results(seconds=39)) == {}
    assert failures(results(seconds=41))["train_seconds"].startswith("2.05 times")
    # what is below the floor of 5 s counts as 5 s
    assert failures(results(seconds=9), results(seconds=0.1)) == {}


def test_costs_on_another_machine_say_nothing() -> None:
    elsewhere = results(seconds=500)
    elsewhere.costs["machine"] = {"cpu": "Other CPU", "threads": 2}
    row = run(elsewhere)["train_seconds"]
    assert (row.gated, row.failure) == (False, "")


def test_models_that_come_and_go() -> None:
    rows = compare({"svd": results()}, {"dnn": results()}, CONFIG, seed=1)
    gone, added = rows
    assert (gone.model, gone.failure != "") == ("svd", True)
    assert (added.model, added.failure) == ("dnn", "")


def test_a_metric_that_is_gone() -> None:
    new = results()
    new.metrics["rmse"] = None
    assert failures(new)["rmse"] == "the metric is gone"
