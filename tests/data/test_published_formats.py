"""Readers of ml-1m, ml-10m, Kaggle's ml-20m, the Netflix Prize and TMDB 5000, on samples."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from reelbench.data import DataError
from reelbench.data.clean.tables import Canonical, canonical
from reelbench.data.engine import DuckDB, DuckDBConfig, Engine
from reelbench.data.readers import ReadConfig, netflix, read

CONF = Path(__file__).parents[2] / "conf" / "data"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.chdir(tmp_path)
    return DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))


def tables(name: str, engine: Engine, **changes: Any) -> Canonical:
    content = yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8"))
    config = ReadConfig(**{**content["read"], **changes})
    return canonical(read(Path(), config, engine), config, engine)


def write(name: str, text: str, encoding: str = "utf-8") -> None:
    Path(name).write_text(text, encoding=encoding, newline="")


def column(result: Canonical, table: str, name: str) -> list[Any]:
    return result.tables[table][name].to_pylist()


def test_ml_1m_is_in_latin_1_and_has_users(engine: Engine) -> None:
    write("ratings.dat", "1::73::5::978300760\n2::1::3::978302109\n", "latin-1")
    movies = "1::Toy Story (1995)::Animation|Children's\n73::Misérables, Les (1995)::Drama\n"
    write("movies.dat", movies, "latin-1")
    write("users.dat", "1::F::1::10::48067\n2::M::56::16::70072\n", "latin-1")
    result = tables("ml-1m", engine)
    assert column(result, "items", "title") == ["Toy Story", "Les Misérables"]
    assert column(result, "items", "genres")[0] == ["Animation", "Children's"]
    assert column(result, "users", "age") == [1, 56]
    assert column(result, "users", "zip_code") == ["48067", "70072"]
    assert column(result, "interactions", "rating") == [5.0, 3.0]


def test_ml_10m_is_in_utf_8_and_has_tags(engine: Engine) -> None:
    write("ratings.dat", "1::122::4.5::838985046\n2::1::0.5::868244562\n")
    write("movies.dat", '1::Amélie (2001)::Comedy\n122::X: "Y" (1992)::(no genres listed)\n')
    write("tags.dat", "1::122::très bon::1215184630\n")
    result = tables("ml-10m", engine)
    assert column(result, "items", "title") == ["Amélie", 'X: "Y"']
    assert column(result, "items", "genres")[1] == []
    assert column(result, "tags", "tag") == ["très bon"]
    assert column(result, "interactions", "rating") == [4.5, 0.5]


def test_a_bad_row_without_a_header_is_counted_from_line_one(engine: Engine) -> None:
    write("ratings.dat", "1::1::5::978300760\n2::1::9::978302109\n")
    write("movies.dat", "1::Toy Story (1995)::Comedy\n")
    with pytest.raises(
        DataError, match=r"ratings.dat, line 2, column 3 .rating.: '9'.*off the scale"
    ):
        tables("ml-1m", engine)


def test_kaggle_names_and_dates_give_the_tables_of_grouplens(engine: Engine) -> None:
    head, tail = '"userId","movieId","rating","timestamp"\n', "userId,movieId,rating,timestamp\n"
    write("movies.csv", "movieId,title,genres\n2,Jumanji (1995),Adventure\n")
    write("ratings.csv", tail + "1,2,3.5,1112486027\n")
    write("tags.csv", "userId,movieId,tag,timestamp\n1,2,game,1240597180\n")
    published = tables("ml-20m", engine)
    for name in ("movies.csv", "ratings.csv", "tags.csv"):
        Path(name).unlink()
    write("movie.csv", '"movieId","title","genres"\n2,"Jumanji (1995)","Adventure"\n')
    write("rating.csv", head + '1,2,3.5,"2005-04-02 23:53:47"\n')
    write("tag.csv", '"userId","movieId","tag","timestamp"\n1,2,"game","2009-04-24 18:19:40"\n')
    kaggle = tables("ml-20m", engine)
    for name, table in published.tables.items():
        assert table.equals(kaggle.tables[name]), name


NETFLIX = "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n2:\n885013,4,2005-10-19\n"
TITLES = "1,2003,Dinosaur Planet\n2,NULL,Isle of Man TT, 2004: The Review\n3,1997,Pokémon\n"


def write_netflix() -> None:
    write("combined_data_1.txt", NETFLIX)
    write("combined_data_2.txt", "3:\n822109,1,2005-12-31\n")
    write("movie_titles.csv", TITLES, "iso-8859-1")


def test_netflix(engine: Engine) -> None:
    write_netflix()
    result = tables("netflix", engine)
    assert column(result, "items", "title") == [
        "Dinosaur Planet",
        "Isle of Man TT, 2004: The Review",
        "Pokémon",
    ]
    assert column(result, "items", "year") == [2003, None, 1997]
    users = column(result, "users", "user_id")
    found = [
        (users[row["user_idx"]], row["item_idx"], row["rating"], row["timestamp"])
        for row in result.tables["interactions"].to_pylist()
    ]
    assert sorted(found) == [
        ("1488844", 0, 3.0, 1125964800),
        ("822109", 0, 5.0, 1115942400),
        ("822109", 2, 1.0, 1135987200),
        ("885013", 1, 4.0, 1129680000),
    ]


@pytest.mark.parametrize("size", [1, 5, 20, 30])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_netflix_in_blocks_is_netflix_at_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, size: int, end: str
) -> None:
    write_netflix()
    whole = tables("netflix", engine)
    monkeypatch.setattr(netflix, "_BLOCK", size)
    write("combined_data_1.txt", NETFLIX.replace("\n", end).removesuffix(end))
    assert tables("netflix", engine).tables["interactions"].equals(whole.tables["interactions"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (NETFLIX + "7,6,2005-01-01\n", r"line 6, column rating: '6': rating is off the scale"),
        (NETFLIX + "7,1,someday\n", r"line 6, column timestamp: 'someday': timestamp is neither"),
        (NETFLIX + "9:\n7,1,2005-01-01\n", r"line 7, column item_id: '9': movie is not in"),
        ("7,1,2005-01-01\n1:\n", r"line 1: expected a line with the number of a movie"),
        ("", r"combined_data_1.txt is empty"),
    ],
)
def test_netflix_with_a_fault(engine: Engine, text: str, message: str) -> None:
    write_netflix()
    write("combined_data_1.txt", text)
    with pytest.raises(DataError, match=f"combined_data_1.txt.*{message}|{message}"):
        tables("netflix", engine)


def names(*values: str) -> str:
    return json.dumps([{"id": n, "name": value} for n, value in enumerate(values)])


def write_tmdb(**changes: str) -> None:
    """Three movies, two of one title, the last without votes."""
    row = {"id": "1", "title": "Batman", "vote_average": "7.0", "vote_count": "9"}
    row |= {"genres": names("Action", "Crime"), "keywords": names("bat"), "budget": "0"}
    row |= {"overview": "A man,\nand a bat.", "tagline": "", "original_language": "en"}
    row |= {"release_date": "1989-06-23", "production_companies": "[]", "revenue": "5"}
    row |= {"runtime": "126.0", "popularity": "1.5"} | changes
    second = row | {"id": "2", "release_date": "", "vote_average": "6.1"}
    third = row | {"id": "3", "title": "Nil", "vote_average": "0.0", "vote_count": "0"}
    with Path("tmdb_5000_movies.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(row))
        writer.writeheader()
        writer.writerows([row, second, third])


def test_tmdb(engine: Engine) -> None:
    write_tmdb()
    result = tables("tmdb-5000", engine, min_votes=0)
    assert column(result, "users", "user_id") == ["everybody"]
    assert column(result, "interactions", "rating") == pytest.approx([7.0, 6.1, 0.0])
    assert column(result, "interactions", "timestamp") == [None] * 3
    item = result.tables["items"].to_pylist()[0]
    assert item["title"] == "Batman" and item["year"] == 1989
    assert item["genres"] == ["Action", "Crime"] and item["keywords"] == ["bat"]
    assert item["overview"] == "A man,\nand a bat."
    assert item["budget"] is None and item["revenue"] == 5 and item["runtime"] == 126.0
    assert "director" not in item
    assert column(result, "items", "year")[1] is None


def test_tmdb_with_credits(engine: Engine) -> None:
    write_tmdb()
    crew = json.dumps([{"job": "Editor", "name": "E"}, {"job": "Director", "name": "Tim Burton"}])
    cast = json.dumps([{"name": "Second", "order": 1}, {"name": "First", "order": 0}])
    with Path("tmdb_5000_credits.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(
            [["movie_id", "title", "cast", "crew"], ["1", "Batman", cast, crew]]
        )
    items = tables("tmdb-5000", engine).tables["items"].to_pylist()
    assert [item["director"] for item in items] == ["Tim Burton", None, None]
    assert items[0]["cast"] == ["First", "Second"] and items[1]["cast"] == []


def test_tmdb_movies_without_votes_have_no_rating_and_are_counted(engine: Engine) -> None:
    write_tmdb()
    result = tables("tmdb-5000", engine)
    dropped = {"the movie has fewer than 1 votes": 1}
    assert result.counts["interactions"] == {"read": 3, "dropped": dropped, "written": 2}
    assert len(result.tables["items"]) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"genres": "Action"}, r"movies.csv, line 2, column genres: expected a JSON list"),
        ({"vote_average": "11"}, r"movies.csv, line 2, column vote_average \(rating\): '11'"),
    ],
)
def test_tmdb_with_a_fault(engine: Engine, changes: dict[str, str], message: str) -> None:
    write_tmdb(**changes)
    with pytest.raises(DataError, match=message):
        tables("tmdb-5000", engine)
