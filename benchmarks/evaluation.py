"""Speed of evaluation, by step: of trained models of a project, or of a synthetic catalogue.

    python benchmarks/evaluation.py --project FOLDER [MODEL ...]
    python benchmarks/evaluation.py [--users 100000] [--items 20000] [--no-ranx]

Prints seconds, user CPU and peak memory. The first evaluates models that `train` has left in a
project folder, each in a process of its own, and writes nothing. The second ranks with random
factors, and also gives the seconds that ranx needs for the same metrics of the same lists (ranx is
given the lists: it neither ranks a catalogue nor removes what was seen).
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from reelbench import params, paths
from reelbench.data.interactions import Interactions, Parts
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.evaluate import evaluate_on
from reelbench.evaluation.metrics import METRICS, RankingMetric, metric_key, ranking_values
from reelbench.evaluation.ranking_metrics import auc
from reelbench.evaluation.scoring import rank
from reelbench.evaluation.task import Task
from reelbench.features.block import Features, Ids, read_block
from reelbench.models.base import Arrays, Recommender
from reelbench.seeds import pin_runtime

CUTOFFS = (10, 20, 50, 100)
FACTORS = 32
SEEN, RELEVANT = 40, 10
RANX = ("ndcg", "recall", "precision", "map", "mrr", "hit_rate")


class Factors(Recommender):
    """Random factors: what is measured is not the model."""

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        rng = np.random.default_rng(self.seed)
        ids = features.ids
        self._user = rng.normal(size=(ids.n_users + 1, FACTORS)).astype(np.float32)
        self._item = rng.normal(size=(ids.n_items + 1, FACTORS)).astype(np.float32)

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return np.einsum("nf,nf->n", self._user[user_idx], self._item[item_idx])

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        return self._user[user_idx] @ self._item[:-1].T

    def _state(self) -> Arrays:
        return {"user": self._user, "item": self._item}

    def _restore(self, state: Arrays) -> None:
        self._user, self._item = state["user"], state["item"]


def pairs(n_users: int, n_items: int, per_user: int, seed: int) -> sparse.csr_array:
    """About `per_user` random items for every user, boolean CSR."""
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(n_users), per_user)
    items = (n_items * rng.beta(1, 4, size=len(users))).astype(np.int64)
    ones = np.ones(len(users), dtype=bool)
    return sparse.csr_array((ones, (users, items)), shape=(n_users, n_items))


@contextmanager
def clock(what: str) -> Iterator[None]:
    """Print what a block costs; the memory is the highest of the process so far."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    yield
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    user, peak = after.ru_utime - before.ru_utime, after.ru_maxrss * 1024 / 1e9
    print(f"{what:<58}{seconds:8.1f} s {user:8.1f} s user {peak:6.2f} GB", flush=True)


def of_project(folder: Path, model: str) -> None:
    """Evaluate one trained model of a project."""
    os.chdir(folder)
    content = params.read()
    pin_runtime(content["threads"])
    config = params.load("evaluate", EvaluateConfig)
    with clock(f"{model}: everything"):
        with clock("  read the ratings and the model"):
            files = (paths.TRAIN, paths.VALID, paths.TEST)
            parts = Parts(*map(Interactions.from_parquet, files))
            recommender = Recommender.load(paths.model_dir(model))
            block = read_block(paths.feature_block(config.similarity))
            movies = Movies.of(pd.read_parquet(paths.ITEMS), {config.similarity: block})
        with clock("  what is the same for all models"):
            task = Task(parts, recommender.ids, config, movies, content["seed"])
        with clock("  predict, rank and measure"):
            result = evaluate_on(task, recommender)
    scoring = result.cost["score_microseconds_per_user"] * len(task.users) / 1e6
    print(f"  of which in `score`{scoring:47.1f} s\n  {len(task.users):,} users", flush=True)


def ours(
    n_users: int, n_items: int, threads: int
) -> tuple[np.ndarray, sparse.csr_array, dict[str, float]]:
    """Lists, what is relevant, and the mean of every metric."""
    seen, relevant = (pairs(n_users, n_items, n, s) for n, s in ((SEEN, 1), (RELEVANT, 2)))
    nothing = Interactions.from_arrays([0], [0], [1.0])
    model = Factors(seed=0, threads=threads).fit(
        nothing, nothing, Features(Ids(n_users, n_items, 1.0, 5.0))
    )
    users = np.arange(n_users)
    with clock("top 10 alone, full catalogue"):
        rank(model, users, seen, 10)
    n_metrics = sum(isinstance(metric, RankingMetric) for metric in METRICS.values())
    with clock("reelbench, all metrics at all cutoffs"):
        with clock("top 100 and AUC, full catalogue"):
            ranked = rank(model, users, seen, max(CUTOFFS), relevant=relevant)
        with clock(f"{n_metrics} metrics at {len(CUTOFFS)} cutoffs, and AUC"):
            values = ranking_values(ranked.lists.items, relevant, CUTOFFS)
            values |= {"auc": auc(ranked.lists.auc_terms, relevant)}
    return ranked.lists.items, relevant, {key: float(np.nanmean(v)) for key, v in values.items()}


def theirs(lists: np.ndarray, relevant: sparse.csr_array) -> dict[str, float]:
    """Means of ranx, whose functions are compiled before the clock runs."""
    import ranx

    metrics = [f"{name}@{k}" for name in RANX for k in CUTOFFS]

    def run(n: int) -> dict[str, float]:
        qrels = ranx.Qrels(
            {
                str(user): dict.fromkeys(map(str, relevant.indices[slice(*bounds)].tolist()), 1)
                for user, bounds in enumerate(pairwise(relevant.indptr[: n + 1]))
            }
        )
        falling = [float(-place) for place in range(lists.shape[1])]
        rows = lists[:n].tolist()
        found = ranx.Run(
            {str(u): dict(zip(map(str, row), falling, strict=True)) for u, row in enumerate(rows)}
        )
        with clock(f"ranx, {len(metrics)} metrics of the same lists of {n:,} users"):
            return ranx.evaluate(qrels, found, metrics)

    run(10)
    return run(len(lists))


def agree(mine: dict[str, float], other: dict[str, float]) -> float:
    """Largest difference between the two."""
    names = {f"{name}@{k}": metric_key(name, k) for name in RANX for k in CUTOFFS}
    return max(abs(mine[names[name]] - value) for name, value in other.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--project", type=Path, help="folder of a project with trained models")
    parser.add_argument("models", nargs="*", help="by default all that are trained")
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-ranx", action="store_true", help="ranx holds lists in dictionaries")
    arguments = parser.parse_args()
    if arguments.project:
        folder = arguments.project.resolve()
        trained = sorted(path.name for path in (folder / paths.MODELS).iterdir())
        for model in arguments.models or trained:
            child = get_context("spawn").Process(target=of_project, args=(folder, model))
            child.start()
            child.join()
            if child.exitcode:
                raise SystemExit(child.exitcode)
        return
    pin_runtime(arguments.threads)
    print(f"{arguments.users:,} users, {arguments.items:,} items, {FACTORS} factors")
    lists, relevant, mine = ours(arguments.users, arguments.items, arguments.threads)
    if not arguments.no_ranx:
        other = theirs(lists, relevant)
        print(f"{'largest difference between the two':<58}{agree(mine, other):8.1e}")


if __name__ == "__main__":
    main()
