"""Tables behind the figures: by hand, as conservation laws, and against published figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_tables import tables_of, tmdb

from reelbench.reporting.charts.models import learning_curve
from reelbench.reporting.charts.style import MAIN, OTHER
from replications import figures
from replications.results import Spread

pytestmark = pytest.mark.slow

DAY = 86_400
_LOSSES = {"train_mse": "train_loss", "valid_mse": "valid_loss"}
RATINGS = pd.DataFrame(
    {
        "user_idx": [0, 0, 0, 1, 1, 2],
        "item_idx": [0, 1, 2, 0, 1, 0],
        "rating": [5.0, 3.0, 1.0, 4.0, 3.0, 3.0],
        "timestamp": [0, 10, 3 * DAY, 366 * DAY, 366 * DAY, -1],
    }
)
ITEMS = pd.DataFrame(
    {
        "item_idx": [0, 1, 2, 3],
        "title": list("abcd"),
        "year": pd.array([1990, 1990, None, 1991], dtype="Int16"),
        "genres": [["Drama", "War"], ["Drama"], [], ["Comedy"]],
    }
)
USERS = pd.DataFrame({"user_idx": [0, 1, 2], "age": [7, 24, 24]})


def test_shares_of_ratings_and_genres() -> None:
    shares = figures.rating_shares(RATINGS).table.set_index("rating")
    assert shares["ratings"].to_dict() == {1: 1, 3: 3, 4: 1, 5: 1}
    assert shares["share"].loc[3] == 0.5
    genres = figures.genre_shares(ITEMS).table
    assert genres["genre"].tolist() == ["Drama", "Comedy", "War"]
    assert genres["share"].tolist() == [0.5, 0.25, 0.25]


def test_means_per_genre_and_year() -> None:
    per_genre = figures.mean_per_genre(RATINGS, ITEMS).table.set_index("genre")
    assert per_genre["mean"].to_dict() == {"War": 4.0, "Drama": pytest.approx(3.6)}
    assert per_genre["ratings"].to_dict() == {"War": 3, "Drama": 5}
    half = 1.96 * np.std([5, 4, 3], ddof=1) / np.sqrt(3)
    assert per_genre.loc["War", "half_interval"] == pytest.approx(half)
    per_year = figures.mean_per_year(RATINGS).table
    assert per_year[["year", "ratings", "mean"]].values.tolist() == [[1970, 3, 3], [1971, 2, 3.5]]
    released = figures.mean_per_release_year(RATINGS, ITEMS).table.set_index("year")
    assert released["movies"].to_dict() == {1990: 2, 1991: 1}
    assert released["ratings"].to_dict() == {1990: 5, 1991: 0}
    assert released["mean"].loc[1990] == pytest.approx(3.6)
    assert np.isnan(released["mean"].loc[1991])


def test_days_without_a_rating_are_there() -> None:
    days = figures.ratings_per_day(RATINGS).table
    assert days["day"].iloc[[0, 3, -1]].tolist() == ["1970-01-01", "1970-01-04", "1971-01-02"]
    assert days["ratings"].iloc[:5].tolist() == [2, 0, 0, 1, 0]
    assert (len(days), days["ratings"].sum()) == (367, 5)


def test_ages_are_in_steps_of_five() -> None:
    found = figures.ages(USERS["age"], "user").table
    assert found.values.tolist() == [[5, 9, 1], [10, 14, 0], [15, 19, 0], [20, 24, 2]]


@given(st.lists(st.integers(0, 20), min_size=1, max_size=300), st.integers(1, 250))
def test_a_clipped_histogram_counts_everybody_once(index: list[int], clip: int) -> None:
    series = pd.Series(index)
    counts = series.value_counts().clip(upper=clip)
    table = figures.activity(series, clip, "user").table
    assert table["users"].sum() == len(counts)
    assert (table["low"].iloc[1:].to_numpy() == table["high"].iloc[:-1].to_numpy() + 1).all()
    assert table["high"].max() <= clip
    for low, high, users in table.itertuples(index=False):
        assert users == counts.between(low, high).sum()


def test_conclusions_follow_from_the_data() -> None:
    told = {n: e.conclusions for n, e in figures.exhibits(RATINGS, ITEMS, USERS)}
    assert told["rating_shares"] == {
        "commonest": 3,
        "its_share": 0.5,
        "mean": pytest.approx(19 / 6),
    }
    assert told["ratings_per_day"]["busiest"] == "1970-01-01"
    assert told["ratings_per_day"]["days_without"] == 364
    assert told["ratings_per_user"]["median"] == 2
    assert told["ages"] == {"youngest": 7, "median": 24, "oldest": 24}
    assert told["mean_per_year"]["highest_mean"] == 3
    assert told["mean_per_release_year"]["most_movies"] == 1990
    assert told["genre_shares"] == {"Drama": 0.5, "Comedy": 0.25, "War": 0.25}


def test_a_group_of_few_ratings_is_not_named() -> None:
    items = pd.DataFrame({"item_idx": [0, 1, 2], "genres": [["A"], ["B"], ["C"]]})
    rows = [(0, 3.0)] * 120 + [(1, 2.0)] * 100 + [(2, 5.0)] * 99
    ratings = pd.DataFrame(rows, columns=["item_idx", "rating"])
    told = figures.mean_per_genre(ratings, items).conclusions
    assert told == {"highest": "A", "highest_mean": 3, "lowest": "B", "lowest_mean": 2}


def test_what_the_source_lacks_is_left_out() -> None:
    bare = RATINGS.assign(timestamp=None)
    found = figures.exhibits(bare, ITEMS[["item_idx", "title"]], USERS[["user_idx"]])
    assert set(dict(found)) == {"rating_shares", "ratings_per_movie", "ratings_per_user"}
    alone = figures.exhibits(bare, ITEMS[["item_idx", "title"]], USERS[["user_idx"]].iloc[:1])
    assert set(dict(alone)) == {"rating_shares"}


def test_each_picture_has_its_numbers_beside_it(tmp_path: Path) -> None:
    told = figures.write_exhibits(RATINGS, ITEMS, USERS, tmp_path / "one")
    figures.write_exhibits(RATINGS, ITEMS, USERS, tmp_path / "two")
    conclusions = json.loads((tmp_path / "one" / "conclusions.json").read_text())
    assert conclusions == {name: exhibit.conclusions for name, exhibit in told.items()}
    assert len(told) == 9
    for name in told:
        assert len(pd.read_csv(tmp_path / "one" / f"{name}.csv")) > 0
        picture = (tmp_path / "one" / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert picture == (tmp_path / "two" / f"{name}.png").read_bytes()


def test_publication_e_shares_of_genres(ml_100k: Path) -> None:
    tables = tables_of("ml-100k", ml_100k)
    shares = figures.genre_shares(tables["items"]).table.set_index("genre")["share"]
    assert shares["Drama"] == pytest.approx(0.251, abs=0.0005)
    assert shares["Comedy"] == pytest.approx(0.175, abs=0.0005)
    assert figures.ages(tables["users"]["age"], "user").table["users"].sum() == 943


def test_publication_a_order_of_genres(ml_latest_small: Path) -> None:
    """Of another, larger data set: Film-Noir highest with 3.97, Horror lowest with 3.45."""
    tables = tables_of("ml-latest-small", ml_latest_small)
    told = figures.mean_per_genre(tables["interactions"], tables["items"]).conclusions
    assert (told["highest"], told["lowest"]) == ("Film-Noir", "Horror")


def test_publication_d_figures_of_numbers(tmp_path: Path) -> None:
    tables = tmdb()
    told = figures.write_exhibits(
        tables["interactions"], tables["items"], tables["users"], tmp_path
    )
    assert "ratings_per_user" not in told
    shares = pd.read_csv(tmp_path / "components.csv")["cumulative"]
    gone = figures.dropped(figures.movie_numbers(tables["items"]))
    needed = figures.components(figures.movie_numbers(tables["items"]).drop(columns=gone))[1]
    assert shares.iloc[needed - 2] < 0.95 <= shares.iloc[needed - 1]
    matrix = pd.read_csv(tmp_path / "correlations.csv", index_col="column")
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-6)
    assert set(gone) < set(matrix.columns)


MOVIES = pd.DataFrame(
    {
        "budget": pd.array([100, None, 300, 0], dtype="Int64"),
        "runtime": np.array([90, np.nan, 120, 100], dtype=np.float32),
        "vote_count": [1, 2, 3, 4],
        "release_date": ["2000-07-01", None, "2010-07-01", None],
        "year": pd.array([2000, 2005, 2010, None], dtype="Int16"),
    }
)


def test_unknown_money_is_nothing() -> None:
    theirs = figures.movie_numbers(MOVIES)
    assert theirs["budget"].tolist() == [100, 0, 300, 0]
    assert theirs["log_budget"].tolist() == pytest.approx([np.log(101), 0, np.log(301), 0])
    assert not theirs.isna().any(axis=None)
    assert "revenue" not in theirs


def test_age_is_years_before_the_latest_release() -> None:
    age = figures.film_age(MOVIES)
    assert age.iloc[:3].tolist() == pytest.approx([10, 5, 0], abs=0.01)
    assert np.isnan(age.iloc[3])
    of_years = figures.film_age(MOVIES[["year"]]).iloc[:3]
    assert of_years.tolist() == pytest.approx([10, 5, 0], abs=0.01)
    filled = figures.movie_numbers(MOVIES)["film_age"]
    assert filled.iloc[3] == pytest.approx(5, abs=0.01)


def numbers(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a, b, noise = rng.normal(size=(3, 400))
    return pd.DataFrame({"a": 1e6 * a, "b": b, "like_a": -a + 0.1 * noise, "one": 1.0})


def test_of_two_correlated_columns_the_later_is_dropped() -> None:
    assert figures.dropped(numbers()) == ["like_a"]
    assert figures.dropped(numbers(), threshold=0.999) == []
    assert figures.dropped(numbers().iloc[:, ::-1]) == ["a"]


def test_components_of_standardised_columns() -> None:
    """Two of three columns are nearly one, so two components have 95 % of the variance."""
    table, needed = figures.components(numbers())
    correlations = numbers().drop(columns="one").corr()
    oracle = np.linalg.eigvalsh(correlations)[::-1] / 3
    np.testing.assert_allclose(table["share"], oracle, atol=1e-10)
    assert needed == 2 and table["cumulative"].iloc[-1] == pytest.approx(1)


def test_columns_that_do_not_vary_have_no_components() -> None:
    assert figures.components(pd.DataFrame({"one": [1.0, 1.0]}))[1] == 0


def training(first: float) -> pd.DataFrame:
    columns = [f"{part}_{error}" for error in ("mse", "mae") for part in ("train", "valid")]
    return pd.DataFrame({"epoch": [1, 2]} | {name: [first, 0.5] for name in columns})


def test_curves_have_a_column_per_training_and_a_row_per_error(tmp_path: Path) -> None:
    chart = figures.curves({"first": training(1.25), "rate": training(0.75)})
    drawn = chart.to_dict()
    assert drawn["facet"]["column"]["sort"] == ["first", "rate"]
    assert drawn["facet"]["row"]["sort"] == ["MSE", "MAE"]
    # a part has the colour that it has in the report
    scale = drawn["spec"]["encoding"]["color"]["scale"]
    assert scale == {"domain": ["train", "valid"], "range": [MAIN, OTHER]}
    report = learning_curve("x", training(1.25).rename(columns=_LOSSES)).to_dict()
    (lines,) = (layer for layer in report["layer"] if "color" in layer["encoding"])
    assert lines["encoding"]["color"]["scale"] == scale
    assert figures.write(tmp_path / "x", chart, training(1.0)) == str(tmp_path / "x.png")
    assert pd.read_csv(tmp_path / "x.csv")["valid_mae"].tolist() == [1.0, 0.5]


def test_no_backtick_is_drawn(tmp_path: Path) -> None:
    drawn = []
    for name in ("`one`", "one"):
        chart, _ = figures.grouped_bars({name: {"mae": Spread(mean=1.0)}}, f"Errors of {name}")
        drawn.append(Path(figures.write(tmp_path / "x", chart)).read_bytes())
    assert drawn[0] == drawn[1]


def test_bars_of_every_model_and_metric() -> None:
    several = Spread(mean=-0.5, deviation=0.1, runs=3)
    values = {
        "one": {"mae": Spread(mean=1.0), "r2": several},
        "two": {"mae": Spread(mean=0.5), "r2": Spread(mean=0.5)},
    }
    chart, table = figures.grouped_bars(values, "Errors")
    assert table["mean"].tolist() == [1.0, -0.5, 0.5, 0.5]
    assert table["deviation"].notna().tolist() == [False, True, False, False]
    drawn = chart.to_dict()
    assert drawn["facet"]["row"]["sort"] == ["one", "two"]
    colour = drawn["spec"]["layer"][0]["encoding"]["color"]
    assert colour["scale"] == {"domain": ["MAE", "R²"], "range": [MAIN, OTHER]}
    assert colour["legend"]["orient"] == "top"
    assert table["metric"].tolist() == ["MAE", "R²", "MAE", "R²"]
