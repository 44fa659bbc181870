"""A published figure to be had again: which variants are run for it, and the result they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from replications.result import Estimate, Result, Worth
from replications.rows import Row
from replications.study import SECONDS, Measured, Study, Variant
from replications.words import line

#: the fault that is a split and not an option: of each user as many rows as in `temporal_user`, but
#: any of them, so that train holds the future too and nothing else is different
FUTURE_SEEN = "future_seen"
RANDOM_ROWS = "split=random_by_user"


@dataclass(frozen=True)
class Plan:
    """What is run for the rows of one model.

    Attributes:
        rows: metrics by the id of the row that published them.
        same: the published protocol, with all of its faults.
        honest: the same model where nothing leaks.
        single: each fault by itself on top of `honest`.
        also: other variants whose figures belong beside it.
        least: number of seeds behind the published protocol, even where fewer were asked for.
    """

    rows: Mapping[str, tuple[str, ...]]
    same: Variant
    honest: Variant
    single: Mapping[str, Variant] = field(default_factory=dict)
    also: Mapping[str, Variant] = field(default_factory=dict)
    least: int = 1


def carry_out(plan: Plan, study: Study, rows: Mapping[str, Row]) -> list[Result]:
    """Run every variant of a plan; a result for each of its rows."""
    start = len(study.ran)
    same = study.measure(plan.same, max(study.seeds, plan.least))
    honest = study.measure(plan.honest)
    single = {fault: study.measure(variant) for fault, variant in plan.single.items()}
    also = {name: study.measure(variant) for name, variant in plan.also.items()}
    seconds, memory = study.cost(start)
    found = []
    for row, metrics in plan.rows.items():
        result = Result(
            row=row,
            same={metric: same.spread(metric) for metric in metrics},
            honest=_estimates(honest, metrics),
            worth=_worth(honest, single, metrics),
            also={name: _estimates(measured, metrics) for name, measured in also.items()},
            seconds=round(seconds, 1),
            peak_memory_bytes=memory,
        )
        found.append(result.model_copy(update={"line": line(rows[row], result)}))
    return found


def _estimates(measured: Measured, metrics: tuple[str, ...]) -> dict[str, Estimate]:
    return {metric: measured.estimate(metric) for metric in metrics}


def _worth(
    honest: Measured, single: Mapping[str, Measured], metrics: tuple[str, ...]
) -> tuple[Worth, ...]:
    """Differences that there are: a fault of the ranking leaves errors as they were."""
    return tuple(
        Worth(fault=fault, metric=metric, difference=difference)
        for metric in metrics
        if metric != SECONDS
        for fault, measured in single.items()
        if (difference := measured.estimate(metric).value - honest.estimate(metric).value)
    )
