"""Trials, their journal, and what is read from them."""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from planted import BEST, DEFAULT, a_search, searched, surface

from reelbench.tuning.search import TPE


def test_a_setting_is_trained_once() -> None:
    calls: list[Any] = []
    found = a_search(value=lambda s: calls.append(s) or surface(s))
    found.run(DEFAULT)
    found.run(dict(reversed(DEFAULT.items())))
    assert len(calls) == len(found.trials) == 1
    assert found.trials[0].value == surface(DEFAULT)


def test_the_first_of_equals_is_the_best() -> None:
    found = a_search(value=lambda s: 1.0)
    assert found.best is None
    found.run(DEFAULT)
    found.run(BEST)
    assert found.best.number == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_not_finite_is_a_failure(value: float) -> None:
    found = a_search(value=lambda s: value)
    found.run(DEFAULT)
    (trial,) = found.trials
    assert math.isnan(found.loss(trial))
    assert trial.value is None and trial.error == f"ValueError: rmse is {value}"
    assert found.best is None


def test_a_break_by_the_user_is_no_failed_trial() -> None:
    def stopped(setting: object) -> float:
        raise KeyboardInterrupt

    found = a_search(value=stopped)
    with pytest.raises(KeyboardInterrupt):
        found.run(DEFAULT)
    assert found.trials == []


def test_beyond_the_budget_nothing_is_trained() -> None:
    found = a_search(trials=1)
    found.run(DEFAULT)
    assert found.limit == "all trials of the budget"
    found.run(BEST)
    assert len(found.trials) == 1


def test_the_journal_holds_states_parameters_and_errors(tmp_path: Path) -> None:
    """Readable with Optuna alone, such as by its dashboard."""
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    def half(setting: dict[str, Any]) -> float:
        if setting == BEST:
            raise ValueError("diverged")
        return surface(setting)

    found = a_search(value=half, journal=tmp_path / "journal.log")
    found.run(DEFAULT)
    found.run(BEST)
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "journal.log")))
    trials = optuna.load_study(study_name="toy", storage=storage).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", "FAIL"]
    assert trials[0].params == DEFAULT | {"kind": '"flat"'}
    failed = trials[1].user_attrs
    assert failed.pop("cpu_seconds") >= 0
    assert failed == {"parameters": BEST, "error": "ValueError: diverged"}


_KILLED = """
import os, signal, sys
from pathlib import Path
from planted import searched, surface
from reelbench.tuning.search import TPE

trained = []

def killed(setting):
    trained.append(setting)
    if len(trained) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return surface(setting)

searched(TPE, trials=6, value=killed, journal=Path(sys.argv[1]))
"""


def test_a_search_ended_by_sigkill_continues(tmp_path: Path) -> None:
    journal = tmp_path / "journal.log"
    search_path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(journal)], env=os.environ | {"PYTHONPATH": search_path}
    )
    assert killed.returncode == -signal.SIGKILL
    calls: list[Any] = []
    again = searched(TPE, trials=6, value=lambda s: calls.append(s) or surface(s), journal=journal)
    assert len(calls) == 4
    whole = searched(TPE, trials=6)
    assert [t.parameters for t in again.trials] == [t.parameters for t in whole.trials]


@pytest.mark.parametrize("lost", [1, 20, 200])
def test_a_journal_that_ends_in_half_a_line_is_read(lost: int, tmp_path: Path) -> None:
    """What `kill -9` may leave of the last operation."""
    journal = tmp_path / "journal.log"
    whole = [trial.parameters for trial in searched(TPE, trials=4, journal=journal).trials]
    journal.write_bytes(journal.read_bytes()[:-lost])
    again = searched(TPE, trials=4, journal=journal)
    assert [trial.parameters for trial in again.trials] == whole
    assert all(json.loads(line) for line in journal.read_text().splitlines())


def test_a_search_calls_back_after_every_trial() -> None:
    counts: list[int] = []
    found = a_search(on_trial=lambda search: counts.append(len(search.trials)))
    found.run(DEFAULT)
    found.run(BEST)
    assert counts == [1, 2]


def test_what_matters_is_important() -> None:
    """Of three parameters only one has an effect; the same numbers each time."""
    found = searched(TPE, value=lambda s: math.log10(s["rate"]), trials=20)
    importances = found.importances()
    assert importances == found.importances()
    assert list(importances) == sorted(importances, key=importances.get, reverse=True)
    assert importances["rate"] > 0.8
    assert sum(importances.values()) == pytest.approx(1, abs=0.001)


def test_equal_values_have_no_importances() -> None:
    assert searched(TPE, value=lambda s: 1.0, trials=4).importances() == {}
    assert a_search().importances() == {}


def test_a_line_per_trial(caplog: pytest.LogCaptureFixture) -> None:
    found = a_search(trials=3, value=lambda s: surface(s) if s["size"] == 8 else math.nan)
    with caplog.at_level(logging.INFO):
        found.run(DEFAULT)
        found.run(BEST)
    first, second = caplog.messages
    assert first.startswith("toy: trial 1 of 3: rate=0.5 size=8 kind=flat → rmse 1.538")
    assert second.startswith("toy: trial 2 of 3") and "failed: ValueError: rmse is nan" in second
