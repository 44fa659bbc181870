"""GroupLens' own files of MovieLens 100K give the tables that RecBole's atomic files of it give."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from reelbench.data import DataError
from reelbench.data.clean.tables import Canonical, canonical
from reelbench.data.engine import DuckDB, DuckDBConfig, Engine
from reelbench.data.readers import ReadConfig, read

CONF = Path(__file__).parents[2] / "conf" / "data" / "ml-100k.yaml"
READ = yaml.safe_load(CONF.read_text(encoding="utf-8"))["read"]
GENRE_NAMES = list(READ["also"][0]["items"]["genre_flags"])
INTER = [
    ["user_id:token", "item_id:token", "rating:float", "timestamp:float"],
    ["2", "543", "3", "881250949"],
    ["1", "1", "5", "874965758"],
    ["1", "1412", "1", "874965759"],
    ["2", "267", "4", "881250950"],
]
ITEM = [
    ["item_id:token", "movie_title:token_seq", "release_year:token", "class:token_seq"],
    ["1", "Toy Story", "1995", "Animation Children's Comedy"],
    ["267", "unkonwn", "unkonwn", "unknown"],
    ["543", "Misérables, Les", "1995", "Drama Musical"],
    ["1005", "Double vie de Véronique, La (Double Life of Veronique, The)", "1991", "Drama"],
    [
        "1412",
        "Land Before Time III: The Time of the Great Giving (1995)",
        "V",
        "Animation Children's",
    ],
    ["1373", "Good Morning", "1971", "unknown"],
]
USER = [
    ["user_id:token", "age:token", "gender:token", "occupation:token", "zip_code:token"],
    ["1", "24", "M", "technician", "85711"],
    ["2", "53", "F", "other", "T8H1N"],
]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))


@pytest.fixture
def config() -> ReadConfig:
    return ReadConfig(**READ)


def write_atomic(folder: Path) -> None:
    folder.mkdir()
    for ending, rows in (("inter", INTER), ("item", ITEM), ("user", USER)):
        text = "".join("\t".join(row) + "\n" for row in rows)
        (folder / f"ml-100k.{ending}").write_text(text, encoding="utf-8")


def rows_of(folder: Path, ending: str) -> list[list[str]]:
    with (folder / f"ml-100k.{ending}").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]


def write_own(atomic: Path, folder: Path) -> None:
    """GroupLens' files, written from the atomic ones: titles as published, flags, Latin-1."""
    folder.mkdir()
    data = "".join("\t".join(row) + "\n" for row in rows_of(atomic, "inter"))
    (folder / "u.data").write_text(data, encoding="latin-1")
    users = "".join("|".join(row) + "\n" for row in rows_of(atomic, "user"))
    (folder / "u.user").write_text(users, encoding="latin-1")
    lines = []
    for item, title, year, genres in rows_of(atomic, "item"):
        published = "unknown" if title == "unkonwn" else f"{title} ({year})"
        date = "" if year == "unkonwn" else "01-Jan-1995"
        flags = ["1" if name in genres.split(" ") else "0" for name in GENRE_NAMES]
        url = f"http://us.imdb.com/M/title-exact?{item}"
        lines.append("|".join([item, published, date, "", url, *flags]) + "\n")
    (folder / "u.item").write_text("".join(lines), encoding="latin-1")


def tables(folder: Path, config: ReadConfig, engine: Engine) -> Canonical:
    return canonical(read(folder, config, engine), config, engine)


def assert_same(one: Canonical, other: Canonical) -> None:
    for name in ("interactions", "users", "tags"):
        assert one.counts[name] == other.counts[name]
    for name, table in one.tables.items():
        assert table.equals(other.tables[name]), name


def test_both_sources_give_identical_tables(
    tmp_path: Path, config: ReadConfig, engine: Engine
) -> None:
    write_atomic(tmp_path / "atomic")
    write_own(tmp_path / "atomic", tmp_path / "own")
    atomic = tables(tmp_path / "atomic", config, engine)
    assert_same(atomic, tables(tmp_path / "own", config, engine))
    items = atomic.tables["items"].to_pydict()
    assert items["title_raw"][0] == "Toy Story (1995)"
    assert items["title_raw"][4].endswith("(1995) (V)")
    assert items["title"][2] == "Les Misérables"
    assert items["year"] == [1995, None, 1995, 1991, 1995, 1971]
    assert items["genres"][0] == ["Animation", "Children's", "Comedy"]
    assert items["genres"][1] == items["genres"][5] == []


