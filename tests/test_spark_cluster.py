"""On a standalone cluster of two workers: what one machine computes, also when one is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spark_cluster import MEMORY, Cluster, free_port, kill, why_not
from spark_project import DUCKDB, SPARK, assert_same, project
from typer.testing import CliRunner

from reelbench import paths
from reelbench.cli import app
from reelbench.columns import USER_IDX
from reelbench.data import engine as module
from reelbench.data.interactions import Ids, Interactions, Parts
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.distributed import ranking_metrics
from reelbench.evaluation.evaluate import evaluate
from reelbench.features.block import Features
from reelbench.files import read_json, sha256_tree
from reelbench.models import SVDS, ALSSpark, Popularity
from reelbench.spark import SparkConfig, SparkError, explained, spark_session
from reelbench.stages import clean, split

pytestmark = [
    *(pytest.mark.spark, pytest.mark.slow, pytest.mark.skipif(**why_not())),
    pytest.mark.usefixtures("java"),
]

LOCAL = SparkConfig(master="local[2]", **MEMORY)
ALS = {"seed": 1, "factors": 4, "epochs": 2, "implicit": True}
EVALUATE = {"k": [5, 10], "min_relevant_rating": 4, "candidates": "train"}

# jobs of a stage before the one that loses a worker: it has read, and computes
JOBS = 6

Run = Callable[[str, dict[str, object]], Path]


@pytest.fixture(scope="module")
def run(ml_100k: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Makes a project of MovieLens 100K, in four blocks of users; returns its folder."""
    root = tmp_path_factory.mktemp("projects")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr(module, "_BLOCK", 30_000)

        def made(name: str, engine: dict[str, object]) -> Path:
            project(root / name, ml_100k, engine, "ml-100k", "temporal_user", evaluate=EVALUATE)
            return root / name

        yield made


@pytest.fixture(scope="module")
def duckdb(run: Run) -> Path:
    """Project whose clean and split ran on DuckDB."""
    folder = run("duckdb", DUCKDB)
    clean.run()
    split.run()
    return folder


@pytest.fixture(scope="module")
def parts(duckdb: Path) -> Parts:
    files = (paths.TRAIN, paths.VALID, paths.TEST)
    return Parts(*(Interactions.from_parquet(duckdb / file) for file in files))


@pytest.fixture(scope="module")
def features(duckdb: Path) -> Features:
    found = read_json(duckdb / paths.CATALOGUE)
    return Features(Ids(found["n_users"], found["n_items"], 1, 5))


@pytest.fixture(scope="module")
def here(run: Run) -> Path:
    """Project whose clean and split ran on threads of this machine."""
    folder = run("here", SPARK)
    clean.run()
    split.run()
    return folder


@pytest.fixture(scope="module")
def als_here(parts: Parts, features: Features) -> ALSSpark:
    return ALSSpark(**ALS, **LOCAL.model_dump()).fit(parts.train, features=features)


