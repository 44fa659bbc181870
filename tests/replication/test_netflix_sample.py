"""A sample in the files of the Netflix Prize is read as the real ones are."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reelbench.data.synthetic import SyntheticConfig
from reelbench.params import ParamsError
from reelbench.replication.netflix_sample import (
    RATINGS,
    TITLES,
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
    "id": [1, 2, 3, 4, 5],
    "title": ["Heat, Again", "Few Votes", "No Date", "Batman Begins", "Amélie"],
    "release_date": ["1995-12-15", "2001-01-01", None, "2005-06-10", "2001-04-25"],
    "overview": ["A thief.", "Nobody.", "None.", "A bat.", "A café."],
    "vote_count": [100, 10, 500, 300, 200],
}


@pytest.fixture
def movies(tmp_path: Path) -> pd.DataFrame:
    pd.DataFrame(TMDB).to_csv(tmp_path / "tmdb.csv", index=False)
    return overviews(tmp_path / "tmdb.csv")


def test_overviews_need_votes_and_a_date(movies: pd.DataFrame, tmp_path: Path) -> None:
    assert list(movies["title"]) == ["Batman Begins", "Amélie", "Heat, Again"]
    assert list(movies["year"]) == ["2005", "2001", "1995"]
    again = pd.read_csv(write_overviews(movies, tmp_path))
    assert list(again.columns) == ["title", "year", "director", "overview"]


def test_files_of_the_netflix_prize(movies: pd.DataFrame, tmp_path: Path) -> None:
    write_sample(tmp_path / "sample", movies, SMALL)
    titles = (tmp_path / "sample" / TITLES).read_text("iso-8859-1").splitlines()
    # a title that is not ASCII stays out; the others come first, and may have commas
    assert titles[:2] == ["1,2005,Batman Begins", "2,1995,Heat, Again"]
    assert len(titles) == 12
    lines = (tmp_path / "sample" / RATINGS).read_text().splitlines()
    rows = [line.split(",") for line in lines if not line.endswith(":")]
    assert len(rows) == 50 and len({(row[0], row[2]) for row in rows}) > 1
    assert {int(row[1]) for row in rows} <= {1, 2, 3, 4, 5}
    assert [line for line in lines if line.endswith(":")] == sorted(
        (line for line in lines if line.endswith(":")), key=lambda line: int(line[:-1])
    )


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ParamsError, match=r"--list .*other\.csv: TMDB's list"):
        overviews(tmp_path / "other.csv")
