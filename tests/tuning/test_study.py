"""Bookkeeping of trials, and their file."""

from __future__ import annotations

import logging
import math

import pytest
from planted import BEST, DEFAULT, study, surface

from reelbench.tuning.study import Trial


def test_a_setting_is_trained_once() -> None:
    calls = []
    made = study(value=lambda s: calls.append(s) or surface(s))
    assert made.run(DEFAULT) == made.run(dict(reversed(DEFAULT.items()))) == surface(DEFAULT)
    assert len(calls) == len(made.trials) == 1


def test_the_first_of_equals_is_the_best() -> None:
    made = study(value=lambda s: 1.0)
    assert made.best is None
    made.run(DEFAULT)
    made.run(BEST)
    assert made.best.number == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_not_finite_is_a_failure(value: float) -> None:
    made = study(value=lambda s: value)
    assert math.isnan(made.run(DEFAULT))
    (trial,) = made.trials
    assert trial.value is None and trial.error == f"it is {value}"
    assert made.best is None


def test_a_break_by_the_user_is_no_failed_trial() -> None:
    def stopped(setting: object) -> float:
        raise KeyboardInterrupt

    made = study(value=stopped)
    with pytest.raises(KeyboardInterrupt):
        made.run(DEFAULT)
    assert made.trials == []


def test_beyond_the_budget_nothing_is_trained() -> None:
    made = study(trials=1)
    made.run(DEFAULT)
    assert made.done and made.ended == "all trials of the budget"
    assert math.isnan(made.run(BEST))
    assert len(made.trials) == 1


def test_known_trials_are_not_run_again() -> None:
    kept = []
    known = [Trial(1, DEFAULT, 0.25, None, 9.0)]
    made = study(known=known, keep=lambda trials: kept.append(len(trials)))
    assert made.run(DEFAULT) == 0.25
    assert made.trials == known
    made.run(BEST)
    assert kept == [1, 2]


def test_a_line_per_trial(caplog: pytest.LogCaptureFixture) -> None:
    made = study(trials=3, value=lambda s: surface(s) if s["size"] == 8 else math.nan)
    with caplog.at_level(logging.INFO):
        made.run(DEFAULT)
        made.run(BEST)
    first, second = caplog.messages
    assert first.startswith("toy: trial 1 of 3: rate=0.5 size=8 kind=flat → rmse 1.538")
    assert second.startswith("toy: trial 2 of 3") and "failed: it is nan" in second