@pytest.fixture(scope="module")
def cluster(
    here: Path, als_here: ALSSpark, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    # after the last use of this machine's own session: a process has one at a time
    started = Cluster(tmp_path_factory.mktemp("spark"), workers=2)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def config(cluster: Cluster) -> SparkConfig:
    return SparkConfig(master=cluster.master, **MEMORY)


@pytest.fixture(scope="module")
def there(cluster: Cluster, config: SparkConfig, run: Run) -> Path:
    """Project whose clean and split ran on the cluster, which lost a worker during both."""
    folder = run("there", SPARK | {"master": cluster.master})
    session = spark_session(config)
    for stage in (clean, split):
        with cluster.losing_a_worker(session, after=JOBS):
            stage.run()
    return folder


@pytest.fixture(scope="module")
def model(parts: Parts, features: Features) -> SVDS:
    return SVDS(seed=1, factors=20).fit(parts.train, features=features)


def test_als_on_the_cluster_is_that_of_one_machine(
    als_here: ALSSpark, parts: Parts, features: Features, config: SparkConfig
) -> None:
    model = ALSSpark(**ALS, **config.model_dump()).fit(parts.train, features=features)
    users = np.arange(model.ids.n_users)
    np.testing.assert_allclose(model.score(users), als_here.score(users), atol=1e-5)
    assert np.ptp(model.score(users)) > 0.5


def test_clean_and_split_are_those_of_duckdb(duckdb: Path, here: Path) -> None:
    assert_same(duckdb, here)
    assert read_json(here / paths.CLEAN_COUNTS)["interactions"]["written"] == 100_000
    assert len(list((here / paths.TRAIN).iterdir())) == 4


def test_a_worker_that_is_lost_changes_no_byte_of_clean_and_split(here: Path, there: Path) -> None:
    for folder in (paths.CLEAN, paths.SPLIT):
        assert sha256_tree(here / folder) == sha256_tree(there / folder)


def table(folder: Path) -> pa.Table:
    return pq.read_table(folder).sort_by(USER_IDX)


def test_the_command_prints_the_means_of_evaluate(
    model: SVDS, parts: Parts, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(there)
    model.save(paths.model_dir("svds"))
    done = CliRunner().invoke(app, ["spark", "svds"])
    assert done.exit_code == 0, done.output
    expected = evaluate(model, parts, EvaluateConfig(**EVALUATE))
    found = table(paths.DATA / "spark" / "svds")
    assert found[USER_IDX].to_pylist() == expected.per_user[USER_IDX].tolist()
    keys = [key for key in found.column_names if key != USER_IDX]
    assert len(keys) == 17 and expected.metrics["ndcg_at_10"] > 0.01
    for key in keys:
        values = found[key].to_numpy().astype(float)
        np.testing.assert_allclose(values, expected.per_user[key], atol=1e-9)
        assert np.nanmean(values) == pytest.approx(expected.metrics[key], abs=1e-9)
    shown = [f"{key} {expected.metrics[key]:.4f}" for key in keys]
    assert done.output.split(": ")[1].strip().split("  ") == shown


def test_a_worker_that_is_lost_changes_no_byte_of_metrics(
    model: SVDS, there: Path, config: SparkConfig, cluster: Cluster, tmp_path: Path
) -> None:
    wanted, out = EvaluateConfig(**EVALUATE), tmp_path / "out"
    with cluster.losing_a_worker(spark_session(config)):
        ranking_metrics(model, wanted, config, out, there / paths.SPLIT)
    assert table(out).equals(table(there / paths.DATA / "spark" / "svds"))


def test_a_model_without_rows_of_users_is_refused(
    parts: Parts, features: Features, tmp_path: Path
) -> None:
    model = Popularity().fit(parts.train, features=features)
    with pytest.raises(SparkError, match="Popularity has no row of numbers per user"):
        ranking_metrics(model, EvaluateConfig(), LOCAL, tmp_path / "out")


def test_the_command_names_what_is_missing(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(there)
    master = f"spark://127.0.0.1:{free_port()}"
    for options, said in (
        (["svds", "--master", master], f"spark: no Spark master answers at {master}: "),
        (["svds", "--master", "yarn"], "spark: master 'yarn' is none of local[N], "),
        (["mf"], f"spark: {paths.model_dir('mf')} is missing: run `dvc repro`"),
    ):
        done = CliRunner().invoke(app, ["spark", *options])
        assert done.exit_code == 2 and done.stderr.startswith(said)
        assert done.stderr.count("\n") == 1


def test_without_workers_it_is_said(
    config: SparkConfig, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = spark_session(config)
    monkeypatch.setattr("reelbench.spark._WORKER_SECONDS", 1.0)
    for worker in cluster.workers:
        kill(worker)
    lost = f"all workers of {config.master} were lost"
    with pytest.raises(SparkError, match=lost), explained(config.master, session):
        session.range(10).count()
    with pytest.raises(SparkError, match=f"{config.master} has no worker with 512m of memory"):
        spark_session(config)
