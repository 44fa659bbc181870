"""A sample in the files of the Netflix Prize is read as the real ones are."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from real_tables import tables_of

from reelbench.data.sources.synthetic import SyntheticConfig
from reelbench.params import ParamsError
from replications import netflix_sample
from replications.netflix_sample import (
    RATINGS,
    TITLES,
    make_sample,
    overviews,
    write_overviews,
    write_sample,
)

SMALL = SyntheticConfig(
    n_users=20,
    n_items=12,
    n_ratings=50,
    min_per_user=2,
    n_tags=0,
    factors=2,
    noise=0.5,
    seed=1,
    ratings_file="ratings.parquet",
)
TMDB = {
    "id": [1, 2, 3, 4, 5, 6],
    "title": ["Heat, Again", "Few Votes", "No Date", "Batman Begins", "Amélie", "Łódź"],
    "release_date": ["1995-12-15", "2001-01-01", None, "2005-06-10", "2001-04-25", "1999-01-01"],
    "overview": ["A thief.", "Nobody.", "None.", "A bat.", "A café.", "A town."],
    "vote_count": [100, 10, 500, 300, 200, 150],
}


@pytest.fixture
def movies(tmp_path: Path) -> pd.DataFrame:
    pd.DataFrame(TMDB).to_csv(tmp_path / "tmdb.csv", index=False)
    return overviews(tmp_path / "tmdb.csv")


def test_overviews_need_votes_and_a_date(movies: pd.DataFrame, tmp_path: Path) -> None:
    assert list(movies["title"]) == ["Batman Begins", "Amélie", "Łódź", "Heat, Again"]
    assert list(movies["year"]) == ["2005", "2001", "1999", "1995"]
    again = pd.read_csv(write_overviews(movies, tmp_path))
    assert list(again.columns) == ["title", "year", "director", "overview"]


def test_files_of_the_netflix_prize(movies: pd.DataFrame, tmp_path: Path) -> None:
    write_sample(tmp_path / "sample", movies, SMALL)
    titles = (tmp_path / "sample" / TITLES).read_text("iso-8859-1").splitlines()
    # a title whose letters the encoding lacks stays out; the others come first, and may have commas
    assert titles[:3] == ["1,2005,Batman Begins", "2,2001,Amélie", "3,1995,Heat, Again"]
    assert len(titles) == 12
    first, second = (
        (tmp_path / "sample" / name).read_text("utf-8").splitlines() for name in RATINGS
    )
    lines = first + second
    assert first[0] == "1:" and second[0] == "7:"
    rows = [line.split(",") for line in lines if not line.endswith(":")]
    assert len(rows) == 50 and len({(row[0], row[2]) for row in rows}) > 1
    assert {int(row[1]) for row in rows} <= {1, 2, 3, 4, 5}
    assert [line for line in lines if line.endswith(":")] == sorted(
        (line for line in lines if line.endswith(":")), key=lambda line: int(line[:-1])
    )


def test_some_years_are_null_and_the_reader_takes_all(
    movies: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(netflix_sample, "_NULL_EVERY", 2)
    write_sample(tmp_path, movies, SMALL)
    assert (tmp_path / TITLES).read_text("iso-8859-1").splitlines()[1] == "2,NULL,Amélie"
    tables = tables_of("netflix", tmp_path)
    items = tables["items"]
    assert items["title"].tolist()[:3] == ["Batman Begins", "Amélie", "Heat, Again"]
    assert items["year"].isna().tolist() == [False, True] * 6
    assert len(tables["interactions"]) == 50


def test_a_sample_that_is_there_is_left_as_it_is(movies: pd.DataFrame, tmp_path: Path) -> None:
    make_sample(tmp_path, movies, SMALL)
    (tmp_path / TITLES).write_text("changed")
    make_sample(tmp_path, movies, SMALL)
    assert (tmp_path / TITLES).read_text() == "changed"
    make_sample(tmp_path, movies, SMALL.model_copy(update={"seed": 2}))
    assert (tmp_path / TITLES).read_text("iso-8859-1") != "changed"


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ParamsError, match=r"--list .*other\.csv: TMDB's list"):
        overviews(tmp_path / "other.csv")
