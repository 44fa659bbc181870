"""`reelbench init`: files of anybody's are understood, and the configuration reads them."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from reelbench.cli import app

ROOT = Path(__file__).parents[2]
N, USERS, MOVIES = 400, 20, 30
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Run:
    """Call the command in a project of its own; parameters are composed in one test."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    if request.function is not test_files_of_movielens:
        monkeypatch.setattr("reelbench.init.compose", lambda *_: {})
    Path("in").mkdir()

    def call(*arguments: str, answers: str | None = None) -> Result:
        return CliRunner().invoke(
            app, ["init", *(arguments or ["in"]), "--name", "own"], input=answers
        )

    return call


def ratings() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    user, movie = np.divmod(rng.permutation(USERS * MOVIES)[:N], MOVIES)
    time = 1_500_000_000 + 86_400 * np.arange(N)
    half = np.tile([0.5, 1.5, 3, 4, 5], N // 5)
    return pd.DataFrame(
        {"userId": user + 1, "movieId": movie + 101, "rating": half, "timestamp": time}
    )


def movies() -> pd.DataFrame:
    title = [f"Märchen {n} (19{n + 50})" for n in range(MOVIES)]
    genres = [("Drama|Komödie", "Drama", "Krimi|Drama")[n % 3] for n in range(MOVIES)]
    return pd.DataFrame({"movieId": np.arange(MOVIES) + 101, "title": title, "genres": genres})


def dates(pattern: str) -> pd.Series:
    return pd.to_datetime(ratings()["timestamp"], unit="s").dt.strftime(pattern)


def written() -> dict[str, Any]:
    return yaml.safe_load(Path("conf/data/own.yaml").read_text("utf-8"))


def understood(result: Result, low: float = 0.5, high: float = 5) -> dict[str, Any]:
    """The section `read`, after a look at sizes and scale."""
    assert result.exit_code == 0, result.output
    content = written()
    assert content["size"] == {"ratings": N, "users": USERS, "items": MOVIES}
    assert (content["read"]["rating_min"], content["read"]["rating_max"]) == (low, high)
    assert "reelbench run own" in result.output
    return content["read"]


def test_files_of_movielens(run: Run) -> None:
    ratings().to_csv("in/ratings.csv", index=False)
    movies().to_csv("in/movies.csv", index=False)
    tags = ratings().head(5).rename(columns={"rating": "tag"}).assign(tag="funny")
    tags.to_csv("in/tags.csv", index=False)
    movies()[["movieId"]].assign(imdbId=1).to_csv("in/links.csv", index=False)
    read = understood(run("in/tags.csv", "in/links.csv", "in/movies.csv", "in/ratings.csv"))
    assert read["tables"]["ratings"]["columns"] == {
        "user_id": "userId", "item_id": "movieId", "rating": "rating", "timestamp": "timestamp"
    }  # fmt: skip
    assert read["tables"]["items"]["columns"]["genres"] == "genres"
    assert read["tables"]["tags"]["columns"]["tag"] == "tag"
    assert written()["root"] == "in"


def test_german_names_decimal_comma_and_cp1252(run: Run) -> None:
    table = ratings()
    note = table["rating"].map(lambda value: f"{value:.1f}".replace(".", ","))
    german = pd.DataFrame({"Kunde": table["userId"], "Film-Nr.": table["movieId"], "Note": note})
    german["Datum"] = dates("%d.%m.%Y %H:%M")
    german.to_csv("in/noten.csv", sep=";", index=False, encoding="cp1252")
    films = movies().assign(genres=movies()["genres"].str.replace("|", ", "))
    films.columns = pd.Index(["Film-Nr.", "Titel", "Genre"])
    films.to_csv("in/filme.csv", sep=";", index=False, encoding="cp1252")
    read = understood(run())
    assert read["tables"]["ratings"]["decimal"] == ","
    assert read["tables"]["ratings"]["time_format"] == "%d.%m.%Y %H:%M"
    assert read["tables"]["items"]["encoding"] == "cp1252"
    assert read["genre_separator"] == ","


def test_colons_without_a_header(run: Run) -> None:
    whole = ratings().assign(rating=np.ceil(ratings()["rating"])).astype(int)
    for name, table in (("a.dat", whole), ("b.dat", movies())):
        lines = ["::".join(map(str, row)) for row in table.itertuples(index=False)]
        Path("in", name).write_text("\n".join(lines) + "\n", encoding="latin-1")
    read = understood(run(), 1, 5)
    columns = {"user_id": 1, "item_id": 2, "rating": 3, "timestamp": 4}
    assert read["tables"]["ratings"]["columns"] == columns
    assert read["tables"]["items"]["columns"] == {"item_id": 1, "title_raw": 2, "genres": 3}


def test_users_and_movies_are_told_apart_by_the_ids_of_the_movies(run: Run) -> None:
    table = ratings()[["movieId", "userId", "rating", "timestamp"]]
    table.to_csv("in/a.csv", index=False, header=False)
    movies().to_csv("in/b.csv", index=False, header=False)
    columns = understood(run())["tables"]["ratings"]["columns"]
    assert (columns["user_id"], columns["item_id"]) == (2, 1)


def test_netflix(run: Run) -> None:
    lines = []
    day = dates("%Y-%m-%d")
    for movie, rows in ratings().groupby("movieId"):
        stars = np.ceil(rows["rating"]).astype(int)
        lines.append(f"{movie}:")
        rated = zip(rows["userId"], stars, day[rows.index], strict=True)
        lines += [f"{user},{rating},{time}" for user, rating, time in rated]
    Path("in/combined_data_1.txt").write_text("\n".join(lines) + "\n")
    titles = "".join(f"{n},1999,Film {n}\n" for n in movies()["movieId"])
    Path("in/movie_titles.csv").write_text(titles)
    assert understood(run(), 1, 5)["format"] == "netflix"


def test_parts_of_parquet_and_lists_of_genres(run: Run) -> None:
    folder = Path("in/ratings.parquet")
    folder.mkdir()
    (folder / "_SUCCESS").touch()
    ratings()[:100].to_parquet(folder / "part-0.parquet")
    ratings()[100:].to_parquet(folder / "part-1.parquet")
    movies().assign(genres=movies()["genres"].str.split("|")).to_parquet("in/movies.parquet")
    assert understood(run())["tables"]["ratings"]["file"] == "ratings.parquet"


def test_parquet_files_of_different_tables_beside_each_other(run: Run) -> None:
    ratings().to_parquet("in/a.parquet")
    films = movies().rename(columns={"genres": "authors"})
    films.to_parquet("in/b.parquet")
    columns = understood(run())["tables"]["items"]["columns"]
    assert columns == {"item_id": "movieId", "title_raw": "title"}  # authors are no genres


@pytest.mark.parametrize("ending", [".csv.gz", ".xlsx"])
def test_compressed_and_excel(run: Run, ending: str) -> None:
    for name, table in (("ratings", ratings()), ("movies", movies())):
        file = f"in/{name}{ending}"
        table.to_excel(file, index=False) if ending == ".xlsx" else table.to_csv(file, index=False)
    understood(run())


def test_an_archive_of_files(run: Run) -> None:
    with zipfile.ZipFile("in/all.zip", "w") as archive:
        archive.writestr("data/ratings.csv", ratings().to_csv(index=False))
        archive.writestr("data/movies.csv", movies().to_csv(index=False))
    understood(run("in/all.zip"))
    assert written()["root"] == "in/all.zip"


def test_json_lines_of_amazon(run: Run) -> None:
    table = ratings()
    rows = zip(table["userId"], table["movieId"], table["rating"], table["timestamp"], strict=True)
    reviews = [
        {"reviewerID": f"A{u}", "asin": f"B{i}", "overall": r, "summary": "x", "unixReviewTime": t}
        for u, i, r, t in rows
    ]
    Path("in/reviews.json").write_text("\n".join(map(json.dumps, reviews)))
    columns = understood(run("in/reviews.json"))["tables"]["ratings"]["columns"]
    assert list(columns.values()) == ["reviewerID", "asin", "overall", "unixReviewTime"]


def test_atomic_files_of_recbole(run: Run) -> None:
    types = {"userId": "user_id:token", "movieId": "item_id:token", "rating": "rating:float"}
    table = ratings().rename(columns=types | {"timestamp": "timestamp:float"})
    table.to_csv("in/x.inter", sep="\t", index=False)
    films = movies().assign(genres=movies()["genres"].str.replace("|", " "))
    films.columns = pd.Index(["item_id:token", "movie_title:token_seq", "class:token_seq"])
    films.to_csv("in/x.item", sep="\t", index=False)
    assert understood(run())["genre_separator"] == " "


def test_clicks_have_no_ratings(run: Run) -> None:
    ratings()[["userId", "movieId", "timestamp"]].to_csv("in/clicks.csv", index=False)
    assert understood(run(), 1, 1)["tables"]["ratings"]["columns"]["rating"] is None


def test_the_column_of_ids_that_the_ratings_have(run: Run) -> None:
    films = movies().assign(tmdbId=movies()["movieId"] + 7000)
    films.to_csv("in/movies.csv", index=False)
    ratings().assign(movieId=ratings()["movieId"] + 7000).to_csv("in/ratings.csv", index=False)
    assert understood(run())["tables"]["items"]["columns"]["item_id"] == "tmdbId"


@pytest.mark.parametrize("encoding", ["utf-16", "cp1251", "shift_jis"])
def test_encodings(run: Run, encoding: str) -> None:
    ratings().to_csv("in/ratings.csv", index=False)
    title = {"shift_jis": "千と千尋の神隠し", "cp1251": "Ирония судьбы"}.get(encoding, "Märchen")
    films = movies().assign(title=[f"{title} {n}" for n in range(MOVIES)], genres="Drama")
    films.to_csv("in/movies.csv", index=False, encoding=encoding)
    assert understood(run())["tables"]["items"]["encoding"] == encoding


@pytest.mark.parametrize("first", ["%m/%d/%Y", "%d/%m/%Y"])
def test_days_after_the_12th_tell_day_from_month(run: Run, first: str) -> None:
    ratings().assign(timestamp=dates(first)).to_csv("in/ratings.csv", index=False)
    assert understood(run())["tables"]["ratings"]["time_format"] == first


def unsure() -> None:
    """Dates of the first twelve days of a month."""
    date = [f"{n % 12 + 1:02d}/{n % 11 + 1:02d}/2019" for n in range(N)]
    ratings().assign(timestamp=date).to_csv("in/ratings.csv", index=False)


def test_nothing_unsure_is_taken_silently(run: Run) -> None:
    unsure()
    result = run()
    assert result.exit_code == 2
    assert "--set ratings.time_format='%m/%d/%Y'" in result.output
    assert not Path("conf/data/own.yaml").exists()
    read = understood(run("in", "--set", "ratings.time_format=%d/%m/%Y"))
    assert read["tables"]["ratings"]["time_format"] == "%d/%m/%Y"


def test_yes_takes_the_guess_and_says_so(run: Run) -> None:
    unsure()
    result = run("in", "--yes")
    assert understood(result)["tables"]["ratings"]["time_format"] == "%m/%d/%Y"
    assert "Taken: %m/%d/%Y" in result.output


def test_a_terminal_is_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    unsure()
    monkeypatch.setattr("reelbench.init.on_terminal", lambda: True)
    read = understood(run("in", answers="%d/%m/%Y\n"))
    assert read["tables"]["ratings"]["time_format"] == "%d/%m/%Y"


def test_bad_rows_are_left_out_only_if_said(run: Run) -> None:
    table = ratings().astype({"rating": "str"})
    table.loc[5, "rating"] = "oops"
    table.to_csv("in/ratings.csv", index=False)
    result = run()
    assert result.exit_code == 2
    assert "in/ratings.csv, line 7" in result.output
    result = run("in", "--yes")
    assert "1 rows of interactions left out" in result.output
    assert written()["read"]["on_bad_rows"] == "drop"


def test_set_decides(run: Run) -> None:
    table = ratings().assign(stars=ratings()["rating"] * 20)
    table.to_csv("in/ratings.csv", sep=";", index=False)
    settings = ("rating=stars", "ratings.delimiter=;", "rating_max=200")
    result = run("in", *(word for setting in settings for word in ("--set", setting)))
    read = understood(result, 1, 200)
    assert read["tables"]["ratings"]["columns"]["rating"] == "stars"


@pytest.mark.parametrize(
    "wrong", ["colour=red", "rating_max=x", "quote=ab", "encoding=x", "rating=x", "items.year=x"]
)
def test_a_setting_that_cannot_be_used_is_a_sentence(run: Run, wrong: str) -> None:
    ratings().to_csv("in/ratings.csv", index=False)
    result = run("in", "--set", wrong)
    assert (result.exit_code, len(result.output.splitlines())) == (2, 1), result.output
    assert wrong.partition("=")[0] in result.output


def test_files_of_others_are_not_overwritten(run: Run) -> None:
    ratings().to_csv("in/ratings.csv", index=False)
    understood(run())
    understood(run())  # its own file is
    Path("conf/data/own.yaml").write_text("name: own\n")
    assert run().exit_code == 2
    understood(run("in", "--force"))


def test_ratings_without_users_are_a_sentence(run: Run) -> None:
    table = pd.DataFrame({"Name": ["Heat", "Up"], "Year": [1995, 2009], "Rating": [4.5, 3]})
    table.to_csv("in/diary.csv", index=False)
    result = run()
    assert result.exit_code == 2
    assert "--set user_id=COLUMN" in result.output
