"""Made-up ratings in the files of the Netflix Prize, with titles and overviews of real movies.

Ratings are those of `synthetic`, rounded up to whole stars. Titles come from TMDB's list, the most
voted first, so that overviews can be joined as published: of movies with more than ten votes.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from reelbench.columns import RATING, TIMESTAMP
from reelbench.data import synthetic
from reelbench.data.synthetic import SyntheticConfig
from reelbench.params import ParamsError

TITLES, RATINGS, OVERVIEWS = "movie_titles.csv", "combined_data_1.txt", "overviews.csv"
#: votes that a movie needs more of for its overview to be used, as published
VOTES = 10
#: names of the columns of `OVERVIEWS`
COLUMNS = ("title", "year", "director", "overview")

SAMPLE = SyntheticConfig(
    n_users=3_000,
    n_items=600,
    n_ratings=200_000,
    min_per_user=20,
    n_tags=0,
    factors=8,
    noise=0.7,
    seed=42,
    ratings_file="ratings.parquet",
)


def overviews(file: Path) -> pd.DataFrame:
    """Movies of TMDB's file with more than `VOTES` votes and an overview, the most voted first.

    Raises:
        ParamsError: the file is none of TMDB's.
    """
    try:
        movies = pd.read_csv(file)
        movies = movies[movies["vote_count"] > VOTES].dropna(subset=["overview", "release_date"])
        movies = movies.sort_values(["vote_count", "id"], ascending=[False, True], kind="stable")
    except (OSError, KeyError) as error:
        raise ParamsError(f"--list {file}: TMDB's list of movies was expected: {error}") from error
    table = pd.DataFrame({"title": movies["title"], "year": movies["release_date"].str[:4]})
    table = table.assign(director=None, overview=movies["overview"])
    return table.drop_duplicates(["title", "year"], keep=False).reset_index(drop=True)


def write_overviews(table: pd.DataFrame, folder: Path) -> Path:
    """As a list that `enrich` reads; the file that was written."""
    table.to_csv(folder / OVERVIEWS, index=False, lineterminator="\n")
    return folder / OVERVIEWS


def write_sample(
    folder: Path, movies: pd.DataFrame | None, config: SyntheticConfig = SAMPLE
) -> None:
    """Write `movie_titles.csv` and `combined_data_1.txt`.

    Args:
        movies: titles and years, as `overviews` has them; None keeps the made-up ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "made"
    made.mkdir(exist_ok=True)
    synthetic.write(config, made)
    _write_titles(folder / TITLES, made / "movies.csv", movies)
    _write_ratings(folder / RATINGS, made / config.ratings_file)


def _write_titles(file: Path, made: Path, movies: pd.DataFrame | None) -> None:
    """Lines "movie,year,title" in ISO-8859-1, where a title may have commas of its own."""
    names = pd.read_csv(made)["title"].str.extract(r"^(?P<title>.*) \((?P<year>\d{4})\)$")
    if movies is not None:
        known = [title.isascii() for title in movies["title"]]
        real = movies[known].reset_index(drop=True).head(len(names))
        names.loc[real.index, ["title", "year"]] = real[["title", "year"]]
    rows = zip(names["year"], names["title"], strict=True)
    lines = [f"{number},{year},{title}\n" for number, (year, title) in enumerate(rows, start=1)]
    file.write_text("".join(lines), encoding="iso-8859-1")


def _write_ratings(file: Path, made: Path) -> None:
    """A line "movie:" and then a line "user,rating,date" for each of its ratings."""
    ratings = pd.read_parquet(made)
    stars = np.ceil(ratings[RATING]).astype(int)
    dates = pd.to_datetime(ratings[TIMESTAMP], unit="s").dt.strftime("%Y-%m-%d")
    table = pd.DataFrame(
        {"movie": ratings["movieId"], "user": ratings["userId"], "stars": stars, "date": dates}
    )
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        for movie, rows in table.sort_values(["movie", "user"]).groupby("movie"):
            stream.write(f"{movie}:\n")
            writer.writerows(zip(rows["user"], rows["stars"], rows["date"], strict=True))
