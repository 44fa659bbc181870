"""Two own data sets, one after the other in one project, are told apart everywhere."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from places import ROOT

from reelbench import paths
from reelbench.compose import compose
from reelbench.files import read_json
from reelbench.serving.library import Library
from reelbench.serving.questions import on_test
from reelbench.serving.trained_models import read_leaderboard
from reelbench.stages import clean, download, evaluate, featurize, inputs, report, split, train
from reelbench.tracking.record import StaleError, evaluated_models

pytestmark = pytest.mark.slow

CHOSEN = ["data=csv", "features=[ids]", "evaluate.similarity=ids", "evaluate.bootstrap_samples=50"]


def write_own(folder: Path, seed: int) -> None:
    """Ratings and movies of a user, as conf/data/csv.yaml names their columns."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    users, items = np.divmod(rng.permutation(20 * 12)[:160], 12)
    ratings = {"user_id": users, "item_id": items, "rating": rng.integers(1, 6, 160)}
    pd.DataFrame(ratings | {"timestamp": 10**9 + np.arange(160)}).to_csv(
        folder / "ratings.csv", index=False
    )
    movies = {"item_id": range(12), "title": [f"Movie {i} (1990)" for i in range(12)]}
    pd.DataFrame(movies | {"genres": "Drama"}).to_csv(folder / "items.csv", index=False)


def compose_for(data: str, models: str) -> None:
    compose(overrides=[*CHOSEN, f"data.root={data}", f"models=[{models}]"])


def run(data: str, models: str) -> None:
    compose_for(data, models)
    for stage in (download, clean, split, featurize, inputs):
        stage.run()
    for model in models.split(","):
        train.run(model)
    evaluate.run()
    report.run()


def rows(query: str) -> list[str]:
    with closing(sqlite3.connect("mlflow.db")) as store:
        return sorted(row[0] for row in store.execute(query))


def test_told_apart_in_mlflow_app_and_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    shutil.copytree(ROOT / "conf", "conf")
    os.symlink(ROOT / "src", "src")
    paths.REPORTS.mkdir()
    shutil.copy(ROOT / paths.TUNING, paths.TUNING)  # of MovieLens 100K
    for seed, name in enumerate("ab"):
        write_own(Path(name), seed)
    run("a", "popularity,bias,weighted_mean")
    first = read_json(paths.CATALOGUE)["data_hash"]
    assert on_test(tmp_path, "weighted_mean").startswith("on test: RMSE")
    on_test.cache_clear()
    # the second data set has a model less, whose results of the first stay on disk
    run("b", "popularity,bias")
    second = read_json(paths.CATALOGUE)["data_hash"]
    assert first != second

    labels = [f"csv-{digest[:8]}/temporal_user" for digest in sorted([first, second])]
    used = "select distinct experiments.name from experiments join runs using (experiment_id)"
    assert rows(used) == labels
    registered = [label.replace("/", ".") for label in labels]
    assert rows("select name from registered_models") == registered
    assert rows("select name from registered_model_aliases where alias = 'champion'") == registered

    assert paths.metrics("weighted_mean").is_file() and on_test(tmp_path, "weighted_mean") == ""
    assert on_test(tmp_path, "bias").startswith("on test: RMSE")
    assert "weighted_mean" not in Library.read(tmp_path).models.names
    assert sorted(read_leaderboard(tmp_path)["model"]) == ["bias", "popularity"]

    for file in (paths.LEADERBOARD_CSV, paths.COMPARISONS_CSV):
        assert set(pd.read_csv(file)["data_hash"]) == {second}
    assert read_json(paths.DATA_REPORT)["data_hash"] == second
    for file in (paths.LEADERBOARD_MD, paths.INDEX_HTML):
        text = file.read_text(encoding="utf-8")
        assert second[:8] in text and first[:8] not in text
    assert "Tuning" not in paths.LEADERBOARD_MD.read_text(encoding="utf-8")

    compose(overrides=[*CHOSEN, "data=ml-100k", "models=[bias]"][1:])
    with pytest.raises(StaleError, match=r"data/ has data csv and params.yaml ml-100k"):
        evaluated_models()
