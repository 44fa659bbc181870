"""Made-up ratings in the files of the Netflix Prize, with titles and overviews of real movies.

Ratings are those of `synthetic`, rounded up to whole stars. Titles come from TMDB's list, the most
voted first, so that overviews can be joined as published: of movies with more than ten votes.

The sample is so large that its busy part has the shape of the published one, with a fifth of the
users: 20,828 users and 491 movies there, 200 ratings of a user, so that one epoch learns something.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from reelbench.columns import RATING, TIMESTAMP
from reelbench.data.sources import synthetic
from reelbench.data.sources.synthetic import SyntheticConfig
from reelbench.files import read_json, sha256_file, write_json
from reelbench.params import ParamsError

TITLES, OVERVIEWS = "movie_titles.csv", "overviews.csv"
#: ratings of the first movies, and of the others
RATINGS = ("combined_data_1.txt", "combined_data_2.txt")
#: votes that a movie needs more of for its overview to be used, as published
VOTES = 10
#: names of the columns of `OVERVIEWS`
COLUMNS = ("title", "year", "director", "overview")
# what the sample was made of: written last
_MADE_OF = "made_of.json"
# of every so many movies one has the year NULL, as a few of the published ones have
_NULL_EVERY = 100
_ENCODING = "iso-8859-1"

SAMPLE = SyntheticConfig(
    n_users=8_000,
    n_items=2_000,
    n_ratings=2_000_000,
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


def make_sample(
    folder: Path, movies: pd.DataFrame | None, config: SyntheticConfig = SAMPLE
) -> None:
    """Write the sample unless it is there; arguments as for `write_sample`."""
    titles = "" if movies is None else movies.to_csv(index=False)
    wanted = {
        "config": config.model_dump(),
        "code": sha256_file(Path(__file__)),
        "titles": hashlib.sha256(titles.encode()).hexdigest(),
    }
    file = folder / _MADE_OF
    if file.is_file() and read_json(file) == wanted:
        return
    file.unlink(missing_ok=True)
    write_sample(folder, movies, config)
    write_json(file, wanted)


def write_sample(
    folder: Path, movies: pd.DataFrame | None, config: SyntheticConfig = SAMPLE
) -> None:
    """Write `movie_titles.csv` and two files of ratings.

    Args:
        movies: titles and years, as `overviews` has them; None keeps the made-up ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "made"
    made.mkdir(exist_ok=True)
    synthetic.write(config, made)
    _write_titles(folder / TITLES, made / "movies.csv", movies)
    ratings = _ratings(made / config.ratings_file)
    middle = config.n_items // 2
    for name, part in zip(
        RATINGS, (ratings["movie"] <= middle, ratings["movie"] > middle), strict=True
    ):
        _write_ratings(folder / name, ratings[part])


def _write_titles(file: Path, made: Path, movies: pd.DataFrame | None) -> None:
    """Lines "movie,year,title" in ISO-8859-1, where a title may have commas of its own."""
    names = pd.read_csv(made)["title"].str.extract(r"^(?P<title>.*) \((?P<year>\d{4})\)$")
    if movies is not None:
        known = [_fits(title) for title in movies["title"]]
        real = movies[known].reset_index(drop=True).head(len(names))
        names.loc[real.index, ["title", "year"]] = real[["title", "year"]]
    names.loc[names.index % _NULL_EVERY == _NULL_EVERY - 1, "year"] = "NULL"
    rows = zip(names["year"], names["title"], strict=True)
    lines = [f"{number},{year},{title}\n" for number, (year, title) in enumerate(rows, start=1)]
    file.write_text("".join(lines), encoding=_ENCODING)


def _fits(title: str) -> bool:
    """Whether the encoding of the file has all of its letters."""
    return title.encode(_ENCODING, "ignore").decode(_ENCODING) == title


def _ratings(made: Path) -> pd.DataFrame:
    """`movie`, `user`, `stars` and `date`, in the order of the files."""
    ratings = pd.read_parquet(made)
    dates = pd.to_datetime(ratings[TIMESTAMP], unit="s").dt.strftime("%Y-%m-%d")
    table = pd.DataFrame(
        {
            "movie": ratings["movieId"],
            "user": ratings["userId"],
            "stars": np.ceil(ratings[RATING]).astype(int),
            "date": dates,
        }
    )
    return table.sort_values(["movie", "user"], kind="stable")


def _write_ratings(file: Path, ratings: pd.DataFrame) -> None:
    """A line "movie:" and then a line "user,rating,date" for each of its ratings."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        for movie, rows in ratings.groupby("movie"):
            stream.write(f"{movie}:\n")
            writer.writerows(zip(rows["user"], rows["stars"], rows["date"], strict=True))
