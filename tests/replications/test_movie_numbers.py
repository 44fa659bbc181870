from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from replications import movie_numbers as mn

ITEMS = pd.DataFrame(
    {
        "budget": pd.array([100, None, 300, 0], dtype="Int64"),
        "runtime": np.array([90, np.nan, 120, 100], dtype=np.float32),
        "vote_count": [1, 2, 3, 4],
        "release_date": ["2000-07-01", None, "2010-07-01", None],
        "year": pd.array([2000, 2005, 2010, None], dtype="Int16"),
    }
)


def test_unknown_money_is_the_median_or_nothing() -> None:
    ours = mn.movie_numbers(ITEMS, zero_is_missing=True)
    assert ours["budget"].tolist() == [100, 100, 300, 0]
    assert ours["runtime"].tolist() == [90, 100, 120, 100]
    theirs = mn.movie_numbers(ITEMS, zero_is_missing=False)
    assert theirs["budget"].tolist() == [100, 0, 300, 0]
    assert theirs["log_budget"].tolist() == pytest.approx([np.log(101), 0, np.log(301), 0])
    assert not theirs.isna().any(axis=None)
    assert "revenue" not in theirs


def test_age_is_years_before_the_latest_release() -> None:
    age = mn.film_age(ITEMS)
    assert age.iloc[:3].tolist() == pytest.approx([10, 5, 0], abs=0.01)
    assert np.isnan(age.iloc[3])
    assert mn.film_age(ITEMS[["year"]]).iloc[:3].tolist() == pytest.approx([10, 5, 0], abs=0.01)
    filled = mn.movie_numbers(ITEMS, zero_is_missing=True)["film_age"]
    assert filled.iloc[3] == pytest.approx(5, abs=0.01)


def numbers(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a, b, noise = rng.normal(size=(3, 400))
    return pd.DataFrame({"a": 1e6 * a, "b": b, "like_a": -a + 0.1 * noise, "one": 1.0})


def test_of_two_correlated_columns_the_later_is_dropped() -> None:
    matrix = mn.correlations(numbers())
    assert mn.dropped(matrix) == ["like_a"]
    assert mn.dropped(matrix, threshold=0.999) == []
    assert mn.dropped(matrix[::-1].iloc[:, ::-1]) == ["a"]
    np.testing.assert_allclose(matrix.loc["one"], [0, 0, 0, 1])
    oracle = np.corrcoef(numbers()["a"], numbers()["like_a"])[0, 1]
    assert matrix.loc["a", "like_a"] == pytest.approx(oracle)


def test_components_are_those_of_scikit_learn() -> None:
    frame = numbers().drop(columns="one")
    found = mn.components(numbers())
    oracle = PCA().fit(StandardScaler().fit_transform(frame)).explained_variance_ratio_
    np.testing.assert_allclose(found.table["share"], oracle, atol=1e-10)
    assert found.needed == PCA(0.95).fit(StandardScaler().fit_transform(frame)).n_components_ == 2
    assert mn.components(frame, variance=1.0).needed == 3


def test_columns_that_do_not_vary_have_no_components() -> None:
    assert mn.components(pd.DataFrame({"one": [1.0, 1.0]})).needed == 0
