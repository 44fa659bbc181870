"""What was predicted of costs beside what was measured, and the models that were skipped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reelbench import paths
from reelbench.files import read_json
from reelbench.reporting.results import Result
from reelbench.reporting.tables import Table, number

_FACTOR = 2.0


def skipped(models: Iterable[str]) -> dict[str, str]:
    """Reason by model that the budget had no room for."""
    files = {model: paths.skipped(model) for model in models}
    return {model: read_json(file)["reason"] for model, file in files.items() if file.is_file()}


def mispredicted(results: Sequence[Result]) -> Table | None:
    """Seconds and megabytes that were predicted wrong by more than a factor of two.

    A row per model and quantity; None without a plan, and where all predictions were better.
    """
    steps = read_json(paths.PLAN)["steps"] if paths.PLAN.is_file() else {}
    rows = [row for result in results for row in _rows(result, steps)]
    titles = ["model", "cost", "predicted", "measured", "ratio"]
    return Table(titles, "llrrr", rows) if rows else None


def _rows(result: Result, steps: Mapping[str, Any]) -> Iterator[list[str]]:
    train, evaluate = (
        (steps.get(f"{kind}@{result.name}") or {}).get("cost") for kind in ("train", "evaluate")
    )
    measured = (
        ("train s", train, "seconds", result.train_cost.get("stage_seconds"), 1),
        ("train MB", train, "memory", result.train_cost.get("peak_memory_bytes"), 10**6),
        ("evaluate s", evaluate, "seconds", result.evaluate_cost.get("evaluate_seconds"), 1),
    )
    for title, cost, quantity, found, unit in measured:
        if cost is None or not found:
            continue
        predicted = cost[quantity][0]
        if not found / _FACTOR <= predicted <= found * _FACTOR:
            texts = [number(value / unit, 1) for value in (predicted, found)]
            yield [result.name, title, *texts, number(predicted / found, 2)]
