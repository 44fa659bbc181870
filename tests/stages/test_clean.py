"""Stage `clean`: all four tables, their account, and the same bytes twice."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from reelbench import paths
from reelbench.data import DataError
from reelbench.data.identity import data_hash
from reelbench.files import read_json, sha256_tree
from reelbench.stages import clean

CONF = Path(__file__).parents[2] / "conf"
N_USERS, N_ITEMS = 11, 13


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict]:
    """The committed settings of ml-latest-small, with tiny files in data/raw."""
    monkeypatch.chdir(tmp_path)
    write_raw()
    data = yaml.safe_load((CONF / "data" / "ml-latest-small.yaml").read_text(encoding="utf-8"))
    engine = {"name": "duckdb", "threads": 1, "memory_limit": "1GB"}
    off = {"tagged": False, "min_per_user": 0, "min_per_item": 0, "repeat": True}
    content = {"data": data, "engine": engine, "filter": off}
    content["enrich"] = {"name": "none", "list": None}
    write(content)
    return content


def write_raw() -> None:
    """Every user rates every second movie."""
    paths.RAW.mkdir(parents=True)
    movies = [f'{i},"Heat {i}, The ({1960 + i})",Action|Drama' for i in range(N_ITEMS)]
    pairs = [(u, i) for u in range(N_USERS) for i in range(N_ITEMS) if (u + i) % 2]
    ratings = [f"{u},{i},{1 + (u * i) % 9 / 2},{10**9 + 37 * u * i % 101}" for u, i in pairs]
    tags = ["1,0,slow,1000000000", "2,1,dark,1000000001"]
    tables = {
        "movies.csv": ["movieId,title,genres", *movies],
        "ratings.csv": ["userId,movieId,rating,timestamp", *ratings],
        "tags.csv": ["userId,movieId,tag,timestamp", *tags],
    }
    for name, lines in tables.items():
        (paths.RAW / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def write(content: dict[str, dict]) -> None:
    paths.PARAMS.write_text(yaml.safe_dump(content), encoding="utf-8")


def test_four_tables_and_their_account(params: dict[str, dict]) -> None:
    clean.run()
    tables = {
        file.stem: pq.read_table(file)
        for file in (paths.INTERACTIONS, paths.ITEMS, paths.USERS, paths.TAGS)
    }
    counts = read_json(paths.CLEAN_COUNTS)
    for name, table in tables.items():
        assert counts[name]["written"] == len(table)
        assert counts[name]["read"] == len(table) + sum(counts[name]["dropped"].values())
    assert read_json(paths.CATALOGUE) == {
        "n_users": N_USERS,
        "n_items": N_ITEMS,
        "rating_min": 0.5,
        "rating_max": 5.0,
        "has_timestamps": True,
        "name": "ml-latest-small",
        "data_hash": data_hash(paths.CLEAN),
    }
    items = pd.read_parquet(paths.ITEMS)
    assert items["title"][0] == "The Heat 0"
    assert items["year"][0] == 1960
    assert not paths.dropped_rows("interactions").exists()


def test_the_same_bytes_twice_and_from_rows_in_another_order(params: dict[str, dict]) -> None:
    clean.run()
    paths.SOURCE_ROW.unlink()  # holds the order of the source and nothing else
    first = sha256_tree(paths.CLEAN)
    file = paths.RAW / "ratings.csv"
    header, *lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text(header + "".join(reversed(lines)), encoding="utf-8")
    clean.run()
    paths.SOURCE_ROW.unlink()
    assert sha256_tree(paths.CLEAN) == first


def test_parquet_holds_no_metadata_of_pandas(params: dict[str, dict]) -> None:
    clean.run()
    for file in (paths.INTERACTIONS, paths.ITEMS, paths.USERS, paths.TAGS):
        assert b"pandas" not in file.read_bytes()


def test_dropped_rows_are_kept_in_a_file(params: dict[str, dict]) -> None:
    with (paths.RAW / "ratings.csv").open("a", encoding="utf-8") as stream:
        stream.write("1,1,9,5\n")
    with pytest.raises(DataError, match=r"data/raw/ratings.csv, line \d+, column rating: '9'"):
        clean.run()
    assert not paths.CLEAN.exists()
    params["data"]["read"]["on_bad_rows"] = "drop"
    write(params)
    clean.run()
    dropped = pd.read_csv(paths.dropped_rows("interactions"))
    assert dropped.to_dict("records") == [
        {"user_id": 1, "item_id": 1, "rating": 9, "timestamp": 5}
        | {"reason": "rating is off the scale"}
    ]


def test_without_tags_the_table_is_empty_but_there(params: dict[str, dict]) -> None:
    (paths.RAW / "tags.csv").unlink()
    clean.run()
    assert list(pd.read_parquet(paths.TAGS).columns) == ["user_idx", "item_idx", "tag", "timestamp"]
    assert len(pd.read_parquet(paths.TAGS)) == 0


def test_a_filter_makes_another_population(params: dict[str, dict]) -> None:
    with (paths.RAW / "ratings.csv").open("a", encoding="utf-8") as stream:
        stream.write("99,1,4,5\n")
    params["filter"] = {"tagged": False, "min_per_user": 2, "min_per_item": 2, "repeat": True}
    write(params)
    clean.run()
    assert "99" not in set(pd.read_parquet(paths.USERS)["user_id"])
    assert read_json(paths.CATALOGUE)["n_users"] == N_USERS
    told = read_json(paths.CLEAN_COUNTS)["interactions"]
    assert told["read"] == told["written"] + 1
    assert (
        told["filter"]["steps"]["enough_ratings"]["sparsity"]
        < told["filter"]["steps"]["before"]["sparsity"]
    )


def test_directors_are_joined_and_what_is_alike_is_listed(params: dict[str, dict]) -> None:
    conf = yaml.safe_load((CONF / "enrich" / "imdb-directors.yaml").read_text(encoding="utf-8"))
    rows = ["The Heat 0,1960,Ann,A film", "The Heatt 1,1961,Bea,", "Other,1962,Cy,"]
    header = "Series_Title,Released_Year,Director,Overview"
    Path("list.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    conf["list"]["path"] = "list.csv"
    params["enrich"] = conf
    write(params)
    clean.run()
    items = pd.read_parquet(paths.ITEMS)
    assert items["director"][:3].fillna("").tolist() == ["Ann", "Bea", ""]
    assert items["overview"][0] == "A film"
    counts = read_json(paths.CLEAN_COUNTS)["items"]["imdb-directors"]
    assert (counts["items_exact"], counts["items_fuzzy"]) == (1, 1)
    assert pd.read_csv(paths.FUZZY_MATCHES)["list_title"].tolist() == ["The Heatt 1"]
    first = sha256_tree(paths.CLEAN)
    clean.run()
    assert sha256_tree(paths.CLEAN) == first


def test_the_hash_is_that_of_the_data_and_not_of_their_order(params: dict[str, dict]) -> None:
    clean.run()
    first = read_json(paths.CATALOGUE)["data_hash"]
    file = paths.RAW / "ratings.csv"
    head, *rows = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([head, *reversed(rows)]), encoding="utf-8")
    clean.run()
    assert read_json(paths.CATALOGUE)["data_hash"] == first
    movies = paths.RAW / "movies.csv"
    text = movies.read_text(encoding="utf-8")
    movies.write_text(text.replace(" (", " and others (", 1), encoding="utf-8")
    clean.run()
    assert read_json(paths.CATALOGUE)["data_hash"] != first
