from __future__ import annotations

import base64
import dataclasses
import gzip
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from reelbench import paths
from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids, write_block
from reelbench.files import read_json, write_json
from reelbench.models.base import Arrays, Recommender
from reelbench.models.network.summary import INPUT, Layer
from reelbench.reporting.results import ReportError
from reelbench.stages import evaluate, report

pytestmark = pytest.mark.slow

N_USERS, N_ITEMS = 15, 24
STORED = (paths.LEADERBOARD_CSV, paths.RARE_ITEMS_CSV, paths.DATA_REPORT)


class Noise(Recommender):
    """Means of the items, blurred by the seed; a tenth of it as good a model."""

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        noise = np.random.default_rng(0).normal(size=(N_USERS + 1, N_ITEMS + 1))
        self.table = 3 + noise * self.seed / 10

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return self.table[user_idx, item_idx]

    def _state(self) -> Arrays:
        return {"table": self.table}

    def _restore(self, state: Arrays) -> None:
        self.table = state["table"]


class Order(Noise):
    predicts_ratings = False


MODELS = {"bias": Noise(seed=9), "good": Noise(seed=1), "order": Order(seed=5)}


@contextmanager
def mirroring() -> Iterator[None]:
    yield
    assert paths.INDEX_HTML.is_file()
    Path("mirrored").touch()


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project in which every stage has run; not to be changed."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(report.tracking, "mirroring", mirroring)
        write_params()
        write_data()
        for name, model in MODELS.items():
            train_and_evaluate(name, model)
        report.run()
        yield folder


