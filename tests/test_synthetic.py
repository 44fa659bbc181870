"""Made-up data: sizes to the row, long tails, something to learn, and the same bytes twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmarks import synthetic
from benchmarks.synthetic import SyntheticConfig, write
from reelbench.data.clean.tables import canonical
from reelbench.data.engine import DuckDB, DuckDBConfig
from reelbench.data.readers import ReadConfig, read
from reelbench.files import sha256_tree
from reelbench.params import preset


def config(**changes: Any) -> SyntheticConfig:
    values = {
        "n_users": 300,
        "n_items": 400,
        "n_ratings": 12_000,
        "min_per_user": 10,
        "n_tags": 500,
        "factors": 4,
        "noise": 0.5,
        "seed": 1,
        "ratings_file": "ratings.csv",
    }
    return SyntheticConfig(**{**values, **changes})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    write(config(), folder)
    return folder


def test_sizes_are_as_asked_for(made: Path) -> None:
    ratings = pd.read_csv(made / "ratings.csv")
    assert len(ratings) == 12_000
    assert not ratings.duplicated(["userId", "movieId"]).any()
    assert ratings["userId"].nunique() == 300
    assert ratings.groupby("userId").size().min() >= 10
    assert len(pd.read_csv(made / "movies.csv")) == 400
    assert len(pd.read_csv(made / "tags.csv")) == 500
    assert set(ratings["rating"]) <= set(np.arange(1, 11) / 2)


def test_tails_are_long(made: Path) -> None:
    ratings = pd.read_csv(made / "ratings.csv")
    for column in ("userId", "movieId"):
        sizes = ratings.groupby(column).size().sort_values(ascending=False)
        assert sizes.iloc[: len(sizes) // 5].sum() > 0.4 * len(ratings)
        assert sizes.median() < sizes.mean()


def test_titles_differ_and_tags_are_on_rated_pairs_later(made: Path) -> None:
    assert pd.read_csv(made / "movies.csv")["title"].is_unique
    tags = pd.read_csv(made / "tags.csv")
    both = tags.merge(pd.read_csv(made / "ratings.csv"), on=["userId", "movieId"])
    assert len(both) == len(tags)
    assert (both["timestamp_x"] >= both["timestamp_y"]).all()


def test_there_is_something_to_learn(made: Path) -> None:
    """Means of users and movies explain a part of the ratings, and of unseen movies' genres too."""
    ratings = pd.read_csv(made / "ratings.csv")
    rest = ratings["rating"] - ratings["rating"].mean()
    assert rest.groupby(ratings["movieId"]).mean().var() > 0.05
    assert rest.groupby(ratings["userId"]).mean().var() > 0.05


def test_the_same_bytes_whatever_the_folder_and_others_with_another_seed(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        write(config(seed=seed, ratings_file="ratings.parquet"), tmp_path / name)
    assert sha256_tree(tmp_path / "a") == sha256_tree(tmp_path / "b")
    assert sha256_tree(tmp_path / "a") != sha256_tree(tmp_path / "c")


def test_parquet_and_csv_become_the_same_tables(tmp_path: Path, made: Path) -> None:
    write(config(ratings_file="ratings.parquet"), tmp_path)
    engine = DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))
    results = []
    settings_ = ReadConfig(**preset("data", "synthetic")["read"])
    for folder in (made, tmp_path):
        results.append(canonical(read(folder, settings_, engine), settings_, engine))
    for name in ("interactions", "items", "users", "tags"):
        assert results[0].tables[name].equals(results[1].tables[name])
    assert results[0].counts["interactions"] == {"read": 12_000, "dropped": {}, "written": 12_000}


def test_many_blocks_add_up_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "_BLOCK", 700)
    write(config(), tmp_path)
    ratings = pd.read_csv(tmp_path / "ratings.csv")
    assert len(ratings) == 12_000
    assert not ratings.duplicated(["userId", "movieId"]).any()
    assert len(pd.read_csv(tmp_path / "tags.csv")) == 500


@settings(max_examples=20, deadline=None)
@given(users=st.integers(1, 40), items=st.integers(8, 60), share=st.floats(0, 1))
def test_any_size_that_fits_is_met(
    tmp_path_factory: pytest.TempPathFactory, users: int, items: int, share: float
) -> None:
    most = users * (items // 4)
    n_ratings = users + int(share * (most - users))
    folder = tmp_path_factory.mktemp("any")
    sizes = {"n_users": users, "n_items": items, "n_ratings": n_ratings, "n_tags": n_ratings // 2}
    write(config(**sizes, min_per_user=1), folder)
    ratings = pd.read_csv(folder / "ratings.csv")
    assert len(ratings) == len(ratings.drop_duplicates(["userId", "movieId"])) == n_ratings
    assert len(pd.read_csv(folder / "tags.csv")) == n_ratings // 2


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValidationError, match="300 users who rate 10 to 100 movies each"):
        config(n_ratings=30_001)
