"""The gate refuses results of other data, another split, scale, or other test ratings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gate_samples import CONFIG, results
from places import ROOT

from reelbench.data.identity import KEYS, SCALE
from reelbench.files import read_json, write_json
from reelbench.gate import GateError, ModelResults, check_comparable, compare, read
from reelbench.paths import BASELINE

OF = {"data": "mine", "data_hash": "a" * 64, "split": "random", "test_hash": "b" * 64}
OF |= {"rating_min": 1.0, "rating_max": 5.0}


def compared(base: ModelResults, new: ModelResults) -> None:
    compare({"svd": base}, {"svd": new}, CONFIG, 1)


@pytest.mark.parametrize(
    ("key", "other", "named"),
    [
        ("data_hash", "c" * 64, "the data (aaaaaaaa and cccccccc)"),
        ("split", "leave_one_out", "the split (random and leave_one_out)"),
        ("rating_max", 100.0, "the rating scale (5.0 and 100.0)"),
        ("test_hash", "d" * 64, "the test ratings (bbbbbbbb and dddddddd)"),
    ],
)
def test_what_differs_is_named(key: str, other: Any, named: str) -> None:
    base = results(identity=OF)
    with pytest.raises(GateError) as error:
        compared(base, results(identity=OF | {key: other}))
    assert f"svd: the results differ in {named}" in str(error.value)


def test_the_name_alone_may_differ() -> None:
    compared(results(identity=OF), results(identity=OF | {"data": "renamed"}))


def test_without_an_identity_test_rows_per_user_are_compared() -> None:
    new = results()
    compared(results(identity=OF), new)
    new.per_user.loc[3, "n_test"] = 11
    with pytest.raises(GateError, match="number of test ratings per user"):
        compared(results(), new)


def test_the_committed_baseline_says_what_it_is_of() -> None:
    found = read_json(ROOT / BASELINE / "identity.json")
    assert set(found) == {*KEYS, *SCALE} and None not in found.values()


def test_without_data_the_report_says_what_results_are_of(tmp_path: Path) -> None:
    for name in ("before", "after"):
        folder = tmp_path / name / "reports"
        write_json(folder / "metrics.json", {"svd": {"rmse": 1.0}})
        write_json(folder / "data.json", {"data_hash": name, "split": {"test": 3}})
    before, after = (read(str(tmp_path / name)) for name in ("before", "after"))
    check_comparable(before, before)
    with pytest.raises(GateError, match="svd: the results differ in the data"):
        check_comparable(before, after)
