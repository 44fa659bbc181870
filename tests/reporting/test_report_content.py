from __future__ import annotations

import dataclasses

from reporting_samples import CONFIG, content, result

from reelbench.reporting.content import describe


def test_relevance_names_the_threshold_and_who_is_left_out() -> None:
    assert content(result("a")).relevance.startswith("Every test rating counts as relevant.")
    config = CONFIG.model_copy(update={"min_relevant_rating": 3.5})
    strict = dataclasses.replace(content(result("a")), config=config)
    strict.results[0].metrics["n_users_without_relevant"] = 4
    assert "A test rating of 3.5 or more counts" in strict.relevance
    assert "4 test users without one are left out" in strict.relevance


def test_the_leaderboard_is_at_the_first_cutoff() -> None:
    assert "nDCG@10" in [column.title for column in content(result("a")).columns]


def test_costs_of_an_unknown_machine() -> None:
    unknown = result("a")
    del unknown.train_cost["machine"]
    assert content(unknown).machine.startswith("Costs are those of one run; only")


def test_a_difference_has_sign_interval_and_p() -> None:
    (verdict,) = content(result("bias", 0.9), result("svd", 0.8)).verdicts
    text = describe(verdict)
    assert text.startswith("-0.1000 [-0.1") and text.endswith("p = 0.010")
