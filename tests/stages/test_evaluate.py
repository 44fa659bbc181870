from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from reelbench import files, paths
from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids, write_block
from reelbench.models.base import Arrays, Recommender
from reelbench.params import ParamsError
from reelbench.stages import evaluate

N_USERS, N_ITEMS = 12, 20
NAMES = ("taste", "ranks")


class Taste(Recommender):
    """Random tastes, fixed by the seed."""

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        rng = np.random.default_rng(self.seed)
        self.table = rng.normal(3, 1, size=(N_USERS + 1, N_ITEMS + 1))

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return self.table[user_idx, item_idx]

    def _state(self) -> Arrays:
        return {"table": self.table}

    def _restore(self, state: Arrays) -> None:
        self.table = state["table"]


class Ranks(Taste):
    predicts_ratings = False


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project folder with two trained models."""
    monkeypatch.chdir(tmp_path)
    write_params()
    rng = np.random.default_rng(0)
    pairs = rng.permutation(N_USERS * N_ITEMS)
    for part, chosen in ((paths.TRAIN, pairs[:60]), (paths.VALID, pairs[60:70]),
                         (paths.TEST, pairs[70:100])):  # fmt: skip
        part.parent.mkdir(parents=True, exist_ok=True)
        user, item = np.divmod(chosen, N_ITEMS)
        rating = rng.integers(1, 6, len(chosen)).astype(np.float32)
        columns = {"user_idx": user, "item_idx": item, "rating": rating, "timestamp": user}
        pq.write_table(pa.table(columns), part)
    write_items()
    features = Features(Ids(N_USERS, N_ITEMS, 1.0, 5.0))
    train = Interactions.from_parquet(paths.TRAIN)
    for name, model in (("taste", Taste(seed=3)), ("ranks", Ranks(seed=3))):
        paths.MODELS.mkdir(exist_ok=True)
        model.fit(train, train, features).save(paths.model_dir(name))


def write_params(**changes: Any) -> None:
    content = {
        "k": [3, 5],
        "min_relevant_rating": None,
        "candidates": "catalogue",
        "rank_by": "score",
        "similarity": "text",
        "calibration_bins": 4,
        "rare_item_ratings": 2,
        "bootstrap_samples": 40,
    }
    content = {key: value for key, value in (content | changes).items() if value != "absent"}
    common = {"seed": 1, "threads": 1, "faults": [], "inputs": {n: [] for n in NAMES}}
    paths.PARAMS.write_text(yaml.safe_dump(common | {"evaluate": content}))


def write_items() -> None:
    genres = [["Drama", "War"][: i % 3] for i in range(N_ITEMS)]
    columns = {"item_idx": list(range(N_ITEMS)), "genres": genres, "year": [1995] * N_ITEMS}
    paths.CLEAN.mkdir()
    pq.write_table(pa.table(columns), paths.ITEMS)
    text = np.random.default_rng(5).normal(size=(N_ITEMS, 6)).astype(np.float32)
    write_block({"text": text}, paths.feature_block("text"))


def outputs(model: str) -> dict[str, Path]:
    return {
        "metrics": paths.metrics(model),
        "per_user": paths.per_user(model),
        "predictions": paths.predictions(model),
        "recommendations": paths.recommendations(model),
        "last_places": paths.last_places(model),
        "cohorts": paths.cohorts(model),
        "calibration": paths.calibration(model),
    }


def test_writes_every_file(project: None) -> None:
    evaluate.run("taste")
    rows = {
        name: pq.read_table(file).num_rows
        for name, file in outputs("taste").items()
        if file.suffix == ".parquet"
    }
    metrics = json.loads(paths.metrics("taste").read_text())
    assert rows["predictions"] == metrics["n_test"] == 30
    assert rows["per_user"] == metrics["n_test_users"]
    assert rows["recommendations"] == rows["last_places"] == 5 * rows["per_user"]
    cost = json.loads(paths.evaluate_cost("taste").read_text())
    assert cost["score_microseconds_per_user"] > 0


def test_test_ratings_are_learned_where_the_split_has_moments(
    project: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, part in enumerate((paths.TRAIN, paths.VALID, paths.TEST)):
        table = pq.read_table(part)
        times = pa.array(np.arange(table.num_rows) + 1000 * number)
        pq.write_table(table.set_column(3, "timestamp", times), part)
    paths.SPLIT_COUNTS.write_text(json.dumps({"moments": [2015]}))
    sizes = {"n_users": np.array(N_USERS), "n_items": np.array(N_ITEMS)}
    write_block(sizes | {"rating_scale": np.array([1.0, 5.0])}, paths.feature_block("ids"))
    learned: list[int] = []

    def refitted(self: Taste, train: Interactions, features: Features) -> Taste:
        learned.append(len(train))
        return self

    monkeypatch.setattr(Taste, "refitted", refitted)
    evaluate.run("taste", "ranks")
    assert learned == [60 + 10 + 15] * 2
    metrics = json.loads(paths.metrics("taste").read_text())
    assert metrics["n_test"] == 30
    predictions = pq.read_table(paths.predictions("taste")).to_pandas()
    error = predictions["score"] - predictions["rating"]
    assert metrics["rmse"] == pytest.approx(np.sqrt((error.astype(float) ** 2).mean()))


def test_the_headline_is_flat_and_agrees_with_the_predictions(project: None) -> None:
    evaluate.run("taste")
    metrics = json.loads(paths.metrics("taste").read_text())
    table = pq.read_table(paths.predictions("taste")).to_pandas()
    error = table["score"].astype(float) - table["rating"]
    assert metrics["rmse"] == pytest.approx(np.sqrt((error**2).mean()))
    assert {"ndcg_at_3", "ndcg_at_5", "map_at_3", "coverage_at_5"} <= metrics.keys()
    nested = {key for key, value in metrics.items() if isinstance(value, dict)}
    assert nested == {"intervals", "cohorts"}


def test_nothing_seen_is_recommended(project: None) -> None:
    evaluate.run("taste")
    recs = pq.read_table(paths.recommendations("taste")).to_pandas()
    shown = set(zip(recs["user_idx"], recs["item_idx"], strict=True))
    for part in (paths.TRAIN, paths.VALID):
        seen = Interactions.from_parquet(part)
        assert not shown & set(zip(seen.user_idx.tolist(), seen.item_idx.tolist(), strict=True))
    assert (recs.groupby("user_idx")["score"].diff().dropna() <= 0).all()


def test_both_ends_of_a_ranking_are_those_of_the_scores(project: None) -> None:
    """A whole ranking of every test user, made here of what the model says."""
    evaluate.run("taste")
    scores = Recommender.load(paths.model_dir("taste")).score(np.arange(N_USERS))
    for part in (paths.TRAIN, paths.VALID):
        seen = Interactions.from_parquet(part)
        scores[seen.user_idx, seen.item_idx] = -np.inf
    whole = {
        user: sorted(np.flatnonzero(row > -np.inf), key=lambda item, row=row: (-row[item], item))
        for user, row in enumerate(scores)
    }
    for file in (paths.recommendations("taste"), paths.last_places("taste")):
        table = pq.read_table(file).to_pandas()
        assert [
            whole[user][rank - 1]
            for user, rank in zip(table["user_idx"], table["rank"], strict=True)
        ] == list(table["item_idx"])
    last = table.groupby("user_idx")["rank"].max()
    assert last.to_dict() == {user: len(whole[user]) for user in last.index}


def test_twice_the_same_bytes(project: None) -> None:
    evaluate.run("taste")
    first = {name: file.read_bytes() for name, file in outputs("taste").items()}
    shutil.rmtree(paths.EVALUATION)
    evaluate.run("taste")
    assert first == {name: file.read_bytes() for name, file in outputs("taste").items()}


def test_a_model_that_only_ranks_leaves_nulls(project: None) -> None:
    evaluate.run("ranks")
    metrics = json.loads(paths.metrics("ranks").read_text())
    assert metrics["rmse"] is None
    assert metrics["ndcg_at_3"] is not None
    assert pq.read_table(paths.predictions("ranks"))["score"].null_count == 30
    per_user = pq.read_table(paths.per_user("ranks"))
    assert per_user["squared_error"].null_count == per_user.num_rows


def made(model: str) -> int:
    return paths.metrics(model).stat().st_mtime_ns


def test_only_a_model_that_changed_is_evaluated_again(project: None) -> None:
    evaluate.run()
    before = {name: made(name) for name in NAMES}
    evaluate.run()
    assert before == {name: made(name) for name in NAMES}
    features = Features(Ids(N_USERS, N_ITEMS, 1.0, 5.0))
    train = Interactions.from_parquet(paths.TRAIN)
    shutil.rmtree(paths.model_dir("taste"))
    Taste(seed=4).fit(train, train, features).save(paths.model_dir("taste"))
    evaluate.run()
    assert made("ranks") == before["ranks"]
    assert made("taste") > before["taste"]
    everything = json.loads(paths.METRICS.read_text())
    assert everything == {name: json.loads(paths.metrics(name).read_text()) for name in NAMES}


@pytest.mark.parametrize("changed", ["seed", "test", "text", "k"])
def test_what_an_evaluation_reads_makes_it_run_again(project: None, changed: str) -> None:
    evaluate.run()
    before = {name: made(name) for name in NAMES}
    if changed == "seed":
        content = yaml.safe_load(paths.PARAMS.read_text())
        paths.PARAMS.write_text(yaml.safe_dump(content | {"seed": 2}))
    elif changed == "k":
        write_params(k=[4])
    elif changed == "test":
        pq.write_table(pq.read_table(paths.TEST)[1:], paths.TEST)
    else:
        write_block({"text": np.ones((N_ITEMS, 2), np.float32)}, paths.feature_block("text"))
    evaluate.run()
    assert all(made(name) > before[name] for name in NAMES)


def test_another_table_of_metrics_makes_all_evaluations_run_again(
    project: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Path(files.__file__).parent
    copy = tmp_path / "package"
    ignored = shutil.ignore_patterns("__pycache__", "conf")
    shutil.copytree(package, copy, ignore=ignored)
    monkeypatch.setattr(files, "__file__", str(copy / "files.py"))
    evaluate.run()
    before = {name: made(name) for name in NAMES}
    table = copy / "evaluation" / "metrics.yaml"
    table.write_text(table.read_text() + "# changed\n")
    evaluate.run()
    assert all(made(name) > before[name] for name in NAMES)


def test_a_model_that_left_the_parameters_comes_back_with_its_results(project: None) -> None:
    evaluate.run()
    before = made("ranks")
    content = yaml.safe_load(paths.PARAMS.read_text())
    del content["inputs"]["ranks"]
    paths.PARAMS.write_text(yaml.safe_dump(content))
    evaluate.run()
    assert list(json.loads(paths.METRICS.read_text())) == ["taste"]
    write_params()
    evaluate.run()
    assert set(json.loads(paths.METRICS.read_text())) == {*NAMES} and made("ranks") == before
    paths.PARAMS.write_text(yaml.safe_dump(content))
    shutil.rmtree(paths.model_dir("ranks"))
    evaluate.run()
    assert [folder.name for folder in paths.EVALUATION.iterdir()] == ["taste"]
    assert not paths.evaluate_cost("ranks").exists()


def test_an_unknown_parameter_is_refused_by_name(project: None) -> None:
    write_params(bootstrap_samples="absent", bootstrap_sample=40)
    with pytest.raises(ParamsError, match="did you mean 'bootstrap_samples'"):
        evaluate.run("taste")


@pytest.mark.parametrize("cutoffs", [[], [0]])
def test_cutoffs_must_be_positive(project: None, cutoffs: list[int]) -> None:
    write_params(k=cutoffs)
    with pytest.raises(ParamsError, match=r"evaluate\.k"):
        evaluate.run("taste")
