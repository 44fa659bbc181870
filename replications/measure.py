"""Measure models on the published protocol, on an honest one, and with each fault alone."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from reelbench import paths
from reelbench.columns import ITEM_IDX, RATING, SCORE, USER_IDX
from reelbench.evaluation.rating_metrics import error_sums
from reelbench.evaluation.significance import intervals, resampling
from reelbench.files import read_json
from reelbench.models.base import ModelEntry
from reelbench.params import ParamsError, select
from replications import runs
from replications.published import Plan, Row, Variant
from replications.results import Estimate, FaultEffect, Result, Spread
from replications.runs import Ran

_LOG = logging.getLogger(__name__)

#: the root seeds are this and those after it; the first is that of `conf/config.yaml`
FIRST_SEED = 42
#: seconds of training: a cost, so it has no interval and no fault changes it
SECONDS = "seconds"
# characters of the reason why a row was not run
_LONGEST = 200


class Measured(NamedTuple):
    """Metrics of a variant, one mapping per run; `intervals` has those of the metrics."""

    runs: tuple[Mapping[str, Any], ...]

    def spread(self, metric: str) -> Spread:
        """Mean and standard deviation over the runs."""
        return spread([run[metric] for run in self.runs])

    def estimate(self, metric: str) -> Estimate:
        """Figure of the first run with its interval."""
        first = self.runs[0]
        low, high = first["intervals"].get(metric, (None, None))
        return Estimate(value=float(first[metric]), low=low, high=high)

    def estimates(self, metrics: Iterable[str]) -> dict[str, Estimate]:
        """`estimate` of several metrics, by metric."""
        return {metric: self.estimate(metric) for metric in metrics}


def spread(figures: Sequence[float]) -> Spread:
    """Mean of a figure over runs, and its standard deviation where there are several."""
    values = np.array(figures, dtype=float)
    deviation = float(values.std(ddof=1)) if len(values) > 1 else None
    return Spread(mean=float(values.mean()), deviation=deviation, runs=len(values))


@dataclass
class Study:
    """The replication of one system: where and on which data it runs, and what has run so far.

    Attributes:
        overrides: Hydra overrides for every variant; paths in them are absolute.
        seeds: number of runs behind a spread.
        folder: of all variants, and of the store of their outs.
        ran: every variant that was asked for, repeated ones too.
        small: folder with ml-latest-small, for a row that is run on it too; None: downloaded.
    """

    preset: str
    overrides: tuple[str, ...]
    seeds: int
    folder: Path
    ran: list[Ran] = field(default_factory=list)
    small: Path | None = None
    _measured: dict[tuple[Variant, int], tuple[Ran, dict[str, Any]]] = field(default_factory=dict)

    def run(self, variant: Variant, *, seed: int = FIRST_SEED, upto: str = "") -> Ran:
        """Run a variant with a root seed, which also draws the split where that is random."""
        overrides = (
            f"+experiment={self.preset}",
            "tracking=none",
            # similarity of texts matters to no published row and takes long
            "evaluate.similarity=ids",
            *self.overrides,
            f"seed={seed}",
            *variant.hydra,
        )
        folder, store = self.folder / variant.model, self.folder / "store"
        self.ran.append(runs.run(folder, store, overrides, variant.model, upto=upto))
        return self.ran[-1]

    def measure(self, variant: Variant, runs: int = 1) -> Measured:
        """Metrics of a variant over several root seeds."""
        seeds = range(FIRST_SEED, FIRST_SEED + runs)
        return Measured(tuple(self._metrics(variant, seed) for seed in seeds))

    def over_folds(self, variant: Variant, folds: int, *overrides: str) -> Measured:
        """Metrics of a variant on each of the folds of `split=kfold`, trained on the others."""
        split = ("split=kfold", f"split.folds={folds}", *overrides)
        each = (variant.with_(*split, f"split.fold={fold}") for fold in range(1, folds + 1))
        return Measured(tuple(self.measure(fold).runs[0] for fold in each))

    def published(self, plan: Plan) -> Measured:
        """Metrics on the published protocol."""
        return self.measure(plan.same, max(self.seeds, plan.least))

    def used(self, variant: Variant) -> Ran:
        """The first run of a variant that has been measured."""
        return self._measured[variant, FIRST_SEED][0]

    def carry_out(self, plan: Plan) -> Result:
        """Run every variant of a plan."""
        same, honest = self.published(plan), self.measure(plan.honest)
        single = {fault: self.measure(variant) for fault, variant in plan.single.items()}
        also = {name: self.measure(variant) for name, variant in plan.also.items()}
        return Result(
            same={metric: same.spread(metric) for metric in plan.metrics},
            honest=honest.estimates(plan.metrics),
            worth=effects(honest, single, plan.metrics),
            also={name: other.estimates(plan.metrics) for name, other in also.items()},
        )

    def _metrics(self, variant: Variant, seed: int) -> dict[str, Any]:
        if (variant, seed) in self._measured:
            self.ran.append(self._measured[variant, seed][0])
        else:
            ran = self.run(variant, seed=seed)
            self._measured[variant, seed] = (ran, _metrics_of(ran, variant.model))
        return self._measured[variant, seed][1]


def _metrics_of(ran: Ran, model: str) -> dict[str, Any]:
    """Metrics with intervals, the last losses on train and valid, and the seconds of training."""
    metrics = ran.metrics(model)
    intervals = {**metrics["intervals"]}
    if not {"rmse", "mae"} & set(intervals) and metrics["rmse"] is not None:
        intervals |= _over_rows(ran, model)
    curve = pd.read_csv(ran.file(paths.curves(model)))
    # curves are root mean squared errors, published losses are squared
    losses = {
        f"{part}_mse": float(curve[f"{part}_loss"].iloc[-1]) ** 2
        for part in ("train", "valid")
        if f"{part}_loss" in curve and curve[f"{part}_loss"].notna().any()
    }
    cost = {SECONDS: float(read_json(ran.file(paths.train_cost(model)))["train_seconds"])}
    return {**metrics, **losses, **cost, "intervals": intervals}


def _over_rows(ran: Ran, model: str) -> dict[str, list[float]]:
    """Intervals of errors where a single user stands for all: rows are resampled, not users."""
    table = pq.read_table(ran.file(paths.predictions(model)), columns=[RATING, SCORE])
    given, predicted = (table[name].to_numpy() for name in (RATING, SCORE))
    per_row = error_sums(np.arange(len(given)), len(given), given, predicted)
    samples = int(ran.content["evaluate"]["bootstrap_samples"])
    return intervals(per_row, {}, samples, resampling(ran.content["seed"]))


def effects(
    honest: Measured, single: Mapping[str, Measured], metrics: Iterable[str]
) -> tuple[FaultEffect, ...]:
    """Effect of each fault on each metric, unless it is exactly 0."""
    return tuple(
        FaultEffect(fault=fault, metric=metric, difference=difference)
        for metric in metrics
        if metric != SECONDS
        for fault, measured in single.items()
        if (difference := measured.estimate(metric).value - honest.estimate(metric).value)
    )


def settings(row: Row, ran: Ran) -> dict[str, Any]:
    """Values of those settings of a row that name a parameter, in a run of one model."""
    ((model, section),) = ran.content["models"].items()
    entry = ModelEntry.model_validate(section)
    # the whole config: conf/ leaves some parameters to the class
    config = entry.check(f"models.{model}", paths.PARAMS).model_dump(mode="json")
    own = {**config, "features": list(entry.features)}
    named = {name: setting.ours for name, setting in row.settings.items() if setting.ours}
    return {
        name: select(own, key[1:]) if key[0] == "." else select(ran.content, key)
        for name, key in named.items()
    }


def sizes(ran: Ran) -> dict[str, float]:
    """Rows of the parts, all ratings, and the users and movies that have one."""
    parts = {"train_rows": paths.TRAIN, "valid_rows": paths.VALID, "test_rows": paths.TEST}
    rows = {name: pq.read_metadata(ran.file(file)).num_rows for name, file in parts.items()}
    ratings = pd.read_parquet(ran.file(paths.INTERACTIONS), columns=[USER_IDX, ITEM_IDX])
    users, movies = (ratings[name].nunique() for name in (USER_IDX, ITEM_IDX))
    return {**rows, "ratings": len(ratings), "users": users, "movies": movies}


#: results by row; a text stands for a result that shows it
Results = Mapping[str, Result | str]
Part = Callable[[Study], Results]
#: what makes some rows, by their ids
Parts = Mapping[tuple[str, ...], Part]


def run_parts(parts: Parts, study: Study, rows: Collection[str]) -> dict[str, Result]:
    """Results of the parts that make some of `rows`; a part that fails hides no other."""
    found: dict[str, Result] = {}
    for made, part in parts.items():
        if set(made) & set(rows):
            _LOG.info("%s: %s", study.preset, ", ".join(made))
            start = len(study.ran)
            results = _tried(made, part, study)
            found |= {row: _with_origin(r, study, study.ran[start:]) for row, r in results.items()}
    return found


def _tried(rows: tuple[str, ...], part: Part, study: Study) -> dict[str, Result]:
    try:
        made = part(study)
        return {row: Result(shown=m) if isinstance(m, str) else m for row, m in made.items()}
    except (runs.StepError, ParamsError) as error:
        _LOG.error("%s: %s", ", ".join(rows), error)
        why = str(error)
    except Exception as error:  # it must not lose the hours spent on other rows
        _LOG.exception("%s", ", ".join(rows))
        why = f"{type(error).__name__}: {error}"
    # the log has all of it; a cell of the table needs the end
    reason = why if len(why) <= _LONGEST else f"… {why[-_LONGEST:].partition(' ')[2]}"
    return {row: Result(not_run=f"failed: {reason}") for row in rows}


def _with_origin(result: Result, study: Study, ran: Sequence[Ran]) -> Result:
    """With what tells where a result comes from, and what the steps behind it took."""
    if result.not_run:
        return result
    origin: dict[str, Any] = {
        "data": result.data or (ran[-1].content["data"]["name"] if ran else ""),
        "seeds": max([result.seeds, *(spread.runs for spread in result.same.values())]),
        "commit": commit(),
        "time": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
    }
    if ran:
        origin["seconds"] = round(sum(r.seconds for r in ran), 1)
        origin["peak_memory_bytes"] = max(r.peak_memory_bytes for r in ran)
    return result.model_copy(update=origin)


def commit() -> str:
    """The commit of the code, with "+" if files of it have changed since; empty without git."""
    code = ("src", "replications", "conf")
    try:
        head = _git("rev-parse", "--short=10", "HEAD")
        return f"{head}+" if _git("status", "--porcelain", "--", *code) else head
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
