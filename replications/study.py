"""Measuring: a model on a variant of the protocol, over seeds, with its interval and its cost."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from reelbench import paths
from reelbench.columns import RATING, SCORE
from reelbench.evaluation.rating_metrics import error_sums
from reelbench.evaluation.significance import error_intervals, resampling
from replications import workspace
from replications.result import Estimate, Spread
from replications.workspace import Ran

#: root seeds are this and the ones after it; the first is that of conf/config.yaml
FIRST_SEED = 42
#: seconds of training: a cost, which has no interval
SECONDS = "seconds"


@dataclass(frozen=True)
class Variant:
    """A model on a protocol: Hydra overrides on top of the preset, and faults by name."""

    model: str
    overrides: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    def with_(self, *overrides: str, faults: Sequence[str] = ()) -> Variant:
        """The same with more overrides and faults."""
        return Variant(self.model, (*self.overrides, *overrides), (*self.faults, *faults))

    @property
    def hydra(self) -> tuple[str, ...]:
        """All of it as overrides; faults are named only where there are some."""
        named = (f"faults=[{','.join(self.faults)}]",) if self.faults else ()
        return (*self.overrides, *named)


@dataclass(frozen=True)
class Measured:
    """A variant over seeds: all metrics of each run, the first with its intervals."""

    runs: tuple[Mapping[str, Any], ...]

    def spread(self, metric: str) -> Spread:
        """Mean and deviation over the seeds."""
        return spread_of([run[metric] for run in self.runs])

    def estimate(self, metric: str) -> Estimate:
        """The first seed's figure and its interval."""
        first = self.runs[0]
        low, high = first["intervals"].get(metric, (None, None))
        return Estimate(value=float(first[metric]), low=low, high=high)


def spread_of(figures: Sequence[float]) -> Spread:
    """Mean and deviation of a figure over runs."""
    values = np.array(figures, dtype=float)
    deviation = float(values.std(ddof=1)) if len(values) > 1 else None
    return Spread(mean=float(values.mean()), deviation=deviation, runs=len(values))


@dataclass
class Study:
    """The replication of one system: where it runs, on which data, and what it has cost so far.

    Attributes:
        overrides: on top of every variant; paths in them are absolute.
        seeds: number of runs behind a spread.
        folder: of all variants and the store of their outs.
    """

    preset: str
    overrides: tuple[str, ...]
    seeds: int
    folder: Path
    ran: list[Ran] = field(default_factory=list)
    _measured: dict[tuple[Variant, int], tuple[Ran, dict[str, Any]]] = field(default_factory=dict)

    def run(self, variant: Variant, *, seed: int = FIRST_SEED, upto: str = "") -> Ran:
        """Run one variant with one root seed, which draws the split too where that is random."""
        overrides = (
            f"+experiment={self.preset}",
            "tracking=none",
            # likeness of texts says nothing of a published row, and takes long
            "evaluate.similarity=ids",
            *self.overrides,
            f"seed={seed}",
            *variant.hydra,
        )
        folder, store = self.folder / variant.model, self.folder / "store"
        self.ran.append(workspace.run(folder, store, overrides, [variant.model], upto=upto))
        return self.ran[-1]

    def measure(self, variant: Variant, runs: int = 1) -> Measured:
        """Metrics of a variant over so many root seeds."""
        seeds = range(FIRST_SEED, FIRST_SEED + runs)
        return Measured(tuple(self._metrics(variant, seed) for seed in seeds))

    def _metrics(self, variant: Variant, seed: int) -> dict[str, Any]:
        """Of one run; a variant that several rows need is linked together once."""
        known = self._measured.get((variant, seed))
        if known is None:
            ran = self.run(variant, seed=seed)
            self._measured[variant, seed] = (ran, metrics_of(ran, variant.model))
        else:
            self.ran.append(known[0])
        return self._measured[variant, seed][1]

    def cost(self, since: int = 0) -> tuple[float, int]:
        """Seconds of all variants from the given one on, and bytes of the largest step."""
        ran = self.ran[since:]
        return sum(r.seconds for r in ran), max((r.peak_memory_bytes for r in ran), default=0)


def metrics_of(ran: Ran, model: str) -> dict[str, Any]:
    """Metrics with intervals, the last loss on train, and the seconds of training."""
    metrics = ran.metrics(model)
    intervals = {**metrics["intervals"]}
    if not {"rmse", "mae"} & set(intervals) and metrics["rmse"] is not None:
        intervals |= _over_rows(ran, model)
    return {
        **metrics,
        **_of_train(ran.file(paths.curves(model))),
        SECONDS: ran.train_seconds(model),
        "intervals": intervals,
    }


def _over_rows(ran: Ran, model: str) -> dict[str, list[float]]:
    """Intervals of errors where a single user stands for all: rows are drawn in place of users."""
    table = pq.read_table(ran.file(paths.predictions(model)), columns=[RATING, SCORE])
    given, predicted = (table[name].to_numpy() for name in (RATING, SCORE))
    rows = np.arange(len(given))
    samples = int(ran.content["evaluate"]["bootstrap_samples"])
    return error_intervals(
        error_sums(rows, len(rows), given, predicted), samples, resampling(ran.content["seed"])
    )


def _of_train(file: Path) -> dict[str, float]:
    """Squared error on train in the last epoch, dropout on; none for a model without epochs."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    # curves are root mean squared errors, published losses are not
    return {"train_mse": float(rows[-1]["train_loss"]) ** 2} if rows else {}


def over_folds(study: Study, variant: Variant, folds: int) -> Measured:
    """A variant on every one of so many random folds, fitted on all of the others."""
    split = ("split=kfold", f"split.folds={folds}", "split.valid=0.0")
    found = [
        study.measure(variant.with_(*split, f"split.fold={fold}")) for fold in range(1, folds + 1)
    ]
    return Measured(tuple(run for measured in found for run in measured.runs))
