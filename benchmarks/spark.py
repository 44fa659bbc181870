"""Rates of Spark at several sizes, from which docs/scale.md computes what more data would cost.

    python benchmarks/spark.py PROJECT WORK --share 0.25 --steps clean split als rank
    python benchmarks/spark.py PROJECT WORK --fit

PROJECT is a folder in which the stage `download` has run, with ratings in Parquet (those of
`synthetic.py`). A share of its users is taken to a project in WORK, where the steps run, each on
what the ones before it have written: `clean` and `split` by `engine=spark`, `als` (one and three
passes, whose difference tells a pass from reading and making blocks), and `rank`, the whole
catalogue for all test users. A few users go first, so that nothing is compiled on the way.
Wall-clock and processor seconds of all processes are added to WORK/rates.csv; `--fit` prints the
exponent of every step, log-log in its unit, with the standard deviation of the residuals.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import psutil
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from reelbench import paths
from reelbench.data.interactions import Ids, Interactions
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.distributed import ranking_metrics
from reelbench.features.block import Features
from reelbench.models import ALSSpark
from reelbench.models.base import Recommender
from reelbench.spark import SparkConfig, spark_session
from reelbench.stages import clean, split

T = TypeVar("T")
FACTORS = 32
WARM_UP = 0.002  # share of users that goes first
STEPS = ("clean", "split", "als", "rank")
COLUMNS = ["step", "ratings", "users", "items", "wall", "processor"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--share", type=float, default=1.0, help="of the users")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--fit", action="store_true", help="print the fits to all rates so far")
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--memory", default="6g")
    parser.add_argument("--partitions", type=int, default=8)
    options = parser.parse_args()
    source, work = options.project.absolute(), options.work.absolute()
    if options.fit:
        print(fits(pd.read_csv(work / "rates.csv")).to_string(index=False))
        return
    memory = dict.fromkeys(("driver_memory", "executor_memory"), options.memory)
    config = SparkConfig(master=options.master, partitions=options.partitions, **memory)
    spark_session(config)
    for share, rates in ((WARM_UP, None), (options.share, work / "rates.csv")):
        project(source, work / f"{share:g}", share, config)
        for step in options.steps:
            found = globals()[f"run_{step}"](config)
            if rates is not None:
                table = pd.DataFrame([[*row[:1], *size(), *row[1]] for row in found])
                table.to_csv(
                    rates, mode="a", header=None if rates.exists() else COLUMNS, index=False
                )
                print(table.to_string(header=False, index=False), flush=True)


def project(source: Path, folder: Path, share: float, config: SparkConfig) -> None:
    """Make the folder with a share of the users, where it is not there, and change to it."""
    raw = folder / paths.RAW
    if not raw.exists():
        shutil.copytree(source / paths.RAW, raw, ignore=shutil.ignore_patterns("*.parquet"))
        rows = pq.read_table(source / paths.RAW / "ratings.parquet")
        if share < 1:
            users = rows["userId"].to_numpy()
            rows = rows.filter(pc.less(users * 2654435761 % 2**32, int(share * 2**32)))
        pq.write_table(rows, raw / "ratings.parquet", row_group_size=500_000)
        content = yaml.safe_load((source / paths.PARAMS).read_text(encoding="utf-8"))
        content["engine"] = {"name": "spark", **config.model_dump()}
        (folder / paths.PARAMS).write_text(yaml.safe_dump(content), encoding="utf-8")
    os.chdir(folder)


def size() -> list[int]:
    """Ratings, users and items of the current project."""
    ratings = pq.read_table(paths.INTERACTIONS, columns=["rating"])
    return [len(ratings), *(pq.read_metadata(file).num_rows for file in (paths.USERS, paths.ITEMS))]


def run_clean(config: SparkConfig) -> list[tuple[str, np.ndarray]]:
    return [("clean", timed(clean.run)[0])]


def run_split(config: SparkConfig) -> list[tuple[str, np.ndarray]]:
    return [("split", timed(split.run)[0])]


def run_als(config: SparkConfig) -> list[tuple[str, np.ndarray]]:
    train = Interactions.from_parquet(paths.TRAIN)
    low, high = float(train.rating.min()), float(train.rating.max())
    features = Features(Ids(*size()[1:], low, high))

    def fit(epochs: int) -> ALSSpark:
        model = ALSSpark(factors=FACTORS, epochs=epochs, implicit=True, **config.model_dump())
        return model.fit(train, features=features)

    one, _ = timed(lambda: fit(1))
    three, model = timed(lambda: fit(3))
    shutil.rmtree("model", ignore_errors=True)
    model.save(Path("model"))
    per_pass = (three - one) / 2
    return [("als, blocks and reading", one - per_pass), ("als, per pass", per_pass)]


def run_rank(config: SparkConfig) -> list[tuple[str, np.ndarray]]:
    model = Recommender.load(Path("model"))
    out = Path("metrics")
    return [("rank", timed(lambda: ranking_metrics(model, EvaluateConfig(), config, out))[0])]


def fits(rates: pd.DataFrame) -> pd.DataFrame:
    """Per step: exponent and rate in ratings, or in pairs of a user and an item where it ranks."""
    rows = []
    for step, runs in rates.groupby("step", sort=False):
        unit = runs.users * runs["items"] if step == "rank" else runs.ratings
        x, y = np.log(unit), np.log(runs.processor)
        slope, start = np.polyfit(x, y, 1)
        spread = np.sqrt(((y - start - slope * x) ** 2).sum() / max(len(x) - 2, 1))
        largest = unit.idxmax()
        rate = runs.processor[largest] / unit[largest] * 1e6
        rows.append([step, len(runs), round(slope, 2), round(spread, 3), rate])
    names = ["step", "runs", "exponent", "residual", "core-seconds per million at the largest"]
    return pd.DataFrame(rows, columns=names)


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
