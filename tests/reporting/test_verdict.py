from __future__ import annotations

from reporting_samples import result

from reelbench.reporting.verdict import verdicts


def test_better_worse_and_neither() -> None:
    results = [result("good", 0.85), result("bias", 0.9), result("bad", 0.95), result("same", 0.9)]
    found = {v.model: v for v in verdicts(results, samples=200, seed=1)}
    assert found.keys() == {"good", "bad", "same"}
    assert (found["good"].is_better, found["good"].is_worse) == (True, False)
    assert (found["bad"].is_better, found["bad"].is_worse) == (False, True)
    assert (found["same"].is_better, found["same"].is_worse) == (False, False)
    assert found["good"].comparison.difference < 0 < found["bad"].comparison.difference


def test_p_values_are_corrected_for_the_number_of_models() -> None:
    alone = verdicts([result("good", 0.85), result("bias", 0.9)], 1000, 1)[0]
    results = [result("bias", 0.9)] + [result(f"good{i}", 0.85) for i in range(4)]
    among_four = verdicts(results, 1000, 1)[0]
    assert among_four.comparison.p == alone.comparison.p
    assert among_four.p_corrected == 4 * alone.p_corrected


def test_among_many_models_a_plain_difference_can_still_be_shown() -> None:
    """50 resamples have no p-value below 2 / 51, which no correction for 40 models survives."""
    results = [result("bias", 0.9)] + [result(f"good{i}", 0.85) for i in range(40)]
    assert all(verdict.is_better for verdict in verdicts(results, 50, 1))


def test_models_that_only_rank_are_not_compared() -> None:
    found = verdicts([result("ranks", None), result("bias"), result("x")], 50, 1)
    assert [v.model for v in found] == ["x"]


def test_without_the_yardstick_nothing_is_claimed() -> None:
    assert verdicts([result("one"), result("two")], 50, 1) == []
    assert verdicts([result("bias")], 50, 1) == []
