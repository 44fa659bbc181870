"""Rates of Spark, from which docs/scale.md computes what more data would cost.

    python benchmarks/spark.py FOLDER [--master local[2]] [--users 20000]

FOLDER is a project whose stages clean and split have run. Printed are, in wall-clock and in
processor seconds of all processes: the start of a session, ALS per pass (the difference of two
trainings, so that reading and making blocks are seen apart), and ranking the whole catalogue.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import psutil
import pyarrow.parquet as pq

from reelbench import paths
from reelbench.columns import USER_IDX
from reelbench.data.interactions import Ids, Interactions
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.distributed import ranking_metrics
from reelbench.features.block import Features
from reelbench.models import ALSSpark
from reelbench.spark import SparkConfig, spark_session

T = TypeVar("T")
FACTORS = 32
WARM_UP = 500  # users


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--memory", default="6g")
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--users", type=int, help="test users to rank for; default: all")
    options = parser.parse_args()
    config = SparkConfig(
        master=options.master,
        driver_memory=options.memory,
        executor_memory=options.memory,
        partitions=options.partitions,
    )
    show("session", timed(lambda: spark_session(config))[0])
    split = options.folder / paths.SPLIT
    train = Interactions.from_parquet(split / paths.TRAIN.name)
    n_users = pq.read_metadata(options.folder / paths.USERS).num_rows
    n_items = pq.read_metadata(options.folder / paths.ITEMS).num_rows
    low, high = float(train.rating.min()), float(train.rating.max())
    features = Features(Ids(n_users, n_items, low, high))
    print(f"train                   {len(train):,} ratings, {n_users:,} users, {n_items:,} items")

    def fit(epochs: int, rows: Interactions = train) -> ALSSpark:
        model = ALSSpark(factors=FACTORS, epochs=epochs, implicit=True, **config.model_dump())
        return model.fit(rows, features=features)

    some = train.select(train.user_idx < WARM_UP)
    show("als, few users", timed(lambda: fit(1, some))[0])  # compiles Spark's code
    one, _ = timed(lambda: fit(1))
    three, model = timed(lambda: fit(3))
    per_pass = (three - one) / 2
    show("als, blocks and reading", one - per_pass)
    show("als, per pass", per_pass)
    with tempfile.TemporaryDirectory() as scratch:
        for users in (WARM_UP, options.users):  # the first starts Python processes
            part = sample(split, Path(tempfile.mkdtemp(dir=scratch)), users)
            seconds, n_ranked = timed(partial(rank, model, part, config))
            show(f"ranking, {n_ranked:,} users", seconds)


def rank(model: ALSSpark, split: Path, config: SparkConfig) -> int:
    """Rank for all test users of a folder; how many they are."""
    with tempfile.TemporaryDirectory() as scratch:
        ranking_metrics(model, EvaluateConfig(), config, Path(scratch) / "metrics", split)
        return len(pq.read_table(Path(scratch) / "metrics"))


def show(name: str, seconds: np.ndarray) -> None:
    print(f"{name:28}{seconds[0]:8.1f} s wall {seconds[1]:8.1f} s processor", flush=True)


def sample(split: Path, folder: Path, users: int | None) -> Path:
    """A folder with the rows of the first users of all, where not all are wanted."""
    if users is None:
        return split
    for file in (paths.TRAIN, paths.VALID, paths.TEST):
        rows = pq.read_table(split / file.name, filters=[(USER_IDX, "<", users)])
        pq.write_table(rows, folder / file.name)
    return folder


def timed(call: Callable[[], T]) -> tuple[np.ndarray, T]:
    """Wall-clock and processor seconds (2,) of a call, and what it returns."""
    start = now()
    result = call()
    return now() - start, result


def now() -> np.ndarray:
    """Wall-clock time, and processor time so far of this process and all that it has started."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    used = sum(sum(process.cpu_times()) for process in processes if process.is_running())
    return np.array([time.perf_counter(), used])


if __name__ == "__main__":
    main()
