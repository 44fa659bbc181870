"""Every kind of bad input: one clear message with file, row and column, and no output left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from reelbench import params, paths
from reelbench.files import read_json
from reelbench.stages import __main__ as stages

CONF = Path(__file__).parents[2] / "conf"
RATINGS = Path("mine/ratings.csv")
ITEMS = Path("mine/items.csv")
HEAD = "user_id,item_id,rating,timestamp\n"


@pytest.fixture
def content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The settings of data=csv, with a good file of ratings and one of items in a folder."""
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    RATINGS.write_text(HEAD + "".join(f"{u},{i},{(u + i) % 5 + 1},{u * i}\n" for u, i in PAIRS))
    ITEMS.write_text("item_id,title,genres\n1,Heat (1995),Action\n2,Nil,\n")
    data = yaml.safe_load((CONF / "data" / "csv.yaml").read_text(encoding="utf-8"))
    data["root"] = "mine"
    data["source"]["files"] = ["ratings.csv", "items.csv"]
    engine = {"name": "duckdb", "threads": 1, "memory_limit": "1GB"}
    off = {"tagged": False, "min_per_user": 0, "min_per_item": 0, "repeat": False}
    enrich = {"name": "none", "list": None}
    content = {"data": data, "engine": engine, "filter": off, "enrich": enrich}
    return {**content, "seed": 1, "threads": 1, "faults": []}


PAIRS = [(u, i) for u in (1, 2, 3) for i in (1, 2)]


def run(content: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    """Run download and clean as DVC does; the message of the one that fails, else nothing."""
    paths.PARAMS.write_text(yaml.safe_dump(content), encoding="utf-8")
    for stage in ("download", "clean"):
        if stages.main([stage]):
            return capsys.readouterr().err
    return ""


def assert_nothing_left() -> None:
    assert not paths.CLEAN.exists()
    assert not [file for file in paths.DATA.glob("*") if ".tmp" in file.name]


def replace(file: Path, old: str, new: str) -> Callable[[], object]:
    def change() -> None:
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def encode(file: Path, encoding: str) -> Callable[[], object]:
    return lambda: file.write_text(file.read_text(encoding="utf-8"), encoding=encoding)


def truncated_zip() -> None:
    import zipfile

    with zipfile.ZipFile("whole.zip", "w") as archive:
        for file in (RATINGS, ITEMS):
            archive.write(file, file.name)
    whole = Path("whole.zip").read_bytes()
    Path("cut.zip").write_bytes(whole[: len(whole) // 2])


DROP = "Correct the file, or set read.on_bad_rows to drop"
FAULTS = {
    "missing column": (
        replace(RATINGS, "rating,", "stars,"),
        ["ratings.csv, line 1: no column 'rating'", "the file has: user_id, item_id, stars"],
    ),
    "missing column of items": (
        replace(ITEMS, "title,", "name,"),
        ["items.csv, line 1: no column 'title' (for title_raw)", "set by `columns`"],
    ),
    "wrong delimiter": (
        lambda: RATINGS.write_text(RATINGS.read_text().replace(",", ";")),
        ["ratings.csv, line 1", "Is ',' the right delimiter? It seems to be ';'"],
    ),
    "rating off the scale": (
        replace(RATINGS, "1,1,3,1", "1,1,6,1"),
        ["ratings.csv, line 2, column rating: '6': rating is off the scale", DROP],
    ),
    "NaN": (
        replace(RATINGS, "2,2,5,4", "2,2,nan,4"),
        ["ratings.csv, line 5, column rating: 'nan': rating is not a number", DROP],
    ),
    "unparsable date": (
        replace(RATINGS, "2,2,5,4", "2,2,5,soon"),
        ["ratings.csv, line 5, column timestamp: 'soon': timestamp is neither a Unix", DROP],
    ),
    "duplicate key": (
        replace(ITEMS, "2,Nil", "1,Nil"),
        ["items.csv, line 3, column item_id: '1': repeated id", DROP],
    ),
    "unknown item": (
        replace(RATINGS, "2,2,5,4", "2,7,5,4"),
        ["ratings.csv, line 5, column item_id: '7': movie is not in the catalogue", DROP],
    ),
    "empty file": (
        lambda: RATINGS.write_text(""),
        ["ratings.csv is empty: a header line and rows were expected"],
    ),
    "header alone": (
        lambda: RATINGS.write_text(HEAD),
        ["ratings.csv: no rating in it is usable"],
    ),
    "UTF-16 file without a mark": (
        encode(ITEMS, "utf-16-le"),
        ["items.csv, line 1: a NUL byte", "UTF-16"],
    ),
    "row with too few values": (
        replace(RATINGS, "2,2,5,4", "2,2,5"),
        ["ratings.csv, line 5: Expected Number of Columns: 4 Found: 3. Correct it"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_message_and_no_output(
    content: dict[str, Any], capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    change, parts = FAULTS[fault]
    change()
    message = run(content, capsys)
    assert len(message.splitlines()) == 1
    for part in parts:
        assert part in message
    assert_nothing_left()


def test_a_truncated_zip(content: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    truncated_zip()
    content["data"]["root"] = "cut.zip"
    message = run(content, capsys)
    assert "cut.zip is not a complete archive" in message and "fetch it again" in message
    assert_nothing_left()
    assert not paths.RAW.exists()
    content["data"]["root"] = "whole.zip"
    assert not run(content, capsys)


DROPPED = {
    "rating off the scale": ("interactions", "rating is off the scale"),
    "NaN": ("interactions", "rating is not a number"),
    "unparsable date": ("interactions", "timestamp is neither a Unix time nor an ISO date"),
    "unknown item": ("interactions", "movie is not in the catalogue"),
    "duplicate key": ("items", "repeated id"),
}


@pytest.mark.parametrize("fault", DROPPED)
def test_bad_rows_can_be_dropped_with_a_count_and_a_file(
    content: dict[str, Any], capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    FAULTS[fault][0]()
    if fault == "duplicate key":  # else its ratings would be of an unknown movie
        RATINGS.write_text(HEAD + "1,1,3,1\n2,1,4,2\n")
    content["data"]["read"]["on_bad_rows"] = "drop"
    assert not run(content, capsys)
    table, reason = DROPPED[fault]
    counts = read_json(paths.CLEAN_COUNTS)
    assert counts[table]["dropped"] == {reason: 1}
    for count in counts.values():
        assert count["read"] == count["written"] + sum(count["dropped"].values())
    rows = pd.read_csv(paths.dropped_rows(table))
    assert rows["reason"].to_list() == [reason]


def test_good_input_goes_through(
    content: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert not run(content, capsys)
    assert params.read()["data"]["name"] == "csv"
    assert read_json(paths.CATALOGUE)["n_items"] == 2
    assert not list(paths.CLEAN.glob("dropped_*"))
    assert not list(paths.DATA.glob(".scratch*"))
