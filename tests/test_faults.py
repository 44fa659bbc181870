from __future__ import annotations

from typing import Any

import pytest

from reelbench import faults
from reelbench.faults import Fault
from reelbench.params import ParamsError

CONTENT: dict[str, Any] = {
    "faults": ["score_train_rows"],
    "split": {"name": "temporal_user"},
    "models": {
        "plain": {"cold": "zeros"},
        "cold": {"cold": "untrained", "hidden": [8]},
        "blend": {"raters": {"dnn": {"cold": "untrained"}}},
    },
}


def test_every_option_is_known_and_only_options_lack_a_switch() -> None:
    known = faults.known()
    assert {fault.value for fault in Fault} <= set(known)
    assert all(entry.about[0].islower() and entry.about[-1] != "." for entry in known.values())
    assert all(entry.why[0].isupper() and entry.why[-1] == "." for entry in known.values())
    assert not any(known[fault].params for fault in Fault)


def test_a_switch_of_one_model_marks_this_model() -> None:
    assert faults.active(CONTENT, "plain") == ["score_train_rows"]
    assert faults.active(CONTENT, "cold") == ["score_train_rows", "untrained_ids"]
    assert faults.active(CONTENT, "blend") == ["score_train_rows", "untrained_ids"]
    assert faults.named(CONTENT) == "score_train_rows, untrained_ids"
    assert faults.named({"faults": []}) == ""


def test_switches_of_validation_and_of_training_mark_a_run() -> None:
    network = {"models": {"n": {"continued": [0.001]}, "plain": {"continued": []}}}
    assert faults.active(network, "n") == ["continued"]
    assert faults.active(network, "plain") == []
    for split, expected in (
        ({"method": "tail", "valid_rows": "test"}, ["tail_test", "validation_on_test"]),
        ({"method": "random", "valid_rows": "tail"}, ["tail_validation"]),
        ({"method": "kfold", "shuffle": False}, ["consecutive_folds"]),
        ({"method": "source_folds", "shuffle": False}, []),
        ({"method": "kfold", "shuffle": True, "valid_rows": "own"}, []),
    ):
        assert faults.active({"split": split}) == expected


def test_an_unknown_option_is_refused_with_the_nearest() -> None:
    with pytest.raises(ParamsError, match="no fault 'drop_cold'; did you mean 'drop_cold_items'"):
        faults.active({"faults": ["drop_cold"]})
    with pytest.raises(ParamsError):  # no option, but a parameter of models
        faults.parse(["untrained_ids"])


def test_a_warning_explains_every_fault() -> None:
    assert faults.warning(()) == ""
    assert faults.warning(["untrained_ids", "drop_cold_items"]) == (
        "Not an honest protocol. Faults switched on: `drop_cold_items` (test ratings of movies "
        "that are not in train are left out of errors); `untrained_ids` (an id that was never "
        "trained has its random initial embedding)."
    )
    # of a file that another version of the package has written
    assert "Faults switched on: `gone`." in faults.warning(["gone"])
