"""On a standalone cluster of two workers: what one machine computes, also when one is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spark_cluster import Cluster, why_not

import reelbench
from reelbench.columns import ITEM_IDX, RATING, TIMESTAMP, USER_IDX
from reelbench.data.interactions import Interactions, Parts
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.distributed import ranking_metrics
from reelbench.evaluation.evaluate import evaluate
from reelbench.models import SVDS, ALSSpark, Popularity
from reelbench.spark import SparkConfig, SparkError, explained, spark_session

if TYPE_CHECKING:
    from pyspark import StatusTracker

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.skipif(**why_not())]

MEMORY = {"driver_memory": "1g", "executor_memory": "512m", "partitions": 2}
LOCAL = SparkConfig(master="local[2]", **MEMORY)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    started = Cluster(tmp_path_factory.mktemp("spark"), workers=2)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def config(cluster: Cluster) -> SparkConfig:
    return SparkConfig(master=cluster.master, **MEMORY)


@pytest.fixture(scope="module")
def parts(ml_100k: Path) -> Parts:
    return reelbench.split(reelbench.load_dataset("ml-100k", root=ml_100k), "temporal_user")


@pytest.fixture(scope="module")
def split(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with MovieLens 100K, split."""
    folder = tmp_path_factory.mktemp("split")
    for name in ("train", "valid", "test"):
        columns = getattr(parts, name).columns()
        names = (USER_IDX, ITEM_IDX, RATING, TIMESTAMP)
        pq.write_table(pa.table(dict(zip(names, columns, strict=True))), folder / f"{name}.parquet")
    return folder


@pytest.fixture(scope="module")
def model(parts: Parts) -> SVDS:
    return SVDS(seed=1, factors=20).fit(parts.train)


def test_als_on_the_cluster_is_that_of_one_machine(split: Path, config: SparkConfig) -> None:
    train = Interactions.from_parquet(split / "train.parquet")
    some = {"seed": 1, "factors": 4, "epochs": 2, "implicit": True}
    here = ALSSpark(**some, **LOCAL.model_dump()).fit(train)
    there = ALSSpark(**some, **config.model_dump()).fit(train)
    users = np.arange(there.ids.n_users)
    np.testing.assert_allclose(there.score(users), here.score(users), atol=1e-5)
    assert np.ptp(here.score(users)) > 0.5


def table(folder: Path) -> pa.Table:
    return pq.read_table(folder).sort_by(USER_IDX)


def test_metrics_are_those_of_evaluate(
    model: SVDS, parts: Parts, split: Path, config: SparkConfig, tmp_path: Path
) -> None:
    wanted = EvaluateConfig(k=(5, 10), min_relevant_rating=4, candidates="train")
    expected = evaluate(model, parts, wanted)
    means = ranking_metrics(model, wanted, config, tmp_path / "out", split)
    found = table(tmp_path / "out")
    assert found[USER_IDX].to_pylist() == expected.per_user[USER_IDX].tolist()
    assert len(means) == 15 and means["ndcg_at_10"] > 0.01
    for key, mean in means.items():
        assert mean == pytest.approx(expected.metrics[key], abs=1e-9)
        values = found[key].to_numpy().astype(float)
        np.testing.assert_allclose(values, expected.per_user[key], atol=1e-9)


def test_a_model_without_rows_of_users_is_refused(parts: Parts, tmp_path: Path) -> None:
    model = Popularity().fit(parts.train)
    with pytest.raises(SparkError, match="Popularity has no row of numbers per user"):
        ranking_metrics(model, EvaluateConfig(), LOCAL, tmp_path / "out")


def test_a_worker_that_is_killed_changes_no_byte(
    model: SVDS, split: Path, config: SparkConfig, cluster: Cluster, tmp_path: Path
) -> None:
    wanted = EvaluateConfig()
    ranking_metrics(model, wanted, config, tmp_path / "whole", split)
    session = spark_session(config)
    killed = threading.Event()

    def kill() -> None:
        tracker = session.sparkContext.statusTracker()
        while not any(_running(tracker, job) for job in tracker.getActiveJobsIds()):
            time.sleep(0.01)
        cluster.kill(cluster.workers[0])
        killed.set()

    threading.Thread(target=kill, daemon=True).start()
    ranking_metrics(model, wanted, config, tmp_path / "again", split)
    assert killed.is_set() and cluster.workers[0].poll() is not None
    assert table(tmp_path / "again").equals(table(tmp_path / "whole"))


def test_without_workers_it_is_said(
    config: SparkConfig, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = spark_session(config)
    monkeypatch.setattr("reelbench.spark._WORKER_SECONDS", 3.0)
    for worker in cluster.workers:
        if worker.poll() is None:
            cluster.kill(worker)
    lost = f"all workers of {config.master} were lost"
    with pytest.raises(SparkError, match=lost), explained(config.master, session):
        session.range(10).count()
    with pytest.raises(SparkError, match=f"{config.master} has no worker with 512m of memory"):
        spark_session(config)


def _running(tracker: StatusTracker, job: int) -> bool:
    """Whether a job has been given tasks: some are done, and others run."""
    stages = [tracker.getStageInfo(stage) for stage in tracker.getJobInfo(job).stageIds]
    return any(stage is not None and stage.numActiveTasks > 0 for stage in stages)
