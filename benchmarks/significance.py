"""Coverage and error rates of intervals and tests, by simulation under a known truth.

    python benchmarks/significance.py [--simulations 1000] [--users 943] [--models 28]
    python benchmarks/significance.py --project FOLDER
    python benchmarks/significance.py --time [--users 138000]

The first draws users of three kinds of metric: RMSE, with skewed numbers of ratings and errors;
nDCG, whose values are 0 for most users; diversity, close to normal. Either all models are equally
good in truth, or half of them. Printed are shares of the simulations with their Monte-Carlo error,
and whether they are within two of it of what is promised. The second takes the test users of a
project as the whole population and draws from them: a few users decide some of its differences. The
third prints the time of all comparisons of one metric.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable, Mapping
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from reelbench import paths
from reelbench.columns import USER_IDX
from reelbench.evaluation.metrics import RatingMetric, find
from reelbench.evaluation.rating_metrics import SUM_COLUMNS, ErrorSums
from reelbench.evaluation.significance import ALPHA, compared_pairs, intervals

METRICS = ("rmse", "ndcg_at_10", "diversity_genres_at_10")
Tables = dict[str, pd.DataFrame]
#: users at random, from a generator and their number; and the true value of every model
World = tuple[Callable[[np.random.Generator, int], Tables], Mapping[str, float]]


def steps(n_models: int, equal: bool) -> np.ndarray:
    """From 0 to 1 for the second half of the models, 0 for the first; 0 for all if `equal`."""
    return np.zeros(n_models) if equal else np.linspace(-1, 1, n_models).clip(0)


def world(metric: str, n_models: int, equal: bool) -> World:
    """Users of a metric, and its true values."""
    names, step = [f"model{number}" for number in range(n_models)], steps(n_models, equal)
    draw: Callable[[np.random.Generator, int], np.ndarray]
    if metric == "rmse":
        variance = 0.9 * (1 + 0.2 * step)
        return partial(users_with_errors, variance), dict(zip(names, variance**0.5, strict=True))
    if metric == "ndcg_at_10":
        chance = 0.1 + 0.3 * step
        draw, truth = partial(values_with_zeros, chance), chance / 3
    else:
        truth = 0.6 + 0.05 * step
        draw = partial(normal_values, truth)

    def tables(rng: np.random.Generator, n: int) -> Tables:
        values = draw(rng, n)
        return {name: table({metric: own}) for name, own in zip(names, values.T, strict=True)}

    return tables, dict(zip(names, truth, strict=True))


def table(columns: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """A per-user table."""
    found = pd.DataFrame(columns)
    found.insert(0, USER_IDX, np.arange(len(found)))
    return found


def users_with_errors(variance: np.ndarray, rng: np.random.Generator, n: int) -> Tables:
    """Sums of errors: numbers of ratings are lognormal, and users are more or less predictable."""
    ratings = 1 + np.floor(rng.lognormal(1.5, 0.9, n))
    of_user = ratings * rng.gamma(4, 1 / 4, n)
    found = {}
    for number, level in enumerate(variance):
        squared = level * of_user * rng.gamma(4 * ratings, 1 / (4 * ratings))
        sums = dict.fromkeys(SUM_COLUMNS, 0.0) | {"n_test": ratings, "squared_error": squared}
        found[f"model{number}"] = table(sums)
    return found


def values_with_zeros(chance: np.ndarray, rng: np.random.Generator, n: int) -> np.ndarray:
    """A hit with this chance for each model (n, m), for some users more likely; 0 without one."""
    shared, own = rng.normal(size=(n, 1)), rng.normal(size=(n, len(chance)))
    hit = 0.7 * shared + np.sqrt(1 - 0.7**2) * own < stats.norm.ppf(chance)
    return np.where(hit, rng.beta(1, 2, hit.shape), 0.0)


def normal_values(mean: np.ndarray, rng: np.random.Generator, n: int) -> np.ndarray:
    """Values (n, m) that are near each other for every user."""
    return mean + 0.1 * rng.normal(size=(n, 1)) + 0.08 * rng.normal(size=(n, len(mean)))


def population(folder: Path, metric: str) -> World:
    """The test users of a project, drawn with replacement: their values are the truth."""
    what, whole = find(metric), {}
    for path in sorted((folder / paths.EVALUATION).iterdir()):
        found = pd.read_parquet(path / paths.per_user(path.name).name)
        column = "squared_error" if isinstance(what, RatingMetric) else metric
        if found[column].notna().all():
            whole[path.name] = found
    if isinstance(what, RatingMetric):
        sums = {n: ErrorSums(*(t[c].sum() for c in SUM_COLUMNS)) for n, t in whole.items()}
        truth = {name: float(what.function(own)) for name, own in sums.items()}
    else:
        truth = {name: float(own[metric].mean()) for name, own in whole.items()}

    def tables(rng: np.random.Generator, n: int) -> Tables:
        rows = rng.integers(len(next(iter(whole.values()))), size=n)
        drawn = {name: own.iloc[rows].reset_index(drop=True) for name, own in whole.items()}
        return {name: own.assign(**{USER_IDX: np.arange(n)}) for name, own in drawn.items()}

    return tables, truth


def simulate(metric: str, given: World, n_users: int, samples: int, seed: int) -> dict[str, bool]:
    """One simulation: what held."""
    rng = np.random.default_rng(seed)
    tables, truth = given[0](rng, n_users), given[1]
    name, other = list(truth)[:2]
    own = tables[name]
    errors, values = None, {metric: own[metric]} if metric in own else {}
    if not values:
        errors = ErrorSums(*(own[column].to_numpy(float) for column in SUM_COLUMNS))
    low, high = intervals(errors, {k: v.to_numpy() for k, v in values.items()}, 1000, rng)[metric]
    (alone,) = compared_pairs(tables, metric, 1000, seed, [(name, other)])
    pairs = compared_pairs(tables, metric, samples, seed)
    true = {pair[1:3]: truth[pair.first] - truth[pair.second] for pair in (alone, *pairs)}
    equal = [pair for pair in pairs if true[pair[1:3]] == 0]
    held = {
        "interval of one model": low <= truth[name] <= high,
        "interval of one difference": alone.low <= true[alone[1:3]] <= alone.high,
        "all intervals together": all(pair.low <= true[pair[1:3]] <= pair.high for pair in pairs),
    }
    wrong = {
        "any false verdict": any(
            pair.better and (pair.difference > 0) != (true[pair[1:3]] > 0) for pair in pairs
        )
        or any(pair.better for pair in equal),
        "any p < 0.05 after step-down": any(pair.p_step_down < ALPHA for pair in equal),
        "any p < 0.05 by sign flips": any(pair.p_sign_flip < ALPHA for pair in equal),
    }
    return {k: bool(v) for k, v in (held | (wrong if equal else {})).items()}


_WORLD: list[World] = []


def _run(metric: str, n_users: int, samples: int, seed: int) -> dict[str, bool]:
    return simulate(metric, _WORLD[0], n_users, samples, seed)


def report(metric: str, title: str, given: World, options: argparse.Namespace) -> None:
    """Print what share of the simulations every promise held in."""
    _WORLD[:] = [given]  # for the processes, which are forked
    one = partial(_run, metric, options.users, options.samples)
    with Pool(options.processes) as pool:
        found = pd.DataFrame(pool.map(one, range(options.simulations), chunksize=10))
    print(f"\n{find(metric).title}, {title}: {options.users:,} users, {len(given[1])} models")
    for name, share in found.mean().items():
        coverage = "interval" in str(name)
        goal = 1 - ALPHA if coverage else ALPHA
        error = np.sqrt(goal * (1 - goal) / len(found))
        good = share >= goal - 2 * error if coverage else share <= goal + 2 * error
        if coverage and "together" not in str(name):
            good &= share <= goal + 2 * error
        print(f"  {name:<34}{share:8.1%} ± {error:.1%}  {'ok' if good else 'MISSED'}", flush=True)


def measure(options: argparse.Namespace) -> None:
    """Print the time of all comparisons of one metric with the resamples of the defaults."""
    for metric in METRICS:
        tables = world(metric, options.models, False)[0](np.random.default_rng(0), options.users)
        start = time.perf_counter()
        pairs = compared_pairs(tables, metric, 1000, 0)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        print(
            f"{find(metric).title}: {len(pairs)} pairs of {options.models} models, "
            f"{options.users:,} users: {seconds:.1f} s, {peak:.2f} GB",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--users", type=int)
    parser.add_argument("--models", type=int, default=28)
    parser.add_argument("--samples", type=int, default=250, help="evaluate.bootstrap_samples")
    parser.add_argument("--metrics", nargs="+", default=METRICS)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--project", type=Path, help="folder of a project with evaluations")
    parser.add_argument("--time", action="store_true", help="time and memory alone")
    options = parser.parse_args()
    options.users = options.users or (138_000 if options.time else 943)
    if options.time:
        measure(options)
        return
    for metric in options.metrics:
        if options.project:
            report(metric, "users of a project", population(options.project, metric), options)
            continue
        for title, equal in (("all models equal", True), ("half of them equal", False)):
            report(metric, title, world(metric, options.models, equal), options)


if __name__ == "__main__":
    main()
