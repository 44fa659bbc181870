from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
from reporting_samples import content, note, result

from reelbench import paths
from reelbench.files import write_json
from reelbench.reporting.dataset import Dataset, read_dataset


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.chdir(tmp_path)
    paths.CLEAN.mkdir(parents=True)
    rating = pd.array([0.1, 0.1, 0.4], dtype="float32")
    columns = {
        "user_idx": [0, 0, 1],
        "item_idx": [0, 1, 0],
        "rating": rating,
        "timestamp": [None] * 3,
    }
    pd.DataFrame(columns).to_parquet(paths.INTERACTIONS)
    pd.DataFrame({"item_idx": [0, 1, 2, 3]}).to_parquet(paths.ITEMS)
    pd.DataFrame({"user_idx": [0, 1, 2]}).to_parquet(paths.USERS)
    write_json(paths.CLEAN_COUNTS, {"items": {"read": 4, "dropped": {}, "written": 4}})
    parts = {"train": {"rows": 2}, "test": {"rows": 1}}
    write_json(paths.SPLIT_COUNTS, {"leak": "Some.", "parts": parts})
    return read_dataset("mine")


def test_sizes_count_users_and_items_without_ratings(data: Dataset) -> None:
    summary = data.summary()
    assert (summary["n_users"], summary["n_items"], summary["n_ratings"]) == (3, 4, 3)
    assert summary["sparsity"] == 0.75
    assert summary["rating_mean"] == 0.2


def test_accounts_of_clean_and_split_are_passed_on(data: Dataset) -> None:
    summary = data.summary()
    assert summary["clean"]["items"]["read"] == 4
    assert summary["split"]["leak"] == data.leak == "Some."
    assert data.part_rows == {"train": 2, "test": 1}


def test_parts_may_be_at_the_top_level() -> None:
    frame = pd.DataFrame()
    split = {"train": {"rows": 5}, "valid": {"rows": 1}, "test": {"rows": 2}}
    data = Dataset("mine", 1, frame, frame, {}, split)
    assert data.part_rows == {"train": 5, "valid": 1, "test": 2}
    assert data.leak == ""


def test_a_filter_is_said_to_change_the_population(data: Dataset) -> None:
    assert not data.filter
    before = {"ratings": 5000, "users": 40, "movies": 100, "sparsity": 0.9987}
    after = {"ratings": 1000, "users": 20, "movies": 50, "sparsity": 0.9333}
    filtered = {"tagged": False, "min_per_user": 20, "min_per_item": 50, "repeat": True}
    reported = dataclasses.replace(content(result("bias")), dataset=data)
    steps = {"before": before, "enough_ratings": after}
    data.clean["interactions"] = {"filter": {**filtered, "steps": steps}}
    assert "fewer than 20 and movies with fewer than 50 ratings" in note("population", reported)
    assert "5,000 ratings of 40 users and 100 movies, sparsity 0.9987" in note(
        "population", reported
    )
    assert "with enough ratings: 1,000 ratings" in note("population", reported)
    assert "tagged" not in note("population", reported)
    filtered |= {"tagged": True, "min_per_user": 0, "min_per_item": 0}
    data.clean["interactions"] = {
        "filter": {**filtered, "steps": {"before": before, "tagged": after}}
    }
    assert "that the same user has not tagged were left out" in note("population", reported)
    assert "fewer" not in note("population", reported)