@pytest.mark.slow
def test_both_sources_of_the_whole_data_set(
    tmp_path: Path, ml_100k: Path, config: ReadConfig, engine: Engine
) -> None:
    write_own(ml_100k, tmp_path / "own")
    whole = tables(ml_100k, config, engine)
    assert len(whole.tables["interactions"]) == 100_000
    own = tables(tmp_path / "own", config, engine)
    with_people = dict(whole.small)
    items = with_people["items"] = whole.small["items"].drop_columns(["director", "cast"])
    assert_same(replace(whole, small=with_people), own)
    # directors and actors are in the atomic files alone, of the movies of which they are
    people = whole.small["items"].select(["title", "director", "cast"]).to_pandas()
    assert items.num_rows == 1682 and people["director"].notna().sum() == 1241
    assert (people["cast"].str.len() > 0).sum() == 1227
    assert sum(map(len, people["cast"])) == 36_427
    by_hitchcock = people["title"][people["director"] == "id:m.0j_c"]
    assert {"Psycho", "Vertigo", "The Birds", "Rebecca"} < {*by_hitchcock}
    assert len(by_hitchcock) == 12


GRAPH = """head_id:token\trelation_id:token\ttail_id:token
m.0dyb1\tfilm.film.actor\tm.b
m.0dyb1\tfilm.film.directed_by\tm.a
m.0dyb1\tfilm.film.actor\tm.c
m.0dyb1\tfilm.film.actor\tm.b
m.mis\tfilm.film.directed_by\tm.a
m.mis\tfilm.film.directed_by\tm.d
m.mis\tfilm.film.genre\tm.e
m.not_linked\tfilm.film.actor\tm.b
"""
LINKS = "item_id,entity\n543,m.mis\n1,m.0dyb1\n77,m.not_in_the_catalogue\n"


def test_people_of_the_graph_are_columns_of_the_items(
    tmp_path: Path, config: ReadConfig, engine: Engine
) -> None:
    write_atomic(tmp_path / "atomic")
    plain = tables(tmp_path / "atomic", config, engine)
    (tmp_path / "atomic" / "ml-100k.kg").write_text(GRAPH, encoding="utf-8")
    packaged = tables(tmp_path / "atomic", config, engine).small["items"]
    assert packaged["cast"].to_pylist() == [["id:m.b", "id:m.c"], [], [], [], [], []]
    (tmp_path / "atomic" / "ml-100k-entities.csv").write_text(LINKS, encoding="utf-8")
    found = tables(tmp_path / "atomic", config, engine)
    items = found.small["items"]
    director, cast = (items[name].to_pylist() for name in ("director", "cast"))
    assert director == ["id:m.a", None, "id:m.a, id:m.d", None, None, None]
    assert cast == packaged["cast"].to_pylist()
    without = {**found.small, "items": items.drop_columns(["director", "cast"])}
    assert_same(plain, replace(found, small=without))


def test_a_graph_without_its_columns_is_named(
    tmp_path: Path, config: ReadConfig, engine: Engine
) -> None:
    write_atomic(tmp_path / "atomic")
    (tmp_path / "atomic" / "ml-100k.kg").write_text("head\ttail\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"ml-100k.kg, line 1: no column 'head_id:token'"):
        tables(tmp_path / "atomic", config, engine)


def test_a_file_that_is_not_the_published_one(
    tmp_path: Path, config: ReadConfig, engine: Engine
) -> None:
    write_atomic(tmp_path / "atomic")
    write_own(tmp_path / "atomic", tmp_path / "own")
    (tmp_path / "own" / "u.item").write_text("1|Toy Story (1995)\n", encoding="latin-1")
    with pytest.raises(DataError, match=r"u.item, line 1: no column 6 .*it has 2 columns"):
        read(tmp_path / "own", config, engine)
