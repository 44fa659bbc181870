"""Answers show nothing of other data, and no ratings where there are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from serving_samples import models, write_project

from reelbench import paths
from reelbench.data.identity import read_identity
from reelbench.files import read_json, write_json
from reelbench.serving import AskError
from reelbench.serving.library import Library
from reelbench.serving.questions import on_test
from reelbench.serving.recommend import for_user, popular

OTHERS: dict[str, Any] = {"data_hash": "f" * 64, "split": "random", "test_hash": "0" * 64}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose results state what they are of."""
    write_project(tmp_path, models())
    sizes = read_json(tmp_path / paths.CATALOGUE)
    write_json(tmp_path / paths.CATALOGUE, sizes | {"name": "mine", "data_hash": "a" * 64})
    of_data = read_identity(tmp_path)
    board = (tmp_path / paths.LEADERBOARD_CSV).read_text().splitlines()
    columns = ["data_hash", "split", "test_hash"]
    values = ["" if of_data[key] is None else of_data[key] for key in columns]
    counts = read_json(tmp_path / paths.SPLIT_COUNTS) | {"name": "random", "data_hash": "a" * 64}
    write_json(tmp_path / paths.SPLIT_COUNTS, counts)
    values[1] = "random"
    lines = [",".join([board[0], *columns]), *(",".join([row, *values]) for row in board[1:])]
    (tmp_path / paths.LEADERBOARD_CSV).write_text("\n".join(lines))
    return tmp_path


def evaluated(folder: Path, model: str, of_data: dict[str, Any]) -> None:
    write_json(folder / paths.metrics(model), {"rmse": 0.9, "ndcg_at_10": 0.1})
    write_json(folder / paths.evaluation_inputs(model), of_data)


def test_a_measure_of_other_test_ratings_is_not_shown(folder: Path) -> None:
    evaluated(folder, "ease", read_identity(folder))
    evaluated(folder, "weighted_mean", OTHERS)
    assert on_test(folder, "ease") == "on test: RMSE 0.9000, nDCG@10 0.1000"
    assert on_test(folder, "weighted_mean") == ""


def test_a_leaderboard_of_other_data_orders_nothing(folder: Path) -> None:
    assert Library.read(folder).models.best_first[0] == "warp"
    text = (folder / paths.LEADERBOARD_CSV).read_text()
    (folder / paths.LEADERBOARD_CSV).write_text(text.replace("a" * 64, "f" * 64))
    assert Library.read(folder).models.best_first[0] == "ease"  # by name


def test_blocks_of_other_data_are_not_read(folder: Path) -> None:
    assert "genres" in Library.read(folder).blocks
    write_json(folder / paths.block_key("genres"), {"key": "k", "data_hash": "f" * 64})
    assert "genres" not in Library.read(folder).blocks


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"data": {"name": "other"}}, "data/ has data mine and params.yaml other"),
        ({"split": {"name": "kfold"}}, "data/ has split random and params.yaml kfold"),
        ({"data": {"name": "mine", "root": "b"}}, "data/ is not of b, as params.yaml has it"),
    ],
)
def test_after_a_switch_of_parameters_it_says_what_to_run(
    folder: Path, content: dict[str, Any], said: str
) -> None:
    made = {"download": {"params": {"params.yaml": {"data.name": "mine", "data.root": "a"}}}}
    (folder / "dvc.lock").write_text(yaml.safe_dump({"stages": made}))
    (folder / paths.PARAMS).write_text(yaml.safe_dump(content))
    with pytest.raises(AskError, match=f"{said}: run `dvc repro`"):
        Library.read(folder)


def test_parts_of_other_data_than_the_catalogue_are_refused(folder: Path) -> None:
    counts = read_json(folder / paths.SPLIT_COUNTS)
    write_json(folder / paths.SPLIT_COUNTS, counts | {"data_hash": "f" * 64})
    with pytest.raises(AskError, match="data/split is of other data than data/clean"):
        Library.read(folder)


def test_without_ratings_answers_have_none(folder: Path) -> None:
    sizes = read_json(folder / paths.CATALOGUE)
    write_json(folder / paths.CATALOGUE, sizes | {"rating_min": 1.0, "rating_max": 1.0})
    library = Library.read(folder)
    everyone, user = popular(library), for_user(library, "4")
    assert everyone.model == "popularity" and "most users" in everyone.note
    counts = [movie.rating_count for movie in everyone.recommendations]
    assert counts == sorted(counts, reverse=True)
    for movie in (*everyone.recommendations, *user.recommendations):
        assert movie.rating_mean is None
        assert not any("rated" in why or "mean" in why for why in movie.reasons)
