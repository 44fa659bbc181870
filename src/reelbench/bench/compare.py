"""What moved between two results, and which moves are too much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reelbench.bench.config import BenchConfig
from reelbench.bench.source import ModelResults
from reelbench.evaluation.metrics import find
from reelbench.evaluation.significance import (
    ALPHA,
    Comparison,
    enough_resamples,
    holm,
    paired,
    resampling,
)

# smaller relative changes are another processor's rounding
_ROUNDING = 1e-7


@dataclass(frozen=True)
class Row:
    """One number of one model, before and after.

    Attributes:
        gated: whether it can stop a merge.
        comparison: new less base, paired by user; None where it is not tested.
        p_corrected: after Holm's correction for all gated rows that are tested.
        failure: why it stops the merge; empty if it does not.
    """

    model: str
    key: str
    base: float | None
    new: float | None
    gated: bool = False
    comparison: Comparison | None = None
    p_corrected: float | None = None
    failure: str = ""

    @property
    def change(self) -> float | None:
        """Relative change; None where it is not defined."""
        if self.base is None or self.new is None or self.base == 0:
            return None
        return (self.new - self.base) / abs(self.base)

    @property
    def loss(self) -> float:
        """How much worse a metric is, relative to the base; negative for an improvement."""
        if self.base is None or self.new is None or self.base == 0:
            return 0.0
        return find(self.key).loss(self.base, self.new) / abs(self.base)

    @property
    def moved(self) -> bool:
        """Whether it is another number at all."""
        if self.base is None or self.new is None:
            return self.base is not self.new
        return abs(self.new - self.base) > _ROUNDING * max(abs(self.base), abs(self.new))


def compare(
    base: Mapping[str, ModelResults],
    new: Mapping[str, ModelResults],
    config: BenchConfig,
    seed: int,
) -> list[Row]:
    """Everything that moved, gated rows first; a model that is gone is a failure.

    A gated metric fails where it is worse by more than its tolerance and the paired test says that
    it is worse. Without tables to test with, the tolerance decides alone.
    """
    samples = enough_resamples(config.bootstrap_samples, len(base) * len(config.tolerances))
    config = config.model_copy(update={"bootstrap_samples": samples})
    rows = []
    for model in base:
        if model not in new:
            gone = "the model is gone: save a new baseline if that is meant"
            rows.append(Row(model, "model", 1.0, None, gated=True, failure=gone))
            continue
        rows += _metrics(model, base[model], new[model], config, seed)
        rows += _costs(model, base[model].costs, new[model].costs, config)
    rows += [Row(model, "model", None, 1.0) for model in new if model not in base]
    judged = _judge([row for row in rows if row.moved], config)
    return sorted(judged, key=lambda row: (not row.failure, not row.gated))


def _metrics(
    model: str, base: ModelResults, new: ModelResults, config: BenchConfig, seed: int
) -> Iterator[Row]:
    for key in sorted({*_numbers(base.metrics), *_numbers(new.metrics)}):
        row = Row(model, key, base.metrics.get(key), new.metrics.get(key), key in config.tolerances)
        if row.gated and row.moved:
            row = _tested(row, base, new, config, seed)
        yield row


def _numbers(metrics: Mapping[str, Any]) -> list[str]:
    return [key for key, value in metrics.items() if not isinstance(value, dict)]


def _tested(row: Row, base: ModelResults, new: ModelResults, config: BenchConfig, seed: int) -> Row:
    if row.new is None:
        return replace(row, failure="the metric is gone")
    if row.base is None or base.per_user is None or new.per_user is None:
        return row
    samples, rng = config.bootstrap_samples, resampling(seed)
    try:
        comparison = paired(new.per_user, base.per_user, row.key, samples, rng)
    except ValueError as error:
        return replace(row, failure=f"cannot be compared: {error}")
    return replace(row, comparison=comparison)


def _judge(rows: list[Row], config: BenchConfig) -> list[Row]:
    tested = [number for number, row in enumerate(rows) if row.comparison]
    corrected = holm(np.array([rows[n].comparison.p for n in tested]))  # type: ignore[union-attr]
    for number, p in zip(tested, corrected, strict=True):
        rows[number] = replace(rows[number], p_corrected=float(p))
    return [_verdict(row, config) for row in rows]


def _verdict(row: Row, config: BenchConfig) -> Row:
    tolerance = config.tolerances.get(row.key)
    if tolerance is None or row.failure or row.loss <= tolerance:
        return row
    if row.p_corrected is None:
        why = "no per-user tables to test with"
    elif row.p_corrected < ALPHA:
        why = f"p = {row.p_corrected:.3f}"
    else:
        return row
    reason = f"worse by {row.loss:.1%}, more than the {tolerance:.1%} allowed ({why})"
    return replace(row, failure=reason)


def _costs(
    model: str, base: Mapping[str, Any], new: Mapping[str, Any], config: BenchConfig
) -> Iterator[Row]:
    """Costs with a limit; on another machine they say nothing of the change."""
    same = "machine" in base and base.get("machine") == new.get("machine")
    for key, limit in config.cost_limits.items():
        before, after = base.get(key), new.get(key)
        if before is None or after is None:
            continue
        ratio = max(after, limit.floor) / max(before, limit.floor, 1e-12)
        failure = ""
        if same and ratio > limit.ratio:
            failure = f"{ratio:.2f} times as much, more than {limit.ratio:g} times"
        yield Row(model, key, before, after, gated=same, failure=failure)
