"""Stage `split`: every committed protocol runs, repeats to the byte, and says what it leaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from reelbench import paths
from reelbench.files import read_json, sha256_tree
from reelbench.params import ParamsError
from reelbench.stages import split

CONF = Path(__file__).parents[2] / "conf"
SPLITS = sorted(file.stem for file in (CONF / "split").glob("*.yaml"))


def conf(group: str, name: str) -> dict:
    return yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def in_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with ratings: 20 users, each of whom rates 15 of 40 movies."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    items = np.concatenate([rng.permutation(40)[:15] for _ in range(20)])
    columns = {
        "user_idx": pa.array(np.repeat(np.arange(20), 15), pa.int32()),
        "item_idx": pa.array(items, pa.int32()),
        "rating": pa.array(rng.integers(1, 6, 300), pa.float32()),
        "timestamp": pa.array(rng.integers(10**9, 10**9 + 10**6, 300), pa.int64()),
    }
    paths.CLEAN.mkdir(parents=True)
    pq.write_table(pa.table(columns), paths.INTERACTIONS)
    np.save(paths.SOURCE_ROW, rng.permutation(300))
    users = {"user_idx": pa.array(range(20), pa.int32()), "user_id": [f"u{i}" for i in range(20)]}
    movies = {"item_idx": pa.array(range(40), pa.int32()), "item_id": [f"m{i}" for i in range(40)]}
    pq.write_table(pa.table(users), paths.USERS)
    pq.write_table(pa.table(movies), paths.ITEMS)
    pairs = {name: columns[name].slice(100) for name in ("user_idx", "item_idx", "timestamp")}
    tags = pa.table({**pairs, "tag": ["slow"] * 200})
    pq.write_table(tags.select(["user_idx", "item_idx", "tag", "timestamp"]), paths.TAGS)
    lines = [f"u{u},m{i}" for u, i in zip(columns["user_idx"], items, strict=True)]
    for name, part in {"train": lines[:200], "valid": lines[200:250], "test": lines[250:]}.items():
        text = "\n".join(["user_id,item_id", *part, ""])
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")


def write(section: dict, seed: int = 1) -> None:
    if section["method"] == "predefined":
        section = {**section, "root": "."}
        section["files"] = {part: f"{part}.csv" for part in ("train", "valid", "test")}
    content = {
        "seed": seed,
        "engine": {"name": "duckdb", "threads": 1, "memory_limit": "1GB"},
        "split": section,
    }
    paths.PARAMS.write_text(yaml.safe_dump(content), encoding="utf-8")


@pytest.mark.parametrize("name", SPLITS)
def test_parts_add_up_and_repeat(name: str) -> None:
    write(conf("split", name))
    split.run()
    first = sha256_tree(paths.SPLIT)
    files = [paths.TRAIN, paths.VALID, paths.TEST]
    names = ["train", "valid", "test"]
    assert paths.PROFILE.exists() == (name == "held_out_users")
    if paths.PROFILE.exists():
        files, names = [*files, paths.PROFILE], [*names, "profile"]
    sizes = [pq.read_metadata(file).num_rows for file in files]
    assert min(sizes[0], sizes[2]) > 0
    assert sizes[1] > 0 or name == "random_by_item"
    assert sum(sizes) == pq.read_metadata(paths.INTERACTIONS).num_rows  # windows: the last one
    summary = read_json(paths.SPLIT_COUNTS)
    assert {part: told["rows"] for part, told in summary["parts"].items()} == dict(
        zip(names, sizes, strict=True)
    )
    assert summary["name"] == name
    assert summary["leak"].endswith(".")
    tags = summary["tags"]
    assert tags["written"] == pq.read_metadata(paths.KNOWN_TAGS).num_rows
    assert 200 == tags["read"] == tags["written"] + sum(tags["dropped"].values())
    assert tags["dropped"]
    split.run()
    assert sha256_tree(paths.SPLIT) == first


def test_tags_of_held_out_pairs_change_nothing() -> None:
    write(conf("split", "random"))
    split.run()
    before = paths.KNOWN_TAGS.read_bytes()
    pair = ["user_idx", "item_idx"]
    held_out = pd.concat([pd.read_parquet(file)[pair] for file in (paths.VALID, paths.TEST)])
    tags = pd.read_parquet(paths.TAGS)
    hidden = tags.merge(held_out.assign(hidden=True), "left", pair)["hidden"].notna().to_numpy()
    assert 0 < hidden.sum() < len(tags)
    tags.loc[hidden, "tag"] = "a spoiler"
    tags.to_parquet(paths.TAGS)
    split.run()
    assert paths.KNOWN_TAGS.read_bytes() == before


def test_the_seed_matters_to_random_alone() -> None:
    hashes = {}
    for name in ("random", "temporal_user"):
        for seed in (1, 2):
            write(conf("split", name), seed)
            split.run()
            hashes[name, seed] = sha256_tree(paths.SPLIT)
    assert hashes["random", 1] != hashes["random", 2]
    assert hashes["temporal_user", 1] == hashes["temporal_user", 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tset": 0.1}, r"conf/split/random.yaml: unknown key 'tset' .* did you mean 'test'"),
        ({"method": "shuffle"}, r"conf/split/random.yaml: split.method: .*temporal_user"),
        ({"test": 1.5}, r"conf/split/random.yaml: split.test: .*less than 1"),
    ],
)
def test_a_bad_section_is_refused(change: dict, message: str) -> None:
    write({**conf("split", "random"), **change})
    with pytest.raises(ParamsError, match=message):
        split.run()