@pytest.fixture
def project(reported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to work on."""
    copy = shutil.copytree(reported, tmp_path / "copy")
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures take seconds."""
    monkeypatch.setattr(report.sections, "pictures", lambda _: [])


def pictures() -> set[str]:
    """Names of all PNGs."""
    return {file.stem for file in paths.FIGURES.iterdir()}


def stable() -> dict[Path, bytes]:
    """Content of everything that shows no costs."""
    return {file: file.read_bytes() for file in (*STORED, *paths.FIGURES.iterdir())}


def write_params() -> None:
    content = {
        "seed": 1,
        "faults": [],
        "protocol": None,
        "repeat": {"models": []},
        "data": {"name": "made-up"},
        "split": {"name": "random"},
        "threads": 1,
        "inputs": {name: [] for name in MODELS},
        "evaluate": {
            "k": [5],
            "min_relevant_rating": None,
            "candidates": "catalogue",
            "rank_by": "score",
            "similarity": "ids",
            "calibration_bins": 4,
            "rare_item_ratings": 4,
            "bootstrap_samples": 100,
        },
    }
    paths.PARAMS.write_text(yaml.safe_dump(content))


def write_data() -> None:
    for folder in (paths.CLEAN, paths.SPLIT, paths.MODELS):
        folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    user, item = np.divmod(rng.permutation(N_USERS * N_ITEMS)[:200], N_ITEMS)
    # three in the middle, so that a model near the mean is a good one
    rating = rng.choice([2.0, 3.0, 4.0], 200).astype(np.float32)
    time = 10**9 + rng.integers(0, 10**8, 200)
    table = pa.table({"user_idx": user, "item_idx": item, "rating": rating, "timestamp": time})
    pq.write_table(table, paths.INTERACTIONS)
    parts = {paths.TRAIN: (0, 120), paths.VALID: (120, 140), paths.TEST: (140, 200)}
    for file, (start, end) in parts.items():
        pq.write_table(table[start:end], file)
    genres = [["Drama", "War"][: 1 + i % 2] for i in range(N_ITEMS)]
    items = {"item_idx": range(N_ITEMS), "genres": genres, "year": range(1970, 1970 + N_ITEMS)}
    pq.write_table(pa.table({k: pa.array(list(v)) for k, v in items.items()}), paths.ITEMS)
    pq.write_table(pa.table({"user_idx": range(N_USERS)}), paths.USERS)
    write_block({"n_items": np.array(N_ITEMS)}, paths.feature_block("ids"))
    write_json(
        paths.CLEAN_COUNTS, {"interactions": {"read": 203, "dropped": {"odd": 3}, "written": 200}}
    )
    rows = {file.stem: {"rows": end - start} for file, (start, end) in parts.items()}
    write_json(paths.SPLIT_COUNTS, {"leak": "Time plays no part.", "parts": rows})


def train_and_evaluate(name: str, model: Recommender) -> None:
    train = Interactions.from_parquet(paths.TRAIN)
    model.fit(train, train, Features(Ids(N_USERS, N_ITEMS, 1.0, 5.0)))
    model.save(paths.model_dir(name))
    paths.curves(name).write_text("epoch,train_loss,valid_loss\n")
    layers = [Layer("user_idx", INPUT), Layer("top", "Dense", ("user_idx",), (1,), 1_200)]
    stored = [dataclasses.asdict(layer) for layer in layers]
    write_json(paths.layers(name), stored if name == "good" else [])
    machine = {"cpu": "Some CPU", "threads": 2}
    cost = {"train_seconds": 1.5, "peak_memory_bytes": 10**8, "model_bytes": 10**6}
    write_json(paths.train_cost(name), cost | {"machine": machine})
    evaluate.run(name)


def test_every_model_in_order_and_the_mirror_at_the_end(reported: Path) -> None:
    frame = pd.read_csv(paths.LEADERBOARD_CSV)
    assert list(frame["model"]) == ["good", "bias", "order"]
    assert frame["rmse"].isna().tolist() == [False, False, True]
    assert Path("mirrored").exists()


def test_the_leaderboard_agrees_with_the_metrics(reported: Path) -> None:
    frame = pd.read_csv(paths.LEADERBOARD_CSV, index_col="model")
    for model in MODELS:
        metrics = read_json(paths.metrics(model))
        assert frame.loc[model, "ndcg_at_5"] == pytest.approx(metrics["ndcg_at_5"], abs=1e-6)
    markdown = paths.LEADERBOARD_MD.read_text(encoding="utf-8")
    assert "Better than bias: `good`" in markdown
    assert "Time plays no part." in markdown


def test_the_page_holds_every_chart(reported: Path) -> None:
    page = paths.INDEX_HTML.read_text(encoding="utf-8")
    figures = pictures()
    assert {"predicted_vs_actual", "mean_per_release_year", "leaderboard"} <= figures
    published = {file.stem for file in paths.PUBLISHED if file.suffix == ".png"}
    # nothing can be compared in pairs where one model alone predicts ratings better than bias
    assert published <= figures
    for name in ("leaderboard", "accuracy_vs_cost", "predicted_vs_actual", "genres"):
        assert f'id="chart-{name}"' in page
    assert {name for name in figures if name.startswith("network_")} == {"network_good"}
    assert "good: 1,200 trained parameters in 2 layers" in page
    assert "Bottom of the ranking of" in page
    packed = re.findall(r'id="library">([^<]+)<', page)[0]
    assert gzip.decompress(base64.b64decode(packed)) == paths.VEGA_JS.read_bytes()
    # what shows costs is on the page alone
    assert "accuracy_vs_cost" not in figures


def test_rare_movies_are_compared_again(reported: Path) -> None:
    """The file's RMSE is that of the predictions of movies with at most 4 rows in train."""
    train, test = (pd.read_parquet(file) for file in (paths.TRAIN, paths.TEST))
    counts = train["item_idx"].value_counts().reindex(range(N_ITEMS), fill_value=0)
    predictions = pd.read_parquet(paths.predictions("good"))
    rare = predictions[(counts[predictions["item_idx"]] <= 4).to_numpy()]
    assert 0 < len(rare) < len(test)
    expected = ((rare["score"] - rare["rating"]) ** 2).mean() ** 0.5
    frame = pd.read_csv(paths.RARE_ITEMS_CSV, index_col="model")
    assert set(frame.index) == {"good", "bias"}
    assert frame.loc["good", "rmse"] == pytest.approx(expected, abs=1e-6)
    difference = expected - frame.loc["bias", "rmse"]
    assert frame.loc["good", "difference"] == pytest.approx(difference, abs=1e-5)
    assert "Movies with at most 4 train ratings" in paths.INDEX_HTML.read_text(encoding="utf-8")


def test_models_that_are_one_have_one_row_and_are_compared_once(
    project: Path, without_figures: None
) -> None:
    """`same` answers as `good` does; `hybrid` is `bias` with another seed and an empty block."""
    before = pd.read_csv(paths.COMPARISONS_CSV)
    content = yaml.safe_load(paths.PARAMS.read_text())
    content["inputs"] |= {"same": [], "hybrid": ["tags"]}
    paths.PARAMS.write_text(yaml.safe_dump(content))
    train_and_evaluate("same", Noise(seed=1))
    train_and_evaluate("hybrid", Noise(seed=3))
    own = {"features": {"ids": "a", "tags": "b"}, "empty": ["tags"]}
    write_json(paths.model_dir("hybrid") / "inputs.json", own)
    report.run()
    frame = pd.read_csv(paths.LEADERBOARD_CSV, index_col="model")
    assert list(frame.index) == ["good", "same", "hybrid", "bias", "order"]
    assert frame["same_as"].dropna().to_dict() == {"same": "good", "hybrid": "bias"}
    assert frame.loc["hybrid", "rmse"] < frame.loc["bias", "rmse"]  # by its seed
    pd.testing.assert_frame_equal(pd.read_csv(paths.COMPARISONS_CSV), before)
    for file in (paths.LEADERBOARD_MD, paths.INDEX_HTML):
        text = file.read_text(encoding="utf-8")
        assert "good = same" in text and "bias = hybrid (tags is empty here)" in text


def test_account_of_the_data(reported: Path) -> None:
    summary = read_json(paths.DATA_REPORT)
    assert (summary["n_users"], summary["n_items"], summary["n_ratings"]) == (15, 24, 200)
    assert summary["sparsity"] == pytest.approx(1 - 200 / 360, abs=1e-6)
    assert summary["clean"]["interactions"]["dropped"] == {"odd": 3}
    assert summary["split"]["parts"]["train"]["rows"] == 120


def test_only_the_leaderboard_and_the_page_change_with_the_costs(project: Path) -> None:
    before = stable()
    assert "99.25" not in paths.LEADERBOARD_MD.read_text(encoding="utf-8")
    write_json(paths.train_cost("good"), {"train_seconds": 99.25})
    (paths.FIGURES / "figure_of_a_former_run.png").touch()
    report.run()
    after = stable()
    assert b",99.25" in after.pop(paths.LEADERBOARD_CSV) and before.pop(paths.LEADERBOARD_CSV)
    assert before == after
    assert "99.25" in paths.LEADERBOARD_MD.read_text(encoding="utf-8")


def test_a_source_without_times_genres_and_years(project: Path) -> None:
    table = pq.read_table(paths.INTERACTIONS).drop_columns("timestamp")
    times = pa.nulls(len(table), pa.int64())
    pq.write_table(table.append_column("timestamp", times), paths.INTERACTIONS)
    pq.write_table(pq.read_table(paths.ITEMS).select(["item_idx"]), paths.ITEMS)
    report.run()
    figures = pictures()
    assert "ratings_per_user" in figures
    missing = {"ratings_per_day", "genres", "mean_per_genre", "mean_per_release_year"}
    assert not figures & missing


def test_missing_costs_are_dashes(project: Path, without_figures: None) -> None:
    for model in MODELS:
        paths.train_cost(model).unlink()
        paths.evaluate_cost(model).unlink()
    report.run()
    lines = paths.LEADERBOARD_MD.read_text(encoding="utf-8").splitlines()
    _, _, row, *_ = (line for line in lines if line.startswith("| "))
    assert row.split("|")[-5:-1] == [" — "] * 4


def test_a_model_without_metrics_is_an_error_that_says_what_to_run(project: Path) -> None:
    paths.metrics("good").unlink()
    with pytest.raises(ReportError, match="dvc repro evaluate"):
        report.run()
