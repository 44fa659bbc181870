from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import image

from replications import surprise_table as st


def ratings(seed: int = 0) -> pd.DataFrame:
    """40 users and 30 movies: biases, and a taste, that can be learned."""
    rng = np.random.default_rng(seed)
    user, item = np.divmod(rng.permutation(40 * 30)[:800], 30)
    taste = rng.normal(0, 1, 40)[user] + rng.normal(0, 1, 30)[item]
    rating = np.clip(np.round(3 + taste), 1, 5)
    return pd.DataFrame({"user_idx": user, "item_idx": item, "rating": rating})


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return st.surprise_table(ratings(), (1, 5), folds=3, seed=1)


def test_all_algorithms_are_there_best_first(table: pd.DataFrame) -> None:
    assert sorted(table["algorithm"]) == sorted(st.ALGORITHMS)
    assert table["rmse"].is_monotonic_increasing
    assert table["algorithm"].iloc[-1] == "NormalPredictor"  # draws ratings by chance
    assert (table["mae"] < table["rmse"]).all()
    assert (table[["fit_seconds", "test_seconds"]] > 0).all(axis=None)


def test_errors_repeat_and_seconds_need_not(table: pd.DataFrame) -> None:
    again = st.surprise_table(ratings(), (1, 5), folds=3, seed=1)
    columns = ["algorithm", "rmse", "rmse_std", "mae"]
    pd.testing.assert_frame_equal(again[columns], table[columns], check_exact=True)
    other = st.surprise_table(ratings(), (1, 5), folds=3, seed=2)
    assert set(other["rmse"]).isdisjoint(table["rmse"])


def test_an_algorithm_does_not_depend_on_which_others_run(table: pd.DataFrame) -> None:
    alone = st.surprise_table(ratings(), (1, 5), folds=3, seed=1, algorithms=("NormalPredictor",))
    assert alone["rmse"].iloc[0] == table["rmse"].iloc[-1]


def test_the_error_is_what_the_formula_says() -> None:
    """BaselineOnly on ratings that are all alike is right everywhere."""
    same = ratings().assign(rating=4.0)
    found = st.surprise_table(same, (1, 5), folds=2, seed=1, algorithms=("BaselineOnly",))
    assert found["rmse"].iloc[0] == pytest.approx(0, abs=1e-9)


def test_too_few_ratings_are_an_error() -> None:
    with pytest.raises(ValueError, match="2 ratings cannot be divided into 3 folds"):
        st.surprise_table(ratings().iloc[:2], (1, 5), folds=3, seed=1)


def test_a_sample_is_of_few_users_and_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    full = ratings().assign(timestamp=0)
    sample = st.sample(full, 100, seed=3)
    assert len(sample) == 100
    assert len(sample.merge(full)) == 100
    assert len(st.sample(full, 10**6, seed=3)) == len(full)
    monkeypatch.setattr(st, "MOST_USERS", 7)
    assert st.sample(full, 100, seed=3)["user_idx"].nunique() == 7
    pd.testing.assert_frame_equal(st.sample(full, 50, seed=3), st.sample(full, 50, seed=3))


def test_the_map_and_the_numbers_stand_side_by_side(table: pd.DataFrame, tmp_path: Path) -> None:
    st.write(table, tmp_path)
    read = pd.read_csv(tmp_path / "surprise.csv")
    np.testing.assert_allclose(read["rmse"], table["rmse"], rtol=1e-5)
    first = (tmp_path / "surprise.png").read_bytes()
    assert image.imread(tmp_path / "surprise.png").std() > 0.05
    st.write(table, tmp_path)
    assert (tmp_path / "surprise.png").read_bytes() == first
